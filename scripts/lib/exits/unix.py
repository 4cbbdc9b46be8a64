"""How processes end on Unix, and how that is tried.

Comes in: a Lua, the arguments of ending.lua, and a signal. Goes out: how long the end took, the status, and stderr.
"""

import os
import signal
import subprocess
import time

PATIENCE = 60  # seconds until a process that hangs is killed

# The way a process ends, where its script is then, the signal that it gets, and the expected status. As in the module
# subprocess, the status of a process that a signal ended is the negative number of the signal.
KINDS = [
    ("end", "script", None, 0),
    ("exit", "script", None, 7),
    ("exit", "callback", None, 7),
    ("exit-closing", "script", None, 7),
    ("exit-closing", "callback", None, 7),
    ("error", "script", None, 1),
] + [
    ("signal", place, sent, status)
    for place in ("script", "run", "poll", "callback")
    for sent, status in (("SIGINT", 1), ("SIGTERM", -signal.SIGTERM))
]


def environment(lua):
    version = "5.1" if lua.startswith("luajit") else lua
    suffix = "" if version == "5.1" else "_" + version.replace(".", "_")
    here = os.getcwd()
    return dict(
        os.environ,
        **{
            "LUA_PATH" + suffix: f"{here}/lua/?.lua;{here}/lua/?/init.lua;;",
            "LUA_CPATH" + suffix: f"{here}/target/lua/{version}/?.so;;",
        },
    )


def run(lua, arguments, sent, pause):
    """Runs one process. Returns the seconds that its end took, None if it did not begin, its status, and its stderr."""
    program = lua if lua.startswith("luajit") else "lua" + lua
    process = subprocess.Popen(
        [program, "scripts/lib/exits/ending.lua", *arguments],
        env=environment(lua),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    ready = process.stdout.readline()
    begin = time.monotonic()
    if sent and ready:
        time.sleep(pause)
        begin = time.monotonic()
        process.send_signal(signal.Signals[sent])
    try:
        _, errors = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        _, errors = process.communicate()
    took = time.monotonic() - begin if ready == "ready\n" else None
    return took, process.returncode, errors
