"""The targets of this module: what each row must reach and should reach, and whether it does.

Comes in: the results of a run. Goes out: a Markdown table. A figure is a quotient of two minima, or a minimum itself.
"""

from dataclasses import dataclass

from tables import number, row
from workloads import PINNED, UNPINNED

LUAS = {"lua5.4": "Lua 5.4", "lua5.1": "Lua 5.1", "luajit": "LuaJIT"}


class NotMeasured(Exception):
    """Part of a figure is not in the results."""


@dataclass(frozen=True)
class Target:
    """A figure that should be small, or large if `large` says so."""

    title: str
    figure: object  # a function of the results
    must: float
    aim: float
    unit: str = ""
    large: object = False


def least(results, workload, mode, contender, member):
    try:
        return min(results[workload][mode][contender][member])
    except KeyError:
        raise NotMeasured from None


def quotient(workload, mode, member, contender, reference):
    """Our figure divided by that of a reference in the same workload."""
    return lambda results: least(results, workload, mode, contender, member) / least(
        results, workload, mode, reference, member
    )


def inverse(workload, mode, member, contender, reference):
    """The figure of a reference divided by ours: how many times as many operations in the same time."""
    return quotient(workload, mode, member, reference, contender)


def plain(workload, member, contender, factor=1.0):
    return lambda results: least(results, workload, PINNED, contender, member) * factor


def growth(contender):
    """The cost of a message at 5,000 connections to that at one."""
    return lambda results: least(results, "connections-5000", PINNED, contender, "burst_cpu") / least(
        results, "connections-1", PINNED, contender, "burst_cpu"
    )


def for_lua(key):
    """Returns the targets of one Lua."""
    pinned = lambda workload, member, reference: quotient(workload, PINNED, member, key, reference)
    rows = [
        Target("echo 1 MiB, wall, to raw TCP", pinned("echo-1m", "wall", "tcp"), 1.5, 1.2),
    ]
    if key == "lua5.1":
        return rows
    receive = 1.4 if key == "luajit" else 1.3
    unpinned = quotient("callback", UNPINNED, "wall", key, "tcp")
    faster = inverse("receive-64", UNPINNED, "wall", key, "tungstenite")
    return [
        Target("round trip 64 B by callback, wall, to raw TCP", pinned("callback", "wall", "tcp"), 1.25, 1.05),
        Target("the same to picows on uvloop", pinned("callback", "wall", "picows"), 1.0, 1.0),
        Target("round trip in a loop, wall, to raw TCP", pinned("loop", "wall", "tcp"), 1.35, 1.10),
        Target("round trip unpinned, wall, to raw TCP", unpinned, 1.0, 0.5),
        Target("receive 64 B, CPU, to tokio-tungstenite", pinned("receive-64", "cpu", "tungstenite"), receive, 1.0),
        Target("receive unpinned, messages a second, to tokio-tungstenite", faster, 1.0, 1.4, large=True),
        Target("send 64 B, CPU, to tokio-tungstenite in batches", pinned("send-64", "cpu", "tungstenite"), 1.6, 1.0),
        Target("TLS: round trip, wall, to tokio-tungstenite", pinned("tls-callback", "wall", "tungstenite"), 1.2, 1.0),
        Target("TLS: receive 64 B, CPU, to tokio-tungstenite", pinned("tls-receive-64", "cpu", "tungstenite"), 1.2, 1.0),
        Target("send 64 B, wall, Node's ws to ours", inverse("send-64", PINNED, "wall", key, "ws"), 5, 8, large=True),
        *rows,
        Target("200 KiB, 16 in flight, CPU, to Python's websockets", pinned("compressed", "cpu", "websockets"), 1.0, 0.8),
        Target("memory of a ws connection", plain("connections-1000", "memory", key), 6, 5, " KiB"),
        Target("memory of a wss connection", plain("connections-tls", "memory", key), 30, 20, " KiB"),
        # The figure is that of one connection, so 1,000 times as much for all, in milliseconds.
        Target("1,000 idle connections, 10 s, CPU", plain("idle", "cpu", key), 4, 1, " ms"),
        Target("loading to the first open connection, CPU", plain("startup", "cpu", key, 1e-3), 2.5, 1.2, " ms"),
        Target("cost of a message, 5,000 connections to 1, CPU", growth(key), 1.5, 1.1),
    ]


def verdict(target, figure):
    sign = -1 if target.large else 1
    if sign * figure <= sign * target.aim:
        return "aim reached"
    return "met" if sign * figure <= sign * target.must else "**missed**"


def table(results):
    """Returns the table of all targets that the run has measured, and a line about the others."""
    headings = ["target", "Lua", "ours", "must", "aim", ""]
    lines = [row(headings), "|" + "---|" * len(headings)]
    missing = 0
    for key, name in LUAS.items():
        for target in for_lua(key):
            try:
                figure = target.figure(results)
            except NotMeasured:
                missing += 1
                continue
            limits = [number(target.must), number(target.aim)]
            lines.append(row([target.title, name, f"{figure:.2f}{target.unit}", *limits, verdict(target, figure)]))
    if missing:
        lines += ["", f"This run did not measure {missing} of the targets."]
    return "\n".join(lines)
