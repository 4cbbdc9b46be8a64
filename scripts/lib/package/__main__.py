"""Makes the packages of a release from files that are already built.

python3 scripts/lib/package OUTPUT [PLATFORM=FOLDER...]

OUTPUT is a folder that is made anew. FOLDER holds what was built for a platform: lua/VERSION/websocket/core.so for each
Lua, and bin/websocket; the Luas and the client that are missing there are left out. Runs in the project's folder, and
prints the name of each package.
"""

import hashlib
import shutil
import sys
import zipfile
from pathlib import Path

import archives
import contents
import licences
import release as releases
import rocks
import rockspec


class Packages:
    """The output folder: writes packages, and at the end the sums of all of them."""

    def __init__(self, output, release):
        self.output, self.release = Path(output), release
        if self.output.exists():
            shutil.rmtree(self.output)
        self.output.mkdir(parents=True)

    def path(self, name):
        path = self.output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        print(name)
        return path

    def write(self, name, text):
        self.path(name).write_bytes(text.encode())

    def archive(self, name, kind, files):
        archives.write_archive(self.path(f"{name}.{kind}"), kind, files, self.release.date)

    def rock(self, name, files):
        archives.write_zip(self.path(name), files, self.release.date)

    def bundle_rocks(self, lua):
        """The rocks of a Lua for all platforms, which must keep their names, in one archive with a name of its own."""
        folder = self.output / f"rocks/lua{lua}"
        if folder.exists():
            files = {path.name: archives.read_file(path) for path in folder.iterdir()}
            target = self.path(f"{self.release.title}-rocks-lua{lua}.zip")
            archives.write_zip(target, files, self.release.date, zipfile.ZIP_STORED)

    def sums(self):
        """Writes the SHA-256 sum of each package, for `sha256sum --check`."""
        paths = sorted(path for path in self.output.rglob("*") if path.is_file())
        lines = [
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(self.output).as_posix()}\n"
            for path in paths
        ]
        self.write("SHA256SUMS", "".join(lines))


def pack_source(packages):
    """Writes source archive, rockspec and source rock. Returns the MD5 sum of the archive."""
    release = packages.release
    packages.archive(release.title, "tar.gz", contents.source(release.title))
    archive = archives.read_file(packages.output / rockspec.source_archive(release))
    md5 = hashlib.md5(archive.data).hexdigest()
    text = rockspec.of_source(release, md5)
    packages.write(rockspec.file_name(release), text)
    packages.rock(f"{releases.NAME}-{release.rock_version}.src.rock", rocks.source(release, text, archive))
    return md5


def pack_platform(packages, platform, folder, licence_texts, md5):
    release, client = packages.release, folder / f"bin/websocket{platform.program_suffix}"
    values = {
        "version": release.version,
        "platform": platform.name,
        "suffix": platform.module_suffix[1:],
        "downloads": release.downloads,
    }
    built = {}
    for lua in releases.LUAS:
        path = folder / f"lua/{lua}/websocket/core{platform.module_suffix}"
        if path.exists():
            built[lua] = archives.File(path.read_bytes(), archives.EXECUTABLE)
    if not built:
        raise SystemExit(f"{folder} has no module for any Lua")
    for lua, module in built.items():
        name = "Lua 5.1 and LuaJIT" if lua == "5.1" else f"Lua {lua}"
        files = contents.folder(platform, module, licence_texts, values | {"lua_name": name})
        packages.archive(f"{release.title}-{platform.name}-lua{lua}", platform.archive, files)
    if releases.PLUGIN_LUA in built:
        files = contents.plugin(platform, built[releases.PLUGIN_LUA], licence_texts, values)
        packages.archive(f"websocket.nvim-{release.version}-{platform.name}", platform.archive, files)
    if not client.exists():
        return
    program = archives.File(client.read_bytes(), archives.EXECUTABLE)
    files = contents.client(platform, program, licence_texts, values)
    packages.archive(f"{release.title}-{platform.name}-client", platform.archive, files)
    if platform.rock:
        for lua, module in built.items():
            text = rockspec.of_binary(release, md5, lua)
            files = rocks.binary(
                release, text, platform, contents.lua_files(), module, program, contents.documents(licence_texts)
            )
            packages.rock(f"rocks/lua{lua}/{releases.NAME}-{release.rock_version}.{platform.rock}.rock", files)


def main(output, *built):
    packages = Packages(output, releases.read())
    md5 = pack_source(packages)
    licence_texts = licences.collect()
    for name, _, folder in (argument.partition("=") for argument in built):
        pack_platform(packages, releases.platform(name), Path(folder), licence_texts, md5)
    for lua in releases.LUAS:
        packages.bundle_rocks(lua)
    packages.sums()


main(*sys.argv[1:])
