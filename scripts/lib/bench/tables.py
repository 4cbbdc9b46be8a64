"""Turns figures into Markdown."""

import statistics

from contenders import CONTENDERS

# The columns of a table: heading, member, how the rounds are summarised.
COLUMNS = (
    ("wall: min", "wall", min),
    ("median", "wall", statistics.median),
    ("CPU: min", "cpu", min),
)
RATIOS = {"wall": "x wall", "cpu": "x CPU"}
MORE = {
    "memory": "KiB each",
    "single_wall": "fan-in: wall",
    "single_cpu": "CPU",
    "burst_wall": "fan-in in bursts: wall",
    "burst_cpu": "CPU",
}


def number(value):
    """Returns three digits or more."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 1 else f"{value:.3f}"


def row(cells):
    return "| " + " | ".join(cells) + " |"


def table(workload, results):
    """Returns the table of a workload in one mode."""
    columns = [column for column in COLUMNS if column[1] in workload.measures]
    headings = ["contender", *(heading for heading, _, _ in columns)]
    headings += [RATIOS[member] for member in workload.measures]
    headings += [MORE[member] for member in workload.members]
    lines = [row(headings), "|" + "---|" * len(headings)]
    first = next(iter(results.values()), None)
    for key, members in results.items():
        cells = [CONTENDERS[key].name]
        cells += [number(summarise(members[member])) for _, member, summarise in columns]
        cells += [number(ratio(members, first, member)) for member in workload.measures]
        cells += [number(min(members[member])) for member in workload.members]
        lines.append(row(cells))
    return "\n".join(lines)


def ratio(members, first, member):
    return min(members[member]) / max(min(first[member]), 1e-9)


def differences(workload, before, after, tolerance=0.1):
    """Returns lines about the minima that differ by more than the tolerance between two sets of results."""
    lines = []
    for key, members in after.items():
        for member in workload.measures:
            old = before.get(key, {}).get(member)
            if not old:
                continue
            change = min(members[member]) / max(min(old), 1e-9) - 1
            if abs(change) > tolerance:
                lines.append(f"{CONTENDERS[key].name}, {member}: {change:+.0%}")
    return lines
