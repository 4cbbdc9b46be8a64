"""Writes archives whose bytes depend on nothing but their content and one date.

Comes in: the files of an archive, as paths mapped to `File`, and the date that all of them get. Goes out: an archive
whose members stand in the order of their names, and belong to nobody.
"""

import datetime
import gzip
import io
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

READABLE, EXECUTABLE = 0o644, 0o755


@dataclass(frozen=True)
class File:
    data: bytes
    mode: int = READABLE


def read_file(path):
    """Reads a file; one that its owner may execute stays executable for everyone."""
    path = Path(path)
    return File(path.read_bytes(), EXECUTABLE if path.stat().st_mode & 0o100 else READABLE)


def write_zip(target, files, date, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(target, "w", compression, compresslevel=9) as archive:
        for path, file in sorted(files.items()):
            member = zipfile.ZipInfo(path, (date.year, date.month, date.day, 0, 0, 0))
            member.create_system = 3  # Unix, whatever this runs on
            member.external_attr = (0o100000 | file.mode) << 16
            archive.writestr(member, file.data, compression, 9)


def write_tar_gz(target, files, date):
    seconds = int(datetime.datetime.combine(date, datetime.time(), datetime.UTC).timestamp())
    with open(target, "wb") as output, gzip.GzipFile("", "wb", 9, output, mtime=0) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for path, file in sorted(files.items()):
                member = tarfile.TarInfo(path)
                member.size, member.mode, member.mtime = len(file.data), file.mode, seconds
                archive.addfile(member, io.BytesIO(file.data))


def write_archive(target, kind, files, date):
    {"zip": write_zip, "tar.gz": write_tar_gz}[kind](target, files, date)
