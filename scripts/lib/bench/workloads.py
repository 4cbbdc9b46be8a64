"""The workloads: what is measured, with which clients, and how often."""

from dataclasses import dataclass

KIB, MIB = 1024, 1024 * 1024
PINNED, UNPINNED = "pinned", "unpinned"

RUST = ("tungstenite", "fastwebsockets", "nexus", "sockudo")
OURS = ("lua5.4", "lua5.1", "luajit")
SCRIPTING = ("lua-http", "lua-websockets", "websockets", "websockets-sync", "picows", "ws", "node")
ALL = ("tcp", *RUST, *OURS, *SCRIPTING)
# Those that take less than a second for 16 MiB.
LARGE = ("tcp", *RUST, *OURS, "websockets", "websockets-sync", "picows", "ws", "node")
# Those whose usual way is to send and then to wait, and the best of the others.
LOOPING = ("tcp", "tungstenite", *OURS, "lua-http", "lua-websockets", "websockets", "websockets-sync", "picows")
# Those that can hold many connections in one thread.
MANY = ("tungstenite", "fastwebsockets", "sockudo", *OURS, "websockets", "picows", "ws", "node")
# Those that open thousands of them within a few seconds.
QUICK_TO_OPEN = ("tungstenite", "fastwebsockets", "sockudo", *OURS, "picows", "ws")
SECURE = ("tungstenite", *OURS, "websockets", "websockets-sync", "picows", "ws")


@dataclass(frozen=True)
class Workload:
    """`program` is the workload's name for the clients. The ratios are those to the first of `contenders`."""

    title: str
    program: str
    count: int
    size: int
    contenders: tuple
    secure: bool = False
    modes: tuple = (PINNED, UNPINNED)
    fewest_rounds: int = 5
    repeats: int = 1  # runs in each round
    scaled: bool = False  # slow clients do fewer operations
    measures: tuple = ("wall", "cpu")
    members: tuple = ()  # what the clients report beside wall and cpu


def connections(count, secure=False):
    fans = () if secure else ("single_wall", "single_cpu", "burst_wall", "burst_cpu")
    contenders = MANY if count < 5000 else QUICK_TO_OPEN
    if secure:
        contenders = ("tungstenite", *OURS, "websockets", "picows", "ws")
    return Workload(
        ("1 connection" if count == 1 else f"{count:,} connections") + (" over TLS" if secure else ""),
        "connections",
        count,
        64,
        contenders,
        secure,
        (PINNED,),
        fewest_rounds=2 if count >= 1000 else 5,
        members=("memory", *fans) if count > 1 else fans,
    )


WORKLOADS = {
    "callback": Workload("Round trip of 64 B, by callback", "callback", 15_000, 64, ALL),
    "loop": Workload("Round trip of 64 B, by sending and then waiting, in a loop", "loop", 15_000, 64, LOOPING),
    "receive-64": Workload("Receiving 64 B in a flood", "receive", 2_000_000, 64, ALL, scaled=True),
    "receive-1k": Workload("Receiving 1 KiB in a flood", "receive", 200_000, KIB, ALL, scaled=True),
    "send-64": Workload("Sending 64 B", "send", 1_000_000, 64, ALL, scaled=True),
    "echo-200k": Workload("Round trip of 200 KiB, uncompressed", "callback", 1000, 200 * KIB, ALL, scaled=True),
    "echo-1m": Workload("Round trip of 1 MiB", "callback", 300, MIB, ALL, scaled=True),
    "echo-16m": Workload("Round trip of 16 MiB", "callback", 10, 16 * MIB, LARGE, modes=(PINNED,)),
    "connections-1": connections(1),
    "connections-100": connections(100),
    "connections-1000": connections(1000),
    "connections-5000": connections(5000),
    "connections-tls": connections(100, secure=True),
    "idle": Workload(
        "1,000 idle connections for 10 s", "idle", 1000, 10, ("tungstenite", *OURS, "picows", "ws"),
        modes=(PINNED,), fewest_rounds=2, measures=("cpu",),
    ),
    "startup": Workload(
        "From loading the library to the first open connection", "startup", 1, 64, ALL[1:], modes=(PINNED,), repeats=2,
        measures=("cpu",),
    ),
    "tls-callback": Workload("Round trip of 64 B over TLS", "callback", 15_000, 64, SECURE, True, (PINNED,)),
    "tls-receive-64": Workload(
        "Receiving 64 B in a flood over TLS", "receive", 500_000, 64, SECURE, True, (PINNED,), scaled=True
    ),
    "tls-echo-1m": Workload("Round trip of 1 MiB over TLS", "callback", 50, MIB, SECURE, True, (PINNED,)),
}
