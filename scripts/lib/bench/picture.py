"""Draws the headline figures as bars: an SVG for the README.

Comes in: the results of a run. Goes out: the text of the picture. Bars are relative to the reference of their panel.
"""

from html import escape

from workloads import PINNED

WIDTH, LABEL, BAR, LINE, GAP = 760, 210, 430, 20, 34
COLORS = {"reference": "#8c959f", "ours": "#1f6feb", "other": "#c9d1d9"}

NAMES = {
    "tcp": "raw TCP", "tungstenite": "tokio-tungstenite (Rust)", "nexus": "nexus-web (Rust)",
    "sockudo": "sockudo-ws (Rust)", "lua5.4": "this module, Lua 5.4", "luajit": "this module, LuaJIT",
    "lua-http": "lua-http (LuaJIT)", "picows": "picows (Python)", "websockets": "websockets (Python)", "ws": "ws (Node)",
}

# Title, workload, member, reference, contenders. A bar that would be longer than `LONGEST` times the reference is cut.
PANELS = (
    ("Round trip of 64 B: elapsed time, raw TCP = 1", "callback", "wall", "tcp",
     ("tcp", "tungstenite", "lua5.4", "luajit", "picows", "ws", "websockets", "lua-http")),
    ("Receiving 64 B: processor time, tokio-tungstenite = 1", "receive-64", "cpu", "tungstenite",
     ("nexus", "tungstenite", "lua5.4", "luajit", "picows", "ws", "websockets", "lua-http")),
    ("Sending 64 B: processor time, tokio-tungstenite = 1", "send-64", "cpu", "tungstenite",
     ("sockudo", "tungstenite", "lua5.4", "luajit", "picows", "ws", "websockets", "lua-http")),
)
LONGEST = 10


def bars(results, workload, member, reference, contenders):
    """Returns pairs of a contender and its ratio, for those that were measured."""
    figures = results.get(workload, {}).get(PINNED, {})
    if reference not in figures:
        return []
    base = max(min(figures[reference][member]), 1e-9)
    return [(key, min(figures[key][member]) / base) for key in contenders if key in figures]


def text(x, y, content, more=""):
    return f'<text x="{x}" y="{y}"{more}>{escape(content)}</text>'


def panel(title, ratios, reference, top):
    """Returns the elements of a panel, and where the next one begins."""
    elements = [text(8, top, title, ' font-weight="600"')]
    for index, (key, ratio) in enumerate(ratios):
        y = top + 8 + index * LINE
        kind = "reference" if key == reference else "ours" if NAMES[key].startswith("this") else "other"
        width = BAR * min(ratio, LONGEST) / LONGEST
        elements += [
            text(LABEL - 8, y + 13, NAMES[key], ' text-anchor="end"'),
            f'<rect x="{LABEL}" y="{y + 2}" width="{width:.1f}" height="{LINE - 6}" rx="2" fill="{COLORS[kind]}"/>',
            text(f"{LABEL + width + 6:.1f}", y + 13, f"{ratio:.2f}" + (" (cut)" if ratio > LONGEST else "")),
        ]
    return elements, top + 8 + len(ratios) * LINE + GAP


def draw(results):
    """Returns the picture, or None if no panel was measured."""
    elements, top = [], 24
    for title, workload, member, reference, contenders in PANELS:
        ratios = bars(results, workload, member, reference, contenders)
        if ratios:
            more, top = panel(title, ratios, reference, top)
            elements += more
    if not elements:
        return None
    height = top - GAP + 12
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' font-family="sans-serif" font-size="13" fill="#1f2328">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        *elements,
        "</svg>",
        "",
    ])
