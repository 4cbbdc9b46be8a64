"""What is in each package: the paths inside of it, mapped to files.

Comes in: the files of this tree, and the module and client that were built for a platform. Goes out: the content of the
source archive, of a rock, of the folder `websocket/` for any program, of the plugin for Neovim, and of the archive
with the command-line client.
"""

import subprocess
from pathlib import Path

import help_file
from archives import READABLE, File, read_file

HERE = Path(__file__).parent
LICENCES = "LICENSES-OF-CRATES.txt"


def source(title):
    """Every file that Git knows in this tree, below one folder."""
    listing = subprocess.run(["git", "ls-files", "-z"], check=True, stdout=subprocess.PIPE).stdout.decode()
    return {f"{title}/{path}": read_file(path) for path in listing.rstrip("\0").split("\0")}


def lua_files():
    root = Path("lua")
    return {path.relative_to(root).as_posix(): File(path.read_bytes(), READABLE) for path in root.rglob("*.lua")}


def documents(licences):
    """What LuaRocks keeps beside a rock: the documents at the top of the tree, and the licences."""
    paths = [*Path().glob("*.md"), Path("LICENSE")]
    return {path.name: File(path.read_bytes()) for path in paths} | {LICENCES: File(licences.encode())}


def _text(name, values):
    return File((HERE / name).read_text().format_map(values).encode())


def _legal(folder, licences):
    return {f"{folder}LICENSE": File(Path("LICENSE").read_bytes()), f"{folder}{LICENCES}": File(licences.encode())}


def folder(platform, module, licences, values):
    """The folder `websocket/`, with the module beside the Lua files, for a folder in which a program looks for both."""
    files = lua_files()
    files[f"websocket/core{platform.module_suffix}"] = module
    files["websocket/README.txt"] = _text("folder.txt", values)
    return files | _legal("websocket/", licences)


def plugin(platform, module, licences, values):
    """A plugin for Neovim. It has no folder `plugin/`, so nothing of it runs before a script requires it."""
    top = "websocket.nvim/"
    files = {f"{top}lua/{path}": file for path, file in lua_files().items()}
    files[f"{top}lua/websocket/core{platform.module_suffix}"] = module
    text = _text("neovim.txt", values)
    files[f"{top}doc/websocket.txt"] = text
    files[f"{top}doc/tags"] = File(help_file.tags("websocket.txt", text.data.decode()).encode())
    files[f"{top}README.md"] = _text("neovim.md", values)
    return files | _legal(top, licences)


def client(platform, program, licences, values):
    """The command-line client alone."""
    top = f"websocket-{values['version']}/"
    files = {f"{top}websocket{platform.program_suffix}": program, f"{top}README.txt": _text("client.txt", values)}
    return files | _legal(top, licences)
