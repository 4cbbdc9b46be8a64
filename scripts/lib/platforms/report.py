"""Prints the table of what ran on the platforms, and writes docs/platforms.md.

report.py ALL NAME...    ALL is the list of all platforms, separated by spaces; each NAME was measured now

Comes in: target/platforms/NAME/results.tsv, as results.sh writes it, and docs/platforms.json, what was measured before.
Goes out: both documents, in which only the platforms NAME change, and a table on stdout.
"""

import datetime
import json
import pathlib
import sys

KEPT = pathlib.Path("docs/platforms.json")
PAGE = pathlib.Path("docs/platforms.md")

INTRODUCTION = """\
# Platforms

What was built for each platform, what ran there, and what the files need of a system. `scripts/platforms` builds and
measures all of it on one machine with Debian on x86-64, keeps the results in docs/platforms.json, and writes this page
from them.

- The **conversation** is [examples/echo.lua](../examples/echo.lua): it opens a connection to an echo server, sends a
  text, bytes and a ping, gets each back, and closes.
- The **conversation of the client** is the same by the [command-line client](command-line.md): a line goes to the echo
  server and comes back.
- The **errors of callbacks** are one that the error handler gets and one that `poll` raises.
- The **specs** are all files in `spec/`, with the servers that they need beside them.
- The **needs of a file** are the libraries and versions of symbols that it names. The check fails if a file needs more
  than its platform promises.
"""

NEEDS = """\
## What the files need

The modules for Linux contain what unwinds the stack after a panic in Rust. Where the process has loaded libgcc_s, as
LuaJIT does, they use that in its place, because both must not unwind the same stack.
"""


def add_run(runs, lua, what, passed, failed):
    """Adds a run to that of the same name, or as a new one."""
    for run in runs:
        if (run["lua"], run["what"]) == (lua, what):
            break
    else:
        run = {"lua": lua, "what": what, "passed": 0, "failed": 0}
        runs.append(run)
    run["passed"] += int(passed)
    run["failed"] += int(failed)


def read_results(name):
    platform = {"files": [], "needs": [], "ran": [], "left_out": [], "failed": []}
    text = pathlib.Path(f"target/platforms/{name}/results.tsv").read_text(encoding="utf-8")
    for line in text.splitlines():
        kind, *fields = line.split("\t")
        if kind in ("title", "tested", "status"):
            platform[kind] = fields[0]
        elif kind == "file":
            platform["files"].append({"what": fields[0], "bytes": int(fields[1])})
        elif kind == "needs":
            platform["needs"].append({"what": fields[0], "needs": fields[1]})
        elif kind == "ran":
            add_run(platform["ran"], *fields)
        elif kind == "left_out":
            platform["left_out"].append(
                {"lua": fields[0], "what": fields[1], "count": int(fields[2]), "why": fields[3]}
            )
        elif kind == "failed":
            platform["failed"].append({"lua": fields[0], "what": fields[1]})
        else:
            raise ValueError(f"{name}: results.tsv has a line of an unknown kind: {line}")
    # It ended before it had run everything, so what it recorded is not all.
    if platform.pop("status") != "0" and not any(run["failed"] for run in platform["ran"]):
        platform["ran"].append({"lua": "", "what": "the run itself", "passed": 0, "failed": 1})
    platform["measured"] = datetime.date.today().isoformat()
    return platform


def megabytes(count):
    return f"{count / 1e6:.1f} MB"


def lua_name(name):
    return {"": "", "luajit": "LuaJIT"}.get(name, f"Lua {name}")


def rows_of(platform):
    sizes = ", ".join(f"{file['what']} {megabytes(file['bytes'])}" for file in platform["files"])
    rows = []
    for run in platform["ran"]:
        what = " on ".join(part for part in (run["what"], lua_name(run["lua"])) if part)
        left = sum(
            one["count"] for one in platform["left_out"] if (one["lua"], one["what"]) == (run["lua"], run["what"])
        )
        rows.append([platform["title"], sizes, what, str(run["passed"]), str(run["failed"]), str(left)])
    for row in rows[1:]:
        row[0] = row[1] = ""
    return rows


HEAD = ["platform", "file size", "what ran", "passed", "failed", "not run"]


def markdown(head, rows, right=()):
    lines = [head, ["--:" if index in right else "---" for index in range(len(head))], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def printed(rows):
    table = [HEAD, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in table)


def page(platforms):
    parts = [INTRODUCTION, "## What was tested\n"]
    parts.append("\n".join(f"- **{one['title']}**: {one['tested']}" for one in platforms) + "\n")
    parts.append("## Results\n")
    parts.append(markdown(HEAD, [row for one in platforms for row in rows_of(one)], right=(3, 4, 5)))
    days = sorted({one["measured"] for one in platforms})
    parts.append(f"Measured on {days[0]}.\n" if len(days) == 1 else f"Measured from {days[0]} to {days[-1]}.\n")
    parts.append(NEEDS)
    needs = [[one["title"], each["what"], each["needs"]] for one in platforms for each in one["needs"]]
    parts.append(markdown(["platform", "file", "libraries, and the newest version of glibc's symbols"], needs))
    left = [
        [one["title"], lua_name(each["lua"]), each["what"], str(each["count"]), each["why"]]
        for one in platforms
        for each in one["left_out"]
    ]
    if left:
        parts.append("## What did not run\n")
        parts.append(markdown(["platform", "Lua", "of what", "how many", "why"], left, right=(3,)))
    failed = [
        [one["title"], lua_name(each["lua"]), each["what"]] for one in platforms for each in one["failed"]
    ]
    if failed:
        parts.append("## What failed\n")
        parts.append(markdown(["platform", "Lua", "test"], failed))
    return "\n".join(parts)


def main():
    names, measured = sys.argv[1].split(), sys.argv[2:]
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    for name in measured:
        kept[name] = read_results(name)
    kept = {name: kept[name] for name in names if name in kept}
    KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(list(kept.values())), encoding="utf-8")
    print(printed([row for name in measured for row in rows_of(kept[name])]))


main()
