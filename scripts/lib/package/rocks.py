"""Makes the files of rocks: the source rock, and a binary rock as `luarocks pack` makes it.

Comes in: the files of lua/, the built module and client. Goes out: paths mapped to `File`.
"""

import hashlib

import rockspec
from archives import File


def _insert(tree, parts, value):
    for part in parts[:-1]:
        tree = tree.setdefault(part, {})
    tree[parts[-1]] = value


def _key(name):
    return name if name.isidentifier() else f'["{name}"]'


def _table(tree, indent=1):
    pad = "   " * indent
    lines = [
        f"{pad}{_key(name)} = {_table(value, indent + 1) if isinstance(value, dict) else chr(34) + value + chr(34)}"
        for name, value in sorted(tree.items())
    ]
    return "{\n" + ",\n".join(lines) + "\n" + "   " * (indent - 1) + "}"


def rock_manifest(files):
    """Returns the MD5 sums of all files, as a Lua table for each folder."""
    tree = {}
    for path, file in files.items():
        _insert(tree, path.split("/"), hashlib.md5(file.data).hexdigest())
    return f"rock_manifest = {_table(tree)}\n"


def source(release, text, archive):
    """The source rock: the rockspec, and the archive that it names."""
    return {rockspec.file_name(release): File(text.encode()), rockspec.source_archive(release): archive}


def binary(release, text, platform, lua_files, module, client, documents):
    files = {rockspec.file_name(release): File(text.encode())}
    files |= {f"lua/{path}": file for path, file in lua_files.items()}
    files[f"lib/websocket/core{platform.module_suffix}"] = module
    files[f"bin/websocket{platform.program_suffix}"] = client
    files |= {f"doc/{path}": file for path, file in documents.items()}
    return files | {"rock_manifest": File(rock_manifest(files).encode())}
