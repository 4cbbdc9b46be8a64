"""Finds the code blocks of a document.

Comes in: the text of a Markdown file. Goes out: blocks, and what is wrong with how they are written. Runs nothing.

A comment in the line above a block, `<!-- block: WORDS -->`, says what the block is; see run.py.
"""

import re
from dataclasses import dataclass, field

FENCE = re.compile(r"^( *)```(.*)$")
MARK = re.compile(r"^ *<!-- block: (.+) -->$")


@dataclass
class Block:
    """A fenced block: its language, its text without the indentation of the fence, and the words of its mark."""

    page: str
    line: int
    language: str
    words: list
    lines: list = field(default_factory=list)

    @property
    def text(self):
        return "".join(line + "\n" for line in self.lines)

    @property
    def place(self):
        return f"{self.page}:{self.line}"


def blocks_of(page, text):
    """Returns the blocks of a document in their order."""
    found, block, words, indent = [], None, [], ""
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if block and fence and not fence[2]:
            found.append(block)
            block = None
        elif block:
            block.lines.append(line.removeprefix(indent))
        elif fence:
            indent = fence[1]
            block = Block(page, number, fence[2].strip(), words)
        if not block:
            mark = MARK.match(line)
            words = mark[1].split() if mark else []
    return found


def faults_of(page, text):
    """Returns what is wrong with how blocks are written: indented ones, and fences that name no language."""
    faults = [f"{block.place}: the fence names no language" for block in blocks_of(page, text) if not block.language]
    inside, before, in_list = False, "", False
    for number, line in enumerate(text.splitlines(), 1):
        if FENCE.match(line):
            inside = not inside
        elif not inside and line.strip():
            in_list = bool(re.match(r" *([-*]|\d+\.) ", line)) or in_list and line.startswith(" ")
            if line.startswith("    ") and not before.strip() and not in_list:
                faults.append(f"{page}:{number}: an indented block: fence it, and name its language")
        before = line
    return faults
