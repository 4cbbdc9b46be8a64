"""The contenders: how each is called, started and fed.

Comes in: the files that scripts/bench has built and installed, and those in target/bench/unavailable, each of which
says why a contender could not be had. Goes out: the commands.
"""

import os
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
TARGET = os.path.join(ROOT, "target", "bench")
CLIENTS = os.path.join(HERE, "clients")


@dataclass(frozen=True)
class Contender:
    """One client program. In floods a slow client does only the share `scale` of the operations."""

    name: str
    command: tuple
    scale: float = 1.0


def rust(name, library):
    return Contender(name, (os.path.join(TARGET, "cargo", "release", f"bench-{library}"),))


def lua_command(interpreter, version):
    """Returns the command of a Lua that finds this module. LuaJIT loads the one for 5.1."""
    path = f"LUA_PATH={ROOT}/lua/?.lua;{ROOT}/lua/?/init.lua;;"
    module = f"LUA_CPATH={ROOT}/target/lua/{version}/?.so;;"
    # From 5.2 on, a variable with the version in its name would win.
    suffix = version.replace(".", "_")
    return ("env", "-u", f"LUA_PATH_{suffix}", "-u", f"LUA_CPATH_{suffix}", path, module, interpreter)


PYTHON = (os.path.join(TARGET, "python", "bin", "python"),)
NODE = ("env", f"NODE_PATH={ROOT}/spec/support/node_modules", "node", "--expose-gc")


def lua(name, interpreter, version):
    return Contender(name, (*lua_command(interpreter, version), os.path.join(CLIENTS, "websocket_native.lua")))


def python(name, client):
    return Contender(name, (*PYTHON, os.path.join(CLIENTS, client)), 0.1)


def node(name, library):
    return Contender(name, (*NODE, os.path.join(CLIENTS, "node.js"), library), 0.2)


CONTENDERS = {
    "tcp": rust("raw TCP, no WebSocket", "tcp"),
    "tungstenite": rust("tokio-tungstenite (Rust)", "tokio-tungstenite"),
    "fastwebsockets": rust("fastwebsockets (Rust)", "fastwebsockets"),
    "nexus": rust("nexus-web (Rust)", "nexus-web"),
    "sockudo": rust("sockudo-ws (Rust)", "sockudo-ws"),
    "lua5.4": lua("websocket-native, Lua 5.4", "lua5.4", "5.4"),
    "lua5.1": lua("websocket-native, Lua 5.1", "lua5.1", "5.1"),
    "luajit": lua("websocket-native, LuaJIT", "luajit", "5.1"),
    "lua-http": Contender("lua-http, LuaJIT", ("luajit", os.path.join(CLIENTS, "lua_http.lua")), 0.01),
    "lua-websockets": Contender(
        "lua-websockets, LuaJIT",
        ("env", f"LUA_PATH={TARGET}/rocks/share/lua/5.1/?.lua;{TARGET}/rocks/share/lua/5.1/?/init.lua;;",
         f"LUA_CPATH={TARGET}/rocks/lib/lua/5.1/?.so;;", "luajit", os.path.join(CLIENTS, "lua_websockets.lua")),
        0.01,
    ),
    "websockets": python("websockets, asyncio (Python)", "websockets_async.py"),
    "websockets-sync": python("websockets, threads (Python)", "websockets_sync.py"),
    "picows": python("picows on uvloop (Python)", "picows_client.py"),
    "ws": node("ws (Node)", "ws"),
    "node": node("Node's own WebSocket", "native"),
}


def unavailable(key):
    """Returns why a contender cannot be had, or None."""
    try:
        with open(os.path.join(TARGET, "unavailable", key), encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return None
