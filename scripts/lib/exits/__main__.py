"""Starts processes that end in every way, in every phase of a connection, and checks how they ended.

exits COUNT TEST_SERVER LUA...              each LUA is named as in scripts/lib/luas.sh
exits --windows COUNT TEST_SERVER LUA...    the same for the module and the Luas of the platform windows-x86_64

A process must end with the status, or by the signal, with which the bare interpreter would end, within a second and
without a panic on stderr. A case that takes longer is run again, because a loaded machine may delay any process.
Prints the counts and the slowest ends, and exits with 1 if a process ended otherwise.
"""

import collections
import os
import random
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import unix
import windows

LIMIT = 1.0  # seconds to be gone
TRIES = 10  # that may take longer

PHASES = {
    "connecting": ("ws", "nowhere", "/"),
    "handshake": ("wss", "wss_stall", "/"),
    "open": ("ws", "ws", "/echo"),
    "secure": ("wss", "wss", "/echo"),
    "flood": ("ws", "ws", "/flood?bytes=1000000000000&size=1000"),
    "closing": ("ws", "ws", "/silent"),
}


def problem_of(status, errors, wanted):
    """Says what was wrong with the end of a process, or returns None."""
    if status != wanted:
        return f"ended with {status}, not {wanted}: {errors}"
    if "panicked" in errors:
        return f"panicked: {errors}"
    return None


def check(system, case, urls, ca, pause):
    """Runs a case, again if it took too long. Returns the seconds of every try, and what was wrong or None."""
    lua, phase, kind = case
    times = []
    for _ in range(TRIES):
        took, status, errors = system.run(lua, [phase, kind[0], kind[1], urls[phase], ca], kind[2], pause)
        if took is None:
            return [0], f"did not reach its phase: {errors}"
        times.append(took)
        problem = problem_of(status, errors, kind[3])
        if problem or took <= LIMIT:
            return times, problem
    return times, f"took at least {min(times):.2f} s in {TRIES} tries"


def main():
    words = sys.argv[1:]
    system = unix
    if words[0] == "--windows":
        system = windows
        words = words[1:]
    count, server, luas = int(words[0]), words[1], words[2:]
    seed = int(os.environ.get("SEED", "1"))
    chance = random.Random(seed)
    cases = [(lua, phase, kind) for lua in luas for phase in PHASES for kind in system.KINDS]
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
            results = list(pool.map(lambda case, pause: check(system, case, urls, ca, pause), chosen, pauses))
        child.stdin.close()
        child.wait()

    wrong = repeated = 0
    slowest = collections.defaultdict(float)
    for (lua, phase, (way, place, sent, _)), (times, problem) in zip(chosen, results):
        name = sent or way
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
