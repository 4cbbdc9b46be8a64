"""Checks the verdicts of a report of the Autobahn suite, strictly.

    check.py FOLDER AGENT SECTION...

Exits with 1 unless the newest report in FOLDER has exactly the cases of these sections for the agent, all of them OK
(except those that are INFORMATIONAL for every client) and all closed properly.
"""

import collections
import sys

from report import INFORMATIONAL, PROPER, SECTIONS, in_order, section, verdicts

folder, agent, *wanted = sys.argv[1:]
found = verdicts(folder, agent)
failed = False


def complain(text):
    global failed
    failed = True
    print(" ", text)


counts = collections.Counter(behavior for behavior, _ in found.values())
print(f"{agent}: {len(found)} cases,", ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))
for case in in_order(found):
    behavior, closing = found[case]
    expected = "INFORMATIONAL" if case in INFORMATIONAL else "OK"
    if behavior != expected or closing not in PROPER:
        complain(f"case {case}: {behavior}, closing {closing}; expected {expected}")
sections = collections.Counter(map(section, found))
for name in in_order({*wanted, *sections}):
    expected = SECTIONS[name][1] if name in wanted else 0
    if sections[name] != expected:
        complain(f"section {name}: {sections[name]} cases, expected {expected}")
sys.exit(failed)
