"""Starts programs that host Lua, and checks what their scripts report and what the echo server has seen.

run.py PORT DIRECTORY HOST:LUA...    the port of the echo server, where it keeps its records, and the hosts with the
                                     version of Lua that each needs

A host must hold a conversation, go on with its own work meanwhile, and end in time, with status 0 and with the
connection open; programs.py says what the server then has to see. A host that is not installed is skipped by name.
Prints a table, and exits with 1 if a host failed.
"""

import os
import re
import select
import signal
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

from programs import BROKEN, PROGRAMS

DEADLINE = 30  # seconds for a host, from its start to its end
LEAST_ROUNDS = 50
LEAST_TICKS = 20  # of its own timer or frames, in a second or more
OWN_TIME = 3  # seconds that a host may take to end
IDLE_PAUSE, IDLE_SPAN = 0.3, 1.5  # seconds


class Failure(Exception):
    pass


def values(path):
    """Reads lines `key=value`."""
    found = {}
    if path.exists():
        for line in path.read_text(errors="replace").splitlines():
            key, _, value = line.partition("=")
            found[key] = value
    return found


def wait_until(condition, deadline, what):
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise Failure(f"{what} was not seen in time")
        time.sleep(0.005)


def usage(group):
    """Returns the voluntary context switches and the seconds of CPU time of all threads of a process group."""
    switches = nanoseconds = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) != group:
                continue
            for task in (entry / "task").iterdir():
                status = (task / "status").read_text()
                switches += int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status, re.M).group(1))
                nanoseconds += int((task / "schedstat").read_text().split()[0])
        except OSError:
            pass  # it has ended meanwhile
    return switches, nanoseconds / 1e9


def lua_paths(lua):
    """Returns the variables by which a Lua finds the module of this tree first."""
    here = os.getcwd()
    suffix = "" if lua == "5.1" else "_" + lua.replace(".", "_")
    own = {"LUA_PATH": f"{here}/lua/?.lua;{here}/lua/?/init.lua;", "LUA_CPATH": f"{here}/target/lua/{lua}/?.so;"}
    return {
        name + suffix: path + os.environ.get(name + suffix, os.environ.get(name, ";")) for name, path in own.items()
    }


