"""The facts of a release: its name, version and date, and the platforms that it is made for.

Reads Cargo.toml and CHANGELOG.md of the project's folder, and the environment variable PACKAGE_URL.

release.py seconds         prints the date, in seconds since 1970
release.py rock PLATFORM   prints what LuaRocks calls a platform, or "none"
"""

import datetime
import os
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

NAME = "websocket-native"
REVISION = 1  # of the rockspec
LUAS = ("5.1", "5.2", "5.3", "5.4", "5.5")  # LuaJIT loads the module for 5.1
PLUGIN_LUA = "5.1"  # of Neovim, which contains LuaJIT

# The folder on the web where the files of a release lie, each version in a folder of its own, as forges have it. The
# project has no public address yet, and this is the one place that has to name it. No machine has a name in `.invalid`.
PLACE_OF_DOWNLOADS = "https://not-published-yet.invalid/websocket-native/releases/download"


@dataclass(frozen=True)
class Platform:
    name: str
    rock: str | None  # what LuaRocks calls it; None: LuaRocks cannot tell it from another platform
    module_suffix: str
    program_suffix: str
    archive: str  # the kind of archive that its users expect


def _unix(name, rock):
    return Platform(name, rock, ".so", "", "tar.gz")


# LuaRocks gives musl's Linux the same name as glibc's, so a rock for it would be installed where it cannot be loaded.
PLATFORMS = {
    platform.name: platform
    for platform in (
        _unix("linux-x86_64", "linux-x86_64"),
        _unix("linux-aarch64", "linux-aarch64"),
        _unix("linux-x86_64-musl", None),
        _unix("linux-aarch64-musl", None),
        _unix("macos-aarch64", "macosx-aarch64"),
        _unix("macos-x86_64", "macosx-x86_64"),
        Platform("windows-x86_64", "win32-x86_64", ".dll", ".exe", "zip"),
    )
}


@dataclass(frozen=True)
class Release:
    version: str
    date: datetime.date

    @property
    def rock_version(self):
        return f"{self.version}-{REVISION}"

    @property
    def seconds(self):
        return int(datetime.datetime.combine(self.date, datetime.time(), datetime.UTC).timestamp())

    @property
    def title(self):
        return f"{NAME}-{self.version}"

    @property
    def downloads(self):
        return f"{os.environ.get('PACKAGE_URL') or PLACE_OF_DOWNLOADS}/v{self.version}"


def platform(name):
    if name not in PLATFORMS:
        raise SystemExit(f"no platform has the name {name}; there are: {' '.join(PLATFORMS)}")
    return PLATFORMS[name]


def read():
    """Returns the release that this tree is; its date is the one that CHANGELOG.md has for the version of Cargo.toml."""
    version = tomllib.loads(Path("Cargo.toml").read_text())["package"]["version"]
    heading = re.search(rf"^## {re.escape(version)} \((\d{{4}}-\d\d-\d\d)\)$", Path("CHANGELOG.md").read_text(), re.M)
    if not heading:
        raise SystemExit(f'CHANGELOG.md has no heading "## {version} (YYYY-MM-DD)", which dates the packages')
    return Release(version, datetime.date.fromisoformat(heading.group(1)))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["seconds"]:
            print(read().seconds)
        case ["rock", name]:
            print(platform(name).rock or "none")
        case _:
            raise SystemExit(__doc__)
