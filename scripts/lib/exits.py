"""Starts processes that end in every way, in every phase of a connection, and checks how they ended.

exits.py COUNT TEST_SERVER LUA...    each LUA is named as in scripts/lib/luas.sh

A process must end with the status, or by the signal, with which the bare interpreter would end, within a second and
without a panic on stderr. A case that takes longer is run again, because a loaded machine may delay any process.
Prints the counts and the slowest ends, and exits with 1 if a process ended otherwise.
"""

import collections
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

LIMIT = 1.0  # seconds to be gone
TRIES = 10  # that may take longer
PATIENCE = 60  # seconds until a process that hangs is killed

PHASES = {
    "connecting": ("ws", "nowhere", "/"),
    "handshake": ("wss", "wss_stall", "/"),
    "open": ("ws", "ws", "/echo"),
    "secure": ("wss", "wss", "/echo"),
    "flood": ("ws", "ws", "/flood?bytes=1000000000000&size=1000"),
    "closing": ("ws", "ws", "/silent"),
}

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
    for sent, status in ((signal.SIGINT, 1), (signal.SIGTERM, -signal.SIGTERM))
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


def run(case, urls, ca, pause):
    """Runs one process. Returns the seconds that its end took, and what was wrong with it or None."""
    lua, phase, (way, place, sent, status) = case
    command = [lua if lua.startswith("luajit") else "lua" + lua, "scripts/lib/exits.lua"]
    process = subprocess.Popen(
        command + [phase, way, place, urls[phase], ca],
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
        process.send_signal(sent)
    try:
        _, errors = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        _, errors = process.communicate()
    took = time.monotonic() - begin
    if ready != "ready\n":
        return took, f"did not reach its phase: {errors}"
    if process.returncode != status:
        return took, f"ended with {process.returncode}, not {status}: {errors}"
    if "panicked" in errors:
        return took, f"panicked: {errors}"
    return took, None


def check(*case):
    """Runs a case, again if it took too long. Returns the seconds of every try, and what was wrong or None."""
    times = []
    for _ in range(TRIES):
        took, problem = run(*case)
        times.append(took)
        if problem or took <= LIMIT:
            return times, problem
    return times, f"took at least {min(times):.2f} s in {TRIES} tries"


def main():
    count, server, luas = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    seed = int(os.environ.get("SEED", "1"))
    chance = random.Random(seed)
    cases = [(lua, phase, kind) for lua in luas for phase in PHASES for kind in KINDS]
    chosen = []
    while len(chosen) < count:
        chance.shuffle(cases)
        chosen += cases
    chosen = chosen[:count]

    with tempfile.TemporaryDirectory() as directory:
        child = subprocess.Popen(
            [server, "--dir", directory, "--ports-file", f"{directory}/ports.lua"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        child.stdout.readline()
        with open(f"{directory}/ports.lua", encoding="utf-8") as file:
            ports = dict(re.findall(r"(\w+) = (\d+)", file.read()))
        urls = {
            phase: f"{scheme}://127.0.0.1:{ports[port]}{path}" for phase, (scheme, port, path) in PHASES.items()
        }
        # Two at a time, because a process that waits for a signal leaves its processor idle.
        with ThreadPoolExecutor(2) as pool:
            pauses = [chance.uniform(0, 0.03) for _ in chosen]
            ca = f"{directory}/ca.pem"
            results = list(pool.map(lambda case, pause: check(case, urls, ca, pause), chosen, pauses))
        child.stdin.close()
        child.wait()

    wrong = repeated = 0
    slowest = collections.defaultdict(float)
    for (lua, phase, (way, place, sent, _)), (times, problem) in zip(chosen, results):
        name = sent.name if sent else way
        slowest[name] = max(slowest[name], *times)
        repeated += len(times) - 1
        if problem:
            wrong += 1
            print(f"Lua {lua}, {phase}, {name} in {place}: {problem.strip()}", file=sys.stderr)
    for name, took in slowest.items():
        print(f"{name}: slowest {took * 1000:.0f} ms")
    combinations = len(set(chosen))
    print(f"{count} exits, {combinations} combinations of {len(cases)}, seed {seed}: {repeated} tries repeated, {wrong} wrong")
    return 1 if wrong else 0


sys.exit(main())