class Run:
    """One host from its start to its end."""

    def __init__(self, program, lua, port, records, display):
        self.program = program
        self.deadline = time.monotonic() + DEADLINE
        self.folder = Path("target/hosts") / program.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.report = self.folder / "report"
        self.report.unlink(missing_ok=True)
        token = f"{program.name}-{time.time_ns()}"
        self.record = records / token
        self.environment = dict(
            os.environ,
            HOST_REPORT=str(self.report.absolute()),
            WEBSOCKET_URL=f"ws://127.0.0.1:{port}/echo?token={urllib.parse.quote(token)}",
            **lua_paths(lua),
        )
        if display:
            self.environment["DISPLAY"] = display
        self.process = None

    def reports(self, key):
        """Waits until the host has reported a key, and returns its value."""

        def look():
            has_ended = self.process.poll() is not None
            told = values(self.report)
            if key not in told and "wrong" in told:
                raise Failure(told["wrong"])
            if key not in told and has_ended:
                raise Failure(f"ended with status {self.process.returncode} before it reported {key}")
            return told.get(key)

        return wait_until(look, self.deadline, f"{key} of the host's report")

    def note(self, key, value):
        """Reports in place of the host."""
        with self.report.open("a") as file:
            file.write(f"{key}={value}\n")

    def measure_idle(self):
        """Returns the wake-ups a second and the CPU time while nothing is done, "?" for a host that has ended since."""
        time.sleep(IDLE_PAUSE)
        switches, cpu = usage(self.process.pid)
        begin = time.monotonic()
        time.sleep(IDLE_SPAN)
        more_switches, more_cpu = usage(self.process.pid)
        passed = time.monotonic() - begin
        if self.process.poll() is not None:
            return "?", "?"
        return f"{(more_switches - switches) / passed:.1f}", f"{100 * (more_cpu - cpu) / passed:.2f} %"

    def check_end(self):
        begin = time.monotonic()
        try:
            status = self.process.wait(max(self.deadline - begin, 0.1))
        except subprocess.TimeoutExpired:
            raise Failure("did not end in time") from None
        took = time.monotonic() - begin
        if status != 0:
            raise Failure(f"ended with status {status}")
        if took > OWN_TIME:
            raise Failure(f"took {took:.1f} s to end")

        def is_over():
            seen = values(self.record)
            return seen if "eof" in seen or "error" in seen else None

        seen = wait_until(is_over, time.monotonic() + 5, "the end of the connection")
        end = f"Close {seen['close']}" if "close" in seen else BROKEN
        if end != self.program.end:
            raise Failure(f"the server saw {end} in place of {self.program.end}")
        return took, end, seen

    def go(self):
        with (self.folder / "output").open("w") as output:
            self.process = subprocess.Popen(
                self.program.command(self),
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self.program.talk(self)
            self.reports("idle")
            switches, cpu = self.measure_idle()
            self.program.quit(self)
            self.reports("quit")
            took, end, seen = self.check_end()
        finally:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
        told = values(self.report)
        for key in ("wrong", "error"):
            if key in told:
                raise Failure(f"{key}: {told[key]}")
        if int(told["rounds"]) < LEAST_ROUNDS or int(seen["messages"]) < int(told["rounds"]):
            raise Failure(f"{told['rounds']} round trips, and the server saw {seen['messages']} messages")
        if int(told["ticks"]) < LEAST_TICKS:
            raise Failure(f"did its own work only {told['ticks']} times during the conversation")
        return [
            told["lua"], "works", told["rounds"], told["round_trip_ms"], told["ticks"],
            switches, cpu, end, f"{took:.2f} s",
        ]


def start_display():
    """Starts an X server on a free display; returns it and its name."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x600x24", "-nolisten", "tcp"],
        pass_fds=[write], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    os.close(write)
    if not select.select([read], [], [], 20)[0]:
        server.kill()
        raise Failure("Xvfb did not start")
    with os.fdopen(read) as file:
        return server, ":" + file.readline().strip()


def run(name, lua, port, records, display):
    """Returns the row of the table, and whether the host has failed."""
    program = PROGRAMS[name]
    reason = program.missing()
    if reason:
        return [name, "", "", f"skipped: {reason}"], False
    row = [name, program.version()]
    this = Run(program, lua, port, records, display)
    try:
        return row + this.go(), False
    except (Failure, OSError, ValueError) as failure:
        return row + ["Lua " + lua, f"FAILED: {failure} (see {this.folder}/output)"], True


def print_table(rows):
    head = ["host", "version", "its Lua", "result", "rounds", "ms each", "own ticks", "idle wake-ups/s", "idle CPU",
            "the server saw", "ended in"]
    rows = [head] + [row + [""] * (len(head) - len(row)) for row in rows]
    # The text of a failure or a skip takes more than its column.
    widths = [max(len(row[i]) for row in rows if i != 3 or row[4]) for i in range(len(head))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip(), flush=True)


def main():
    port, records, hosts = int(sys.argv[1]), Path(sys.argv[2]) / "reports", sys.argv[3:]
    rows, failed, server, display = [], False, None, None
    try:
        if any(PROGRAMS[host.split(":")[0]].needs_screen for host in hosts):
            try:
                server, display = start_display()
            except (OSError, Failure) as problem:
                print(f"no screen: {problem}")
        for host in hosts:
            name, lua = host.split(":")
            print(f"{name} ...", flush=True)
            row, has_failed = run(name, lua, port, records, display)
            rows.append(row)
            failed = failed or has_failed
    finally:
        if server:
            server.terminate()
            server.wait(10)
    print()
    print_table(rows)
    sys.exit(1 if failed else 0)


main()
