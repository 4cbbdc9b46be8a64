"""Makes the file `tags` of a help file for Neovim, as `:helptags` writes it.

Comes in: the help file. Goes out: the lines of `tags`. So `:help` finds the page even if nobody has run `:helptags`.
"""

import re


def tags(name, text):
    found = sorted(re.findall(r"(?:^|[ \t])\*([^*|\s]+)\*(?=[ \t]|$)", text, re.M))
    return "".join(f"{tag}\t{name}\t/*{tag}*\n" for tag in found)
