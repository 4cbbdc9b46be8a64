"""Stores the verdicts of the Autobahn suite in docs/conformance.json, and writes docs/conformance.md from that file.

    record.py FOLDER AGENT VERSION      stores the sections that the newest report in FOLDER has completely for the agent
    record.py                           only writes the document

A section replaces what was stored for it before. If the version of the agent or of the suite has changed, everything
that was stored for the agent before is dropped.
"""

import collections
import datetime
import json
import pathlib
import sys

from conformance import document
from report import PROPER, SECTIONS, in_order, section, suite_version, verdicts

KEPT = pathlib.Path("docs/conformance.json")
DOCUMENT = pathlib.Path("docs/conformance.md")


def sections_of(found, date):
    """Returns what is stored of a report, by section: the number of cases, the day, and the cases that are not OK."""
    kept = {}
    for name in in_order(set(map(section, found))):
        cases = [case for case in in_order(found) if section(case) == name]
        if len(cases) == SECTIONS[name][1]:
            verdicts_of = collections.defaultdict(list)
            for case in cases:
                verdicts_of[spelled(*found[case])].append(case)
            verdicts_of.pop("OK", None)
            others = {verdict: " ".join(named) for verdict, named in sorted(verdicts_of.items())}
            kept[name] = {"cases": len(cases), "measured": date, "not_ok": others}
    return kept


def spelled(behavior, closing):
    return behavior if closing in PROPER else f"{behavior}, closing {closing}"


def record(kept, folder, agent, version):
    measured = {"version": version, "suite": suite_version(folder)}
    before = kept.get(agent, {})
    sections = before.get("sections", {}) if {**before, **measured} == before else {}
    sections |= sections_of(verdicts(folder, agent), datetime.date.today().isoformat())
    kept[agent] = {**measured, "sections": {name: sections[name] for name in in_order(sections)}}


def main():
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    if len(sys.argv) > 1:
        record(kept, *sys.argv[1:])
        KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    DOCUMENT.write_text(document(kept), encoding="utf-8")


main()
