"""Sends messages across faults, and checks that each arrives once and in order, or is counted as lost.

loss MESSAGES FAULTS MINUTES SEED LUA    LUA is named as in scripts/lib/luas.sh

Prints what happened, and exits with 1 if a message was lost without being counted, doubled or out of order, or if it
took longer than MINUTES.
"""

import os
import subprocess
import sys
import threading

import server

CLIENT = 'source scripts/lib/luas.sh; with_lua "$1" scripts/lib/loss/client.lua'


def main():
    messages, faults, minutes, seed, lua = sys.argv[1:]
    record, listener = server.Record(), server.listen()
    threading.Thread(target=server.serve, args=(listener, record, seed), daemon=True).start()
    values = {"PORT": listener.getsockname()[1], "MESSAGES": messages, "FAULTS": faults, "SEED": seed}
    limit = float(minutes) * 60
    environment = dict(os.environ, LUA_LIMIT=str(limit), **{name: str(value) for name, value in values.items()})
    client = subprocess.run(["bash", "-c", CLIENT, "loss", lua], env=environment, check=False)
    injected = " ".join(f"{fault}:{count}" for fault, count in sorted(record.faults.items()))
    print(f"connections {record.connections}, faults {sum(record.faults.values())} ({injected})")
    if sum(record.faults.get(kind, 0) for kind in server.KINDS) < int(faults) * 0.9:
        record.errors.append("too few faults")
    if int(faults) >= 100:
        record.errors += [f"no fault {kind}" for kind in server.KINDS if kind not in record.faults]
    for error in record.errors[:20]:
        print("wrong:", error)
    if client.returncode == 124:
        print(f"wrong: not done within {minutes} minutes, at message {record.last}")
    sys.exit(1 if record.errors or client.returncode else 0)


main()
