"""Runs the contenders of a workload in turn against one server, and collects what they report.

Comes in: a workload and a mode. Goes out: for each contender the figures of every round, in microseconds for each
operation. Knows nothing of tables.
"""

import json
import os
import subprocess
import sys
import time

from contenders import CONTENDERS, TARGET, unavailable
from workloads import PINNED

LIMIT = 180  # seconds for one run of one client
CPU = str(max(os.sched_getaffinity(0)))


def on_cpu(mode, command):
    return ["taskset", "-c", CPU, *command] if mode == PINNED else list(command)


class Server:
    """The server of the benchmarks. It ends together with this process."""

    def __init__(self, mode):
        self.mode = mode

    def __enter__(self):
        command = [os.path.join(TARGET, "cargo", "release", "bench-server"), TARGET]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(on_cpu(self.mode, command), **pipes)
        ports = json.loads(self.process.stdout.readline())
        self.urls = {scheme: f"{scheme}://127.0.0.1:{port}" for scheme, port in ports.items()}
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)

    def run(self, key, workload, count=None, wrapper=()):
        """Runs one client once, and returns what it reports, or the text of what went wrong.

        `count` replaces that of the workload. `wrapper` is a command that starts the client.
        """
        contender = CONTENDERS[key]
        count = count or (int(workload.count * contender.scale) if workload.scaled else workload.count)
        url = self.urls["wss" if workload.secure else "ws"]
        command = [*wrapper, *contender.command, workload.program, url, str(count), str(workload.size)]
        environment = {**os.environ, "BENCH_CA": os.path.join(TARGET, "ca.pem")}
        try:
            output = subprocess.run(
                on_cpu(self.mode, command), capture_output=True, text=True, timeout=LIMIT, env=environment
            )
        except subprocess.TimeoutExpired:
            return f"did not end within {LIMIT} s"
        if output.returncode != 0:
            return what_went_wrong(output)
        return json.loads(output.stdout)


def what_went_wrong(output):
    """Returns the line of stderr that names the error: in Python the last one, elsewhere one of the first."""
    lines = output.stderr.strip().splitlines()
    named = [line for line in lines if "Error" in line or "error" in line]
    return (named or lines or [f"ended with status {output.returncode}"])[0].strip()


def figures(report):
    """Turns a client's report into microseconds for each operation. `memory` stays what it is: KiB."""
    result = {}
    for name, value in report.items():
        prefix, _, member = name.rpartition("_")
        if member in ("wall", "cpu"):
            operations = report[f"{prefix}_operations" if prefix else "operations"]
            result[name] = value / operations * 1e6
        elif member == "memory":
            result[name] = value
    return result


def measure(name, workload, mode, keys, rounds):
    """Returns the figures of every contender as lists, by contender and member, and the failures by contender."""
    results, failures = {}, {}
    wanted = [key for key in workload.contenders if key in keys]
    for key in wanted:
        reason = unavailable(key)
        if reason:
            failures[key] = reason
    begin = time.monotonic()
    with Server(mode) as server:
        for number in range(rounds * workload.repeats):
            print(f"\r{name}, {mode}, round {number + 1}", end="", file=sys.stderr, flush=True)
            for key in wanted:
                if key in failures:
                    continue
                report = server.run(key, workload)
                if isinstance(report, str):
                    failures[key] = report
                    continue
                for member, value in figures(report).items():
                    results.setdefault(key, {}).setdefault(member, []).append(value)
    print(f": {time.monotonic() - begin:.0f} s", file=sys.stderr)
    return {key: results[key] for key in wanted if key in results}, failures
