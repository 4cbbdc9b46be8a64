"""Makes the rockspecs of a release from the one that builds a checkout, so that they cannot differ by accident.

Comes in: the text of rockspec/websocket-native-dev-1.rockspec. Goes out: texts in which version, source and, for a
binary rock, the version of Lua are replaced, and nothing else. Each place must be found once.
"""

import re
from pathlib import Path

from release import NAME

DEVELOPMENT = Path("rockspec") / f"{NAME}-dev-1.rockspec"


def _replace(text, pattern, replacement):
    text, count = re.subn(pattern, lambda _: replacement, text, flags=re.M | re.S)
    if count != 1:
        raise SystemExit(f"{DEVELOPMENT}: {count} places look like {pattern!r}, and there must be one")
    return text


def file_name(release):
    return f"{NAME}-{release.rock_version}.rockspec"


def source_archive(release):
    return f"{release.title}.tar.gz"


def of_source(release, md5):
    """Returns the rockspec that fetches and builds the source archive, which has this MD5 sum."""
    text = _replace(DEVELOPMENT.read_text(), r'^version = "dev-1"$', f'version = "{release.rock_version}"')
    return _replace(
        text,
        r"^-- This rockspec builds the tree [^\n]*\nsource = \{.*?^\}$",
        f'source = {{\n   url = "{release.downloads}/{source_archive(release)}",\n   md5 = "{md5}",\n}}',
    )


def of_binary(release, md5, lua):
    """Returns the rockspec inside of a binary rock, which LuaRocks refuses to install for another Lua."""
    return _replace(of_source(release, md5), r'^   "lua >= 5\.1",$', f'   "lua ~> {lua}",')
