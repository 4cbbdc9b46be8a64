"""What the clients in Python share: the messages that they send, and what a run has used."""

import functools
import gc
import json
import os
import re
import sys
import time

# The same as in benches/src/workloads.rs.
BATCH = 1000
AT_ONCE = 50
FIRST = 10
FANS = (("single", 40_000, 1), ("burst", 160_000, 16))


def text(size, number):
    """Returns a text of a size, which differs from those of other numbers."""
    return f"{number} {chr(97 + number % 26) * size}"[:size]


def texts(size):
    """Returns the messages that a client sends in turn: fewer if they are large, because they only have to differ."""
    return [text(size, number) for number in range(max(2, 64_000 // max(size, 64)))]


def arguments():
    """Returns the workload, the URL, the number of operations, and the size."""
    workload, url, count, size = sys.argv[1:]
    return workload, url, int(count), int(size)


def start():
    """Returns a function that returns what was used since, with names that begin with `prefix`."""
    cpu, wall = time.process_time(), time.perf_counter()

    def read(prefix=""):
        return {f"{prefix}wall": time.perf_counter() - wall, f"{prefix}cpu": time.process_time() - cpu}

    return read


def memory():
    """Returns the anonymous resident memory in KiB."""
    gc.collect()
    with open("/proc/self/status", encoding="ascii") as file:
        return int(re.search(r"RssAnon:\s*(\d+)", file.read())[1])


@functools.cache
def tls_context(url):
    """Returns a context that trusts only the benchmark's server, or None for a plain URL."""
    if not url.startswith("wss:"):
        return None
    import ssl

    return ssl.create_default_context(cafile=os.environ["BENCH_CA"])


def report(count, **members):
    """Prints the result of a run of `count` operations, and leaves without closing anything."""
    print(json.dumps({**members, "operations": count}), flush=True)
    os._exit(0)
