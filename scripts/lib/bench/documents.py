"""Writes what the documentation shows of a run: docs/performance.svg and the headline table of docs/performance.md."""

import os

import picture
import targets
from contenders import CONTENDERS, ROOT
from tables import number, row
from workloads import PINNED

BEGIN = "<!-- headline: written by `scripts/bench --write` -->"
END = "<!-- end of the headline -->"

# Workload, member, heading.
HEADLINES = (
    ("callback", "wall", "round trip 64 B, us"),
    ("receive-64", "cpu", "receive 64 B, us CPU"),
    ("send-64", "cpu", "send 64 B, us CPU"),
    ("echo-1m", "wall", "echo 1 MiB, us"),
    ("connections-1000", "memory", "memory a connection, KiB"),
    ("startup", "cpu", "first open, us CPU"),
)


def headline(results):
    """Returns the table of the headline figures of all contenders."""
    headings = ["contender", *(heading for _, _, heading in HEADLINES)]
    lines = [row(headings), "|" + "---|" * len(headings)]
    for key, contender in CONTENDERS.items():
        cells = []
        for workload, member, _ in HEADLINES:
            values = results.get(workload, {}).get(PINNED, {}).get(key, {}).get(member)
            cells.append(number(min(values)) if values else "")
        if any(cells):
            lines.append(row([contender.name, *cells]))
    return "\n".join(lines)


def write(results, circumstances):
    """Replaces the part of docs/performance.md between the marks, and the picture.

    `circumstances` is a sentence about the run, such as the number of its rounds.
    """
    path = os.path.join(ROOT, "docs", "performance.md")
    with open(path, encoding="utf-8") as file:
        before, rest = file.read().split(BEGIN, 1)
        _, after = rest.split(END, 1)
    parts = [BEGIN, circumstances, headline(results), "The targets of the project, from the same run:", targets.table(results), END]
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + "\n\n".join(parts) + after)
    drawing = picture.draw(results)
    if drawing:
        with open(os.path.join(ROOT, "docs", "performance.svg"), "w", encoding="utf-8") as file:
            file.write(drawing)
