"""Checks what an ELF file needs of the system that loads it, as readelf lists it.

needs.py FILE GLIBC LIBRARY...    GLIBC is the newest version that it may need, such as 2.17; none for another C library

Prints the libraries and the newest version in one line. Exits with 1 if the file needs a library that is not among
these, or a newer version; with 2 if it cannot be read.
"""

import re
import subprocess
import sys


def readelf(option, file):
    command = ["readelf", "--wide", option, file]
    done = subprocess.run(command, capture_output=True, text=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"})
    if done.returncode != 0 or done.stderr:
        print(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}", file=sys.stderr)
        sys.exit(2)
    return done.stdout


def number(version):
    return tuple(int(part) for part in version.split("."))


def main():
    file, allowed, *libraries = sys.argv[1:]
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("--dynamic", file))
    # A version that is no number, such as GLIBC_PRIVATE, belongs to one release of glibc.
    versions = set(re.findall(r"Name: GLIBC_(\S+)", readelf("--version-info", file)))
    numbers = sorted((version for version in versions if re.fullmatch(r"[0-9.]+", version)), key=number)
    wrong = [f"the library {name}" for name in needed if name not in libraries]
    wrong += [f"GLIBC_{version}" for version in sorted(versions.difference(numbers))]
    if allowed == "none":
        wrong += [f"GLIBC_{version}" for version in numbers]
    else:
        wrong += [f"GLIBC_{version}" for version in numbers if number(version) > number(allowed)]
    print(", ".join(needed or ["no library"]) + (f"; glibc {numbers[-1]}" if numbers else ""))
    if wrong:
        print(f"{file} needs {', '.join(wrong)}", file=sys.stderr)
        sys.exit(1)


main()
