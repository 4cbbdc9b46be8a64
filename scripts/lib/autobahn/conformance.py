"""Writes docs/conformance.md from the stored verdicts: tables of verdicts, and the cases that are not OK."""

import collections

from report import INFORMATIONAL, SECTIONS, in_order, section

VERDICTS = ["OK", "INFORMATIONAL", "NON-STRICT", "FAILED", "UNIMPLEMENTED"]

INTRODUCTION = """\
# Conformance

The [Autobahn test suite](https://github.com/crossbario/autobahn-testsuite) tests WebSocket clients with {cases} cases.
The client connects once for each case and echoes every message. The suite sends the frames of the case, and gives a
verdict on what comes back and on how the connection ends. `scripts/autobahn` runs the suite. It stores the verdicts in
docs/conformance.json and writes this page from them.

- OK: the client did what RFC 6455 and RFC 7692 require.
- NON-STRICT: the client did what the RFC permits but does not recommend, such as noticing invalid UTF-8 late.
- FAILED: the client broke the RFC, took too long, or refused a message because of a limit that it has by default.
- UNIMPLEMENTED: the client does not have the feature.
- INFORMATIONAL: the RFC leaves open what a client does; {informational} have no other verdict.
"""

CLIENTS = """\
## How the clients were run

All clients work in the same way. They run one after another, each against a new process of the suite, and with the
defaults of their library except for these options:

- `websocket-native`: `compression = {threshold = 0}`, because compression is off by default and would leave messages
  below 64 bytes uncompressed. No keepalive pings, because the suite counts every frame.
- `ws`: no exceptions. It offers permessage-deflate by default, and sends messages below 1 KiB uncompressed.
- `websockets`: `max_size=None`, because cases of section 9 exceed the default of 1 MiB. No keepalive pings.
- `tokio-tungstenite`: no exceptions.
"""


def document(kept):
    agents = sorted(kept, key=lambda agent: (not agent.startswith("websocket-native"), agent))
    introduction = INTRODUCTION.format(
        cases=sum(count for _, count in SECTIONS.values()), informational=listed(in_order(INFORMATIONAL))
    )
    parts = [introduction, *summary(kept, agents), *by_section(kept, agents), *exceptions(kept, agents), CLIENTS]
    return "\n".join(parts)


def summary(kept, agents):
    yield "## All cases\n"
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
    yield "## Cases that are not OK\n"
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
    """Counts the cases of a section by verdict."""
    counts = collections.Counter()
    for verdict, named in found["not_ok"].items():
        counts[verdict.split(",")[0]] += len(named.split())
    counts["OK"] += found["cases"] - counts.total()
    return counts


def tally(counts):
    return listed(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])


def shortened(cases):
    """Yields the names of cases, with one name for a whole section or for consecutive cases: 12.*, 6.4.1-4."""
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
