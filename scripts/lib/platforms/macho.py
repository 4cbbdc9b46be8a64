"""Checks that a file is a library or a program for macOS, and prints what it needs.

macho.py FILE dylib|program arm64|x86_64 OLDEST    OLDEST is the oldest macOS on which it must run, such as 11.0

Prints its libraries and the oldest macOS. Exits with 1 if the file is of another kind, for another processor or a newer
macOS, has a library outside of the system, or has no signature, without which Apple silicon loads nothing; or if it is
a library without thread-local variables, because macOS would then remove it from memory while threads run in it.
"""

import struct
import sys

MAGIC = 0xFEEDFACF
PROCESSORS = {"arm64": 0x0100000C, "x86_64": 0x01000007}
KINDS = {"program": 2, "dylib": 6}
LOAD_DYLIB, CODE_SIGNATURE, VERSION_MIN, BUILD_VERSION = 0xC, 0x1D, 0x24, 0x32
HAS_THREAD_LOCALS = 0x800000
SYSTEM = ("/usr/lib/", "/System/Library/Frameworks/")


def commands(data):
    """Yields the number and the bytes of each load command."""
    count = struct.unpack_from("<I", data, 16)[0]
    offset = 32
    for _ in range(count):
        number, size = struct.unpack_from("<II", data, offset)
        yield number, data[offset : offset + size]
        offset += size


def version_text(number):
    return f"{number >> 16}.{number >> 8 & 255}"


def main():
    path, kind, processor, oldest = sys.argv[1:]
    with open(path, "rb") as file:
        data = file.read()
    magic, found_processor, _, found_kind = struct.unpack_from("<IIII", data)
    wrong, libraries, signed, minimum = [], [], False, None
    if (magic, found_processor, found_kind) != (MAGIC, PROCESSORS[processor], KINDS[kind]):
        wrong.append(f"it is no {kind} for {processor}")
    if kind == "dylib" and not struct.unpack_from("<I", data, 24)[0] & HAS_THREAD_LOCALS:
        wrong.append("it has no thread-local variables, so macOS may unload it")
    for number, command in commands(data) if magic == MAGIC else ():
        if number == LOAD_DYLIB:
            start = struct.unpack_from("<I", command, 8)[0]
            libraries.append(command[start:].split(b"\0")[0].decode())
        elif number == CODE_SIGNATURE:
            signed = True
        elif number == VERSION_MIN:
            minimum = struct.unpack_from("<I", command, 8)[0]
        elif number == BUILD_VERSION:
            minimum = struct.unpack_from("<I", command, 12)[0]
    wrong += [f"it needs {name}, which is no part of macOS" for name in libraries if not name.startswith(SYSTEM)]
    major, minor = (int(part) for part in oldest.split("."))
    if minimum is None or minimum > (major << 16 | minor << 8):
        wrong.append(f"it wants macOS {version_text(minimum or 0)}, not {oldest}")
    if processor == "arm64" and not signed:
        wrong.append("it is not signed")
    names = ", ".join(name.rsplit("/", 1)[1] for name in libraries)
    print(f"{names}; macOS {version_text(minimum or 0)}")
    if wrong:
        print(f"{path}: {'; '.join(wrong)}", file=sys.stderr)
        sys.exit(1)


main()
