"""How processes end on Windows, and how that is tried. Elsewhere Wine runs them.

Comes in: a Lua, the arguments of ending.lua, and Ctrl-C. Goes out: how long the end took, the status, and stderr.

console.exe starts the process on a console of its own, sends Ctrl-C, and measures, since Wine takes long to start.
Windows has no SIGTERM: what ends a program from outside does not ask it.
"""

import os
import subprocess
import tempfile

FOLDER = "target/platforms/windows-x86_64"
PATIENCE = 60  # seconds until a process that hangs is killed

# The way a process ends, where its script is then, what is sent to it, and the expected status.
KINDS = [
    ("end", "script", None, 0),
    ("exit", "script", None, 7),
    ("exit", "callback", None, 7),
    ("exit-closing", "script", None, 7),
    ("exit-closing", "callback", None, 7),
    ("error", "script", None, 1),
] + [("signal", place, "Ctrl-C", 1) for place in ("script", "run", "poll", "callback")]


def environment(lua):
    version = "5.1" if lua == "luajit" else lua
    suffix = "" if version == "5.1" else "_" + version.replace(".", "_")
    return dict(
        os.environ,
        **{
            "LUA_PATH" + suffix: "lua\\?.lua;lua\\?\\init.lua;;",
            "LUA_CPATH" + suffix: f"{FOLDER}/lua/{version}/?.dll".replace("/", "\\") + ";;",
        },
    )


def run(lua, arguments, sent, pause):
    """Runs one process. Returns the seconds that its end took, None if it did not begin, its status, and its stderr."""
    program = f"{FOLDER}/luas/{lua}/lua.exe"
    command = [] if os.name == "nt" else ["wine"]
    command += [f"{FOLDER}/console.exe", str(round(pause * 1000)) if sent else "-", program]
    with tempfile.TemporaryFile() as errors:
        # Its stderr is a file, since a pipe would stay open for as long as Wine runs.
        process = subprocess.run(
            [*command, "scripts/lib/exits/ending.lua", *arguments],
            env=environment(lua),
            stdout=subprocess.PIPE,
            stderr=errors,
            timeout=PATIENCE,
            check=False,
        )
        errors.seek(0)
        text = errors.read().decode(errors="replace")
    words = process.stdout.decode(errors="replace").split()
    if len(words) != 3 or words[0] != "ready":
        return None, process.returncode, text
    return int(words[1]) / 1000, int(words[2]), text
