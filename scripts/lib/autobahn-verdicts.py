"""Counts the verdicts of an Autobahn report and compares them with what is expected, strictly.

autobahn-verdicts.py FOLDER OK INFORMATIONAL: exits 1 unless the newest report in FOLDER has exactly so many cases that are
OK and INFORMATIONAL, none with another verdict, and none that was closed wrongly.
"""
import collections
import json
import pathlib
import sys

folder, ok, informational = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
expected = {"OK": ok, "INFORMATIONAL": informational}
failed = False

for agent, cases in json.loads((folder / "index.json").read_text()).items():
    verdicts = collections.Counter(case["behavior"] for case in cases.values())
    wrong = {
        name: f"{case['behavior']}, closing {case['behaviorClose']}"
        for name, case in cases.items()
        if not {case["behavior"], case["behaviorClose"]} <= set(expected)
    }
    print(f"{agent}: {len(cases)} cases,", ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items())))
    for name, verdict in sorted(wrong.items(), key=lambda item: [int(part) for part in item[0].split(".")]):
        print(f"  case {name}: {verdict}")
    if wrong or dict(verdicts) != expected:
        print(f"  expected: {ok} OK, {informational} INFORMATIONAL, and no other")
        failed = True

sys.exit(failed)
