"""Reads the reports of the Autobahn test suite: sections, cases, verdicts. Imported by the other scripts here."""

import json
import pathlib
import re

# The sections of the suite that have cases, and the number of their cases.
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
# The RFC leaves open what a client does in these cases, so that no client gets another verdict.
INFORMATIONAL = {"7.1.6", "7.13.1", "7.13.2"}
PROPER = {"OK", "INFORMATIONAL"}


def verdicts(folder, agent):
    """Returns the verdicts of an agent's newest report by case: on its behaviour, and on how the connection closed."""
    agents = json.loads((pathlib.Path(folder) / "index.json").read_text(encoding="utf-8"))
    return {case: (found["behavior"], found["behaviorClose"]) for case, found in agents.get(agent, {}).items()}


def suite_version(folder):
    """Returns the version of the suite, which stands only in its HTML page."""
    page = (pathlib.Path(folder) / "index.html").read_text(encoding="utf-8")
    return re.search(r"Testsuite</a> v([\d.]+)", page)[1]


def section(case):
    """Returns the section of a case: "9" for "9.1.6"."""
    return case.split(".")[0]


def in_order(cases):
    """Returns cases or sections in numerical order: 9 before 10."""
    return sorted(cases, key=lambda case: [int(part) for part in case.split(".")])
