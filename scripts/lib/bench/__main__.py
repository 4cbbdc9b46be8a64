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
from running import measure
from workloads import PINNED, UNPINNED, WORKLOADS

RESULTS = os.path.join(TARGET, "results.json")


def options():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--rounds", type=int, help="rounds of each workload; at least 5 by default")
    parser.add_argument("--contenders", help="the contenders, separated by commas: " + ", ".join(CONTENDERS))
    parser.add_argument("--pinned", dest="modes", action="store_const", const=(PINNED,))
    parser.add_argument("--unpinned", dest="modes", action="store_const", const=(UNPINNED,))
    parser.add_argument("--write", action="store_true", help="write the picture and the tables of the documentation")
    parser.set_defaults(modes=(PINNED, UNPINNED))
    chosen = parser.parse_args()
    for name in chosen.workloads:
        if name not in WORKLOADS:
            parser.error(f"no workload {name}; there are {', '.join(WORKLOADS)}")
    keys = chosen.contenders.split(",") if chosen.contenders else list(CONTENDERS)
    for key in keys:
        if key not in CONTENDERS:
            parser.error(f"no contender {key}; there are {', '.join(CONTENDERS)}")
    return chosen, keys


def load(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def measure_all(chosen, keys, earlier):
    """Measures the workloads, prints a table for each, and returns the results and what differs from before."""
    results, differ = {}, []
    for name in chosen.workloads or WORKLOADS:
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


def main():
    chosen, keys = options()
    earlier = load(RESULTS)
    print("\nMicroseconds for each operation, and the ratio to the first contender of the table.")
    results, differ = measure_all(chosen, keys, earlier)
    with open(RESULTS, "w", encoding="utf-8") as file:
        json.dump({**earlier, **results}, file, indent=1)
    if not chosen.workloads:
        compression.brief(chosen.rounds or 5)
    print("\n### Targets\n")
    print(targets.table(results))
    if any(name in earlier for name in results):
        print("\n### Compared with the run before\n")
        print("\n".join(differ) if differ else "All minima agree within 10 %.")
    if chosen.write:
        documents.write(results)


main()
