"""Collects the licences of the crates that are compiled into the module and into the command-line client.

Comes in: what `cargo metadata` says of this tree. Goes out: a text. A licence that several crates share to the letter
stands once.
"""

import json
import re
import subprocess
from pathlib import Path

NAMES = re.compile(r"(?i)^(licen[cs]e|copying|notice|copyright|unlicense)")
RUST = (
    "The Rust standard library is compiled in, too. It belongs to the Rust project's contributors, and is licensed\n"
    "under the MIT licence or the Apache licence 2.0, at your choice; https://www.rust-lang.org/policies/licenses.\n"
)


def _metadata():
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--features", "lua54"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def _compiled_in(metadata):
    """Returns the crates that normal dependencies lead to, on any platform, but not those of this project.

    A procedural macro and its own dependencies run in the compiler, and leave nothing of theirs in what is compiled.
    """
    macros = {
        package["id"]
        for package in metadata["packages"]
        if any("proc-macro" in target["kind"] for target in package["targets"])
    }
    ours = ("websocket-native", "websocket-cli")
    own = {package["id"] for package in metadata["packages"] if package["name"] in ours}
    edges = {
        node["id"]: [
            edge["pkg"] for edge in node["deps"] if any(kind["kind"] is None for kind in edge["dep_kinds"])
        ]
        for node in metadata["resolve"]["nodes"]
    }
    found, waiting = set(own), list(own)
    while waiting:
        new = set(edges[waiting.pop()]) - found - macros
        found |= new
        waiting += new
    return [package for package in metadata["packages"] if package["id"] in found - own]


def _texts(package):
    folder = Path(package["manifest_path"]).parent
    paths = sorted(path for path in folder.iterdir() if path.is_file() and NAMES.match(path.name))
    return [path.read_text(errors="replace").strip() for path in paths]


def collect():
    packages = sorted(_compiled_in(_metadata()), key=lambda package: (package["name"], package["version"]))
    carriers = {}
    lines = ["The compiled files contain these crates, as far as their system needs them:", ""]
    for package in packages:
        title = f"{package['name']} {package['version']}"
        lines.append(f"  {title}: {package['license'] or 'see its licence file'}")
        for text in _texts(package):
            carriers.setdefault(text, []).append(title)
    lines += ["", RUST]
    for text, titles in sorted(carriers.items(), key=lambda item: item[1]):
        lines += ["=" * 80, ", ".join(titles), "", text, ""]
    return "\n".join(lines)
