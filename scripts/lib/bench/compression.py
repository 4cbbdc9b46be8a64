"""Compressed messages: CPU and bytes per message, and memory per connection, of this module and two others.

    compression.py [cpu] [memory]

All clients use the same echo server, which runs Node's ws. They take turns, round by round, so that other work on the
machine affects all of them. The CPU time is that of the whole client process, from the first tenth of its messages to
the last echo. Writes Markdown. ROUNDS is the number of rounds (7), CONNECTIONS the number of connections whose memory
is measured (200). CPU=1 runs all processes on that CPU.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.request

from contenders import HERE, NODE, PYTHON, lua_command

ROUNDS = int(os.environ.get("ROUNDS", "7"))
CONNECTIONS = int(os.environ.get("CONNECTIONS", "200"))
IN_FLIGHT = 16

# Bytes of a message, and the number of messages in one run.
LOADS = {200: 20_000, 2048: 10_000, 204_800: 220}
BRIEF_LOADS = {200: 5000, 2048: 2500, 204_800: 60}

CLIENTS = {
    "websocket-native, Lua 5.4": (*lua_command("lua5.4", "5.4"), os.path.join(HERE, "client.lua")),
    "websocket-native, LuaJIT": (*lua_command("luajit", "5.1"), os.path.join(HERE, "client.lua")),
    "websockets (Python)": (*PYTHON, os.path.join(HERE, "client.py")),
    "ws (Node)": (*NODE, os.path.join(HERE, "client.js")),
}

CPU_VARIANTS = {
    "no compression": ["compression=none"],
    "as each comes": [],
    "all alike: window of 15 bits, level 6, every message compressed": ["window_bits=15", "level=6"],
    "all alike, and each message by itself (no context takeover, both ways)": [
        "window_bits=15",
        "level=6",
        "takeover=0",
    ],
}

MEMORY_VARIANTS = {
    "no compression": ["compression=none"],
    "as each comes": [],
    "window of 15 bits": ["window_bits=15", "level=6"],
    "window of 12 bits": ["window_bits=12", "level=6"],
    "window of 9 bits": ["window_bits=9", "level=6"],
    "no context takeover": ["window_bits=15", "level=6", "takeover=0"],
}

# Messages that each connection sends and receives before its memory is measured.
HELD = (1, 64)


def on_cpu(command):
    return ["taskset", "-c", os.environ["CPU"], *command] if "CPU" in os.environ else command


class Server:
    """The echo server. It ends together with this process."""

    def __enter__(self):
        command = [*NODE, os.path.join(HERE, "echo_server.js")]
        self.process = subprocess.Popen(on_cpu(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)

    def account(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=10) as answer:
            return json.load(answer)

    def run(self, client, mode, path, first, second, settings):
        command = [*CLIENTS[client], mode]
        arguments = [f"ws://127.0.0.1:{self.port}/", path, str(first), str(second), *settings]
        output = subprocess.run(on_cpu(command + arguments), check=True, capture_output=True, text=True, timeout=600)
        return json.loads(output.stdout)


def write_messages(folder, size, count):
    path = os.path.join(folder, f"{size}-{count}")
    subprocess.run([sys.executable, os.path.join(HERE, "messages.py"), str(size), str(count), path], check=True)
    return path


def echo(server, client, path, count, settings):
    """Returns per message the microseconds of CPU, the bytes to the server, and the bytes from it."""
    result = server.run(client, "echo", path, IN_FLIGHT, count // 10, settings)
    account = server.account()
    if account["messages"] != count or account["payload"] != result["bytes"]:
        raise RuntimeError(f"{client}: {result} and {account} do not agree")
    return result["cpu"] * 1e6, account["read"] / count, account["written"] / count, result["extensions"]


def cpu(server, folder, variants=tuple(CPU_VARIANTS), rounds=ROUNDS, loads=LOADS):
    """Prints a table for each variant, and returns the microseconds of every round by variant, size and client."""
    all_times = {}
    print(f"\n{rounds} rounds, {IN_FLIGHT} messages in flight.")
    for variant in variants:
        settings = CPU_VARIANTS[variant]
        print(f"\n### Compressed messages, CPU and bytes: {variant}\n")
        print("| message | client | CPU: least | median | most, us | bytes sent | received |")
        print("|---|---|---|---|---|---|---|")
        extensions = {}
        for size, count in loads.items():
            path = os.path.join(folder, f"{size}-{count}")
            runs = {client: [] for client in CLIENTS}
            for _ in range(rounds):
                for client, results in runs.items():
                    results.append(echo(server, client, path, count, settings))
            for client, results in runs.items():
                times = all_times[variant, size, client] = [result[0] for result in results]
                _, sent, received, extensions[client] = results[0]
                spread = [min(times), statistics.median(times), max(times)]
                cells = [f"{size} B", client, *(f"{time:.1f}" for time in spread), f"{sent:.0f}", f"{received:.0f}"]
                print(f"| {' | '.join(cells)} |")
            sys.stdout.flush()
        print_extensions(extensions)
    return all_times


def memory(server, folder):
    print(f"\n### Memory per connection, KiB of RssAnon over {CONNECTIONS} connections")
    print(f"\nAfter {' and '.join(str(count) for count in HELD)} messages of 2048 B each way; least of 3 runs.\n")
    columns = [f"{client}, {count}" for client in CLIENTS for count in HELD]
    print("| | " + " | ".join(columns) + " |")
    print("|---" * (1 + len(columns)) + "|")
    extensions = {}
    for variant, settings in MEMORY_VARIANTS.items():
        cells = []
        for client in CLIENTS:
            for count in HELD:
                path = os.path.join(folder, f"2048-{count}")
                results = [server.run(client, "hold", path, 10, CONNECTIONS, settings) for _ in range(3)]
                cells.append(f"{min(result['kib'] for result in results):.0f}")
                extensions[f"{client}, {variant}"] = results[0]["extensions"]
        print(f"| {variant} | " + " | ".join(cells) + " |", flush=True)
    print_extensions(extensions)


def print_extensions(extensions):
    print("\nAgreed:\n")
    for who, agreed in extensions.items():
        print(f"- {who}: `{agreed or 'nothing'}`")


def brief(rounds):
    """Measures processor time with the defaults of each library and without compression; returns that of 200 KiB.

    The result is by the contenders' keys: the microseconds of every round for a message without compression.
    """
    with tempfile.TemporaryDirectory() as folder, Server() as server:
        for size, count in BRIEF_LOADS.items():
            write_messages(folder, size, count)
        times = cpu(server, folder, ("as each comes", "no compression"), rounds, BRIEF_LOADS)
    keys = dict(zip(CLIENTS, ("lua5.4", "luajit", "websockets", "ws")))
    return {keys[client]: {"cpu": times["no compression", 204_800, client]} for client in CLIENTS}


def main():
    wanted = sys.argv[1:] or ["cpu", "memory"]
    with tempfile.TemporaryDirectory() as folder, Server() as server:
        for size, count in LOADS.items():
            write_messages(folder, size, count)
        for count in HELD:
            write_messages(folder, 2048, count)
        for part in wanted:
            {"cpu": cpu, "memory": memory}[part](server, folder)


if __name__ == "__main__":
    main()
