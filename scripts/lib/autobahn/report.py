"""What the reports of the Autobahn test suite hold: sections, cases, verdicts. Imported by its neighbours."""

import json
import pathlib
import re

# The sections that the suite has cases in, and how many.
SECTIONS = {
    "1": ("Framing", 16),
    "2": ("Pings and pongs", 11),
    "3": ("Reserved bits", 7),
    "4": ("Opcodes", 10),
    "5": ("Fragmentation", 20),
    "6": ("UTF-8", 145),
    "7": ("Closing", 37),
    "9": ("Limits and performance", 54),
    "10": ("Automatic fragmentation", 1),
    "12": ("Compression of different payloads", 90),
    "13": ("Parameters of compression", 126),
}
# What a client does here is left open by the RFC: no client gets another verdict.
INFORMATIONAL = {"7.1.6", "7.13.1", "7.13.2"}
PROPER = {"OK", "INFORMATIONAL"}


def verdicts(folder, agent):
    """Verdicts of an agent's newest report by case: what it did, and how the connection was closed."""
    agents = json.loads((pathlib.Path(folder) / "index.json").read_text(encoding="utf-8"))
    return {case: (found["behavior"], found["behaviorClose"]) for case, found in agents.get(agent, {}).items()}


def suite_version(folder):
    """The suite's version, which only its page for readers names."""
    page = (pathlib.Path(folder) / "index.html").read_text(encoding="utf-8")
    return re.search(r"Testsuite</a> v([\d.]+)", page)[1]


def section(case):
    """The section of a case: "9" of "9.1.6"."""
    return case.split(".")[0]


def in_order(cases):
    """Cases or sections, 9 before 10."""
    return sorted(cases, key=lambda case: [int(part) for part in case.split(".")])
