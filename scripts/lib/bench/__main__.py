"""Runs the benchmarks and writes Markdown; scripts/bench describes the options."""

import argparse
import json
import os
import sys

import compression
import documents
import tables
import targets
from contenders import CONTENDERS, TARGET
from running import CPU, measure
from workloads import PINNED, UNPINNED, WORKLOADS

COMPRESSED = "compressed"
NAMES = (*WORKLOADS, COMPRESSED)
RESULTS = os.path.join(TARGET, "results.json")


def options():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(NAMES))
    parser.add_argument("--rounds", type=int, help="rounds of each workload; by default 5, but 2 of idle and of 1,000 or more connections")
    parser.add_argument("--contenders", help="the contenders, separated by commas: " + ", ".join(CONTENDERS))
    parser.add_argument("--pinned", dest="modes", action="store_const", const=(PINNED,))
    parser.add_argument("--unpinned", dest="modes", action="store_const", const=(UNPINNED,))
    parser.add_argument("--write", action="store_true", help="write the picture and the tables of the documentation")
    parser.set_defaults(modes=(PINNED, UNPINNED))
    chosen = parser.parse_args()
    for name in chosen.workloads:
        if name not in NAMES:
            parser.error(f"no workload {name}; there are {', '.join(NAMES)}")
    keys = chosen.contenders.split(",") if chosen.contenders else list(CONTENDERS)
    for key in keys:
        if key not in CONTENDERS:
            parser.error(f"no contender {key}; there are {', '.join(CONTENDERS)}")
    return chosen, keys


def read_results():
    try:
        with open(RESULTS, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def measure_all(chosen, keys, earlier):
    """Measures the workloads, prints a table for each, and returns the results and what differs from before."""
    results, differ = {}, []
    for name in chosen.workloads or NAMES:
        if name == COMPRESSED:
            results[name] = {PINNED: compression.brief(chosen.rounds or 5)}
            continue
        workload = WORKLOADS[name]
        for mode in workload.modes:
            if mode not in chosen.modes:
                continue
            found, failures = measure(name, workload, mode, keys, chosen.rounds or workload.fewest_rounds)
            results.setdefault(name, {})[mode] = found
            print_workload(workload, mode, found, failures)
            lines = tables.differences(workload, earlier.get(name, {}).get(mode, {}), found)
            differ += [f"- {name}, {mode}: {line}" for line in lines]
    return results, differ


def print_workload(workload, mode, found, failures):
    print(f"\n### {workload.title} ({mode})\n")
    if found:
        print(tables.table(workload, found))
    for key, reason in failures.items():
        print(f"\n{CONTENDERS[key].name} is missing: {reason}")
    sys.stdout.flush()


def raise_priority():
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    except PermissionError:
        print("The priority could not be raised, so other programs disturb the figures more.")


def circumstances(rounds, load):
    """Returns a sentence about this run for the documentation."""
    number = f"{rounds} rounds" if rounds else "5 rounds, but 2 of idle and of 1,000 or more connections"
    return f"Minima of {number}, on {os.cpu_count()} CPUs with a load of {load:.2f} before the run."


def main():
    load = os.getloadavg()[0]
    chosen, keys = options()
    raise_priority()
    os.environ["CPU"] = CPU  # for compressed messages
    earlier = read_results()
    print("\nMicroseconds for each operation, and the ratio to the first contender of the table.")
    results, differ = measure_all(chosen, keys, earlier)
    with open(RESULTS, "w", encoding="utf-8") as file:
        json.dump({**earlier, **results}, file, indent=1)
    print("\n### Targets\n")
    print(targets.table(results))
    print("\n### Compared with the run before\n")
    if not any(name in earlier for name in results):
        print("There was none, so nobody knows whether these figures can be repeated. Run it again.")
    elif differ:
        print(f"{len(differ)} minima do NOT agree within 10 %:\n")
        print("\n".join(differ))
    else:
        print("All minima agree within 10 %.")
    if chosen.write:
        documents.write(results, circumstances(chosen.rounds, load))


main()
