"""What the servers in Python have in common: how they are started, say where they listen, and end.

Comes in: the options that servers.lua gives to each server. Goes out: a file with the ports, which Lua reads. Knows no
protocol.
"""

import argparse
import json
import os
import sys
import threading

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


def parser(description):
    """Returns a parser that has the options of every server."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--dir", required=True)
    options.add_argument("--ports-file", required=True)
    return options


def end_with_stdin():
    """Ends this process when its stdin is closed, so that no server outlives what has started it."""

    def wait():
        while sys.stdin.buffer.read(256):
            pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def announce(path, **ports):
    """Writes the ports, by name, into a file that is never seen half written."""
    with open(path + "~", "w", encoding="ascii") as file:
        file.write("return { " + ", ".join(f"{name} = {port}" for name, port in ports.items()) + " }\n")
    os.replace(path + "~", path)
    print("ready", flush=True)


def port_of(server):
    """Returns the port of a server that listens."""
    return server.sockets[0].getsockname()[1]


def chooser(supported):
    """Returns a function that chooses this subprotocol where the client offers it, and none elsewhere."""
    return lambda _connection, offered: supported if supported in offered else None


async def listen(talk, port=0, subprotocol=None):
    """Serves on a port of 127.0.0.1, or on a free one, and returns the server. `talk` is called with each connection."""

    async def until_closed(connection):
        try:
            await talk(connection)
        except ConnectionClosed:
            pass

    return await serve(
        until_closed,
        "127.0.0.1",
        port,
        subprotocols=[subprotocol] if subprotocol else None,
        select_subprotocol=chooser(subprotocol) if subprotocol else None,
    )


async def send(connection, message):
    """Sends a message as JSON in a text message."""
    await connection.send(json.dumps(message))
