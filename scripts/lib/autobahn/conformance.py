"""Writes docs/conformance.md from what is kept of the agents: tables of verdicts, and the cases that are not OK."""

import collections

from report import INFORMATIONAL, SECTIONS, in_order, section

VERDICTS = ["OK", "INFORMATIONAL", "NON-STRICT", "FAILED", "UNIMPLEMENTED"]

INTRODUCTION = """\
# Conformance

The [Autobahn test suite](https://github.com/crossbario/autobahn-testsuite) examines WebSocket clients in {cases} cases:
a client connects once for each and echoes every message, and the suite sends what the case is about and judges what
comes back and how the connection ends. `scripts/autobahn` runs it, and wrote this page from docs/conformance.json,
which keeps what it measured.

- OK: as RFC 6455 and RFC 7692 demand, and at once where the case is about that.
- NON-STRICT: permitted, but not as the RFC recommends, such as noticing ill-formed UTF-8 late.
- FAILED: against the RFC, not done in time, or refused by a limit that the library has by default.
- UNIMPLEMENTED: the client lacks the feature.
- INFORMATIONAL: the RFC leaves it open; {informational} have no other verdict.
"""

CLIENTS = """\
## How

Every client does the same, with a suite of its own, one after another, and with its library's defaults but for these:

- `websocket-native`: `compression = {threshold = 0}`, as compression is off by default, and messages below 64 bytes
  go uncompressed; no keepalive pings, as the suite counts every frame.
- `ws`: none. Its client offers permessage-deflate by default, and sends messages below 1 KiB uncompressed.
- `websockets`: `max_size=None`, as cases of section 9 go beyond the default of 1 MiB; no keepalive pings.
- `tokio-tungstenite`: none.
"""


def document(kept):
    agents = sorted(kept, key=lambda agent: (not agent.startswith("websocket-native"), agent))
    introduction = INTRODUCTION.format(
        cases=sum(count for _, count in SECTIONS.values()), informational=listed(in_order(INFORMATIONAL))
    )
    parts = [introduction, *summary(kept, agents), *by_section(kept, agents), *exceptions(kept, agents), CLIENTS]
    return "\n".join(parts)


def summary(kept, agents):
    yield "## In all\n"
    yield row("client", "version", "suite", "measured", "cases", *VERDICTS)
    yield row(*["---"] * 4, *["--:"] * (1 + len(VERDICTS)))
    for agent in agents:
        sections = kept[agent]["sections"].values()
        counts = sum(map(counted, sections), collections.Counter())
        days = sorted({found["measured"] for found in sections})
        measured = " to ".join(dict.fromkeys([days[0], days[-1]])) if days else ""
        figures = [counts.total(), *(counts[verdict] for verdict in VERDICTS)]
        yield row(agent_name(agent), kept[agent]["version"], kept[agent]["suite"], measured, *figures)
    yield ""


def by_section(kept, agents):
    yield "## By section\n"
    yield row("section", "cases", *map(agent_name, agents))
    yield row("---", "--:", *["---"] * len(agents))
    for name, (title, cases) in SECTIONS.items():
        cells = []
        for agent in agents:
            found = kept[agent]["sections"].get(name)
            cells.append(tally(counted(found)) if found else "not run")
        yield row(f"{name} {title}", cases, *cells)
    yield ""


def exceptions(kept, agents):
    yield "## Not OK\n"
    for agent in agents:
        cases = collections.defaultdict(list)
        for found in kept[agent]["sections"].values():
            for verdict, named in found["not_ok"].items():
                cases[verdict] += named.split()
        cases = {verdict: [c for c in named if c not in INFORMATIONAL] for verdict, named in cases.items()}
        lines = [f"  - {verdict}: {listed(shortened(named))}" for verdict, named in sorted(cases.items()) if named]
        yield f"- {agent_name(agent)}" + (":" if lines else ": none")
        yield from lines
    yield ""


def counted(found):
    """Cases of a section by verdict."""
    counts = collections.Counter()
    for verdict, named in found["not_ok"].items():
        counts[verdict.split(",")[0]] += len(named.split())
    counts["OK"] += found["cases"] - counts.total()
    return counts


def tally(counts):
    return listed(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])


def shortened(cases):
    """Names of cases, one name for a whole section and for a run: 12.*, 6.4.1-4."""
    left = in_order(cases)
    while left:
        whole = [case for case in left if section(case) == section(left[0])]
        if len(whole) == SECTIONS[section(left[0])][1]:
            yield f"{section(left[0])}.*"
            left = left[len(whole) :]
            continue
        *group, first = left[0].split(".")
        last = int(first)
        while len(left) > last - int(first) + 1 and left[last - int(first) + 1].split(".") == [*group, str(last + 1)]:
            last += 1
        yield left[0] if last == int(first) else f"{left[0]}-{last}"
        left = left[last - int(first) + 1 :]


def agent_name(agent):
    return f"`{agent}`"


def listed(names):
    return ", ".join(names)


def row(*cells):
    return "| " + " | ".join(map(str, cells)) + " |"
