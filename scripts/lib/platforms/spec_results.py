"""Prints what came of a run of specs, in the lines of results.sh.

spec_results.py LUA LOG [LEFT_OUT NAMES]    LOG is what busted printed; LEFT_OUT the list of specs that did not run, of
                                            lines `WHAT | REASON`; NAMES what `busted --list` prints

Exits with 1 if none has passed, or if a line of LEFT_OUT names none.
"""

import collections
import re
import sys

COLOURS = re.compile(r"\033\[[0-9;]*m")
TOTALS = re.compile(r"^(\d+) success(?:es)? / (\d+) failures? / (\d+) errors? / (\d+) pending", re.MULTILINE)
OF_ONE = re.compile(r"^(Failure|Error|Pending) (?:→|->) (\S+) @ \d+\n(.*)\n(?:\S+?:\d+: )?(.*)", re.MULTILINE)


def record(*fields):
    print("\t".join(str(field) for field in fields))


def main():
    lua, log, *left_out = sys.argv[1:]
    with open(log, encoding="utf-8", errors="replace") as file:
        text = COLOURS.sub("", file.read())
    passed = failed = 0
    for one, two, three, _ in TOTALS.findall(text):
        passed, failed = passed + int(one), failed + int(two) + int(three)
    reasons = collections.Counter()
    ends = 0
    for kind, file, name, reason in OF_ONE.findall(text):
        if kind == "Pending":
            reasons[reason] += 1
        else:
            record("failed", lua, f"{file}: {name}")
            ends += file.endswith(".log")  # a run that ended before it counted
    record("ran", lua, "specs", passed, failed + ends)
    for reason, count in sorted(reasons.items()):
        record("left_out", lua, "specs", count, reason)
    wrong = passed == 0
    if left_out:
        wrong = count_left_out(lua, *left_out) or wrong
    sys.exit(1 if wrong else 0)


def with_slashes(name):
    """Windows writes the path before the name with backslashes."""
    path, colon, rest = name.partition(":")
    return path.replace("\\", "/") + colon + rest


def count_left_out(lua, list_file, names_file):
    with open(names_file, encoding="utf-8", errors="replace") as file:
        names = [with_slashes(name.rstrip("\n")) for name in file]
    counts = collections.Counter()
    unknown = []
    with open(list_file, encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    for line in lines:
        if not line or line.startswith("#"):
            continue
        text, reason = (part.strip() for part in line.split("|"))
        # Each name begins with that of the file, so both kinds of lines are looked for alike.
        found = [name for name in names if text in name]
        names = [name for name in names if text not in name]
        counts[reason] += len(found)
        if not found:
            unknown.append(text)
    for reason, count in sorted(counts.items()):
        record("left_out", lua, "specs", count, reason)
    for text in unknown:
        print(f"{list_file}: {text!r} names no spec that other lines do not name", file=sys.stderr)
    return bool(unknown)


main()
