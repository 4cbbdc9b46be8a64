"""Tells where the time of a small message goes: `scripts/bench profile`.

Comes in: the built module. Goes out: a Markdown table of nanoseconds for each message, from the samples that Linux's perf
takes of the client's threads. Runs of this kind are a little slower than others, because perf interrupts them.
"""

import os
import re
import subprocess
import sys

from contenders import CONTENDERS, TARGET
from running import Server
from tables import row
from workloads import PINNED, WORKLOADS

SAMPLES = os.path.join(TARGET, "perf.data")
COUNT = 8_000_000

# What belongs to which part: the first pattern that is found in "THREAD LIBRARY" decides.
PARTS = (
    ("the kernel", r"kernel"),
    ("this module, the host's thread", r"^lua\S* core\.so"),
    ("this module, the helper's thread", r"^websocket core\.so"),
    ("the C library: copies and memory", r"libc|ld-linux|vdso"),
    ("Lua and the script", r""),
)


def shares():
    """Returns the share of each part in the samples."""
    command = ["perf", "report", "-i", SAMPLES, "--stdio", "--stdio-color", "never", "--no-children", "--sort", "comm,dso"]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = dict.fromkeys((name for name, _ in PARTS), 0.0)
    for share, rest in re.findall(r"^ +([\d.]+)% +(.+?) *$", report, re.MULTILINE):
        where = " ".join(rest.split())
        name = next(name for name, pattern in PARTS if re.search(pattern, where))
        found[name] += float(share) / 100
    return found


def profile(server, key, name):
    """Returns the nanoseconds for each message that each part takes."""
    result = server.run(key, WORKLOADS[name], COUNT, ("perf", "record", "-q", "-F", "5000", "-o", SAMPLES))
    if isinstance(result, str):
        sys.exit(f"{name}: {CONTENDERS[key].name}: {result}")
    cpu = result["cpu"] / result["operations"] * 1e9
    return {part: share * cpu for part, share in shares().items()}


def main():
    columns = [(name, key) for name in ("receive-64", "send-64") for key in ("lua5.4", "luajit")]
    with Server(PINNED) as server:
        found = {column: profile(server, column[1], column[0]) for column in columns}
    headings = [f"{name}, {CONTENDERS[key].name.split(', ')[1]}" for name, key in columns]
    print(row(["nanoseconds of CPU for a message", *headings]))
    print("|---" * (len(columns) + 1) + "|")
    for part, _ in PARTS:
        print(row([part, *(f"{found[column][part]:.0f}" for column in columns)]))
    print(row(["together", *(f"{sum(found[column].values()):.0f}" for column in columns)]))


if __name__ == "__main__":
    main()
