"""Writes the seeds of the fuzz targets: fuzz/seeds/<target>/<name>, at most 4 KiB each.

Comes in: the examples of the standards, and the edge cases of the modules. Goes out: files in the format that the first
lines of each target describe. Run it after a change to these files: python3 fuzz/seeding
"""

import shutil
from pathlib import Path

from answers import handshake_seeds
from compressed import deflate_seeds
from extensions import extension_seeds
from frames import codec_seeds
from operations import queue_seeds
from urls import url_seeds

FOLDER = Path(__file__).parent.parent / "seeds"
LARGEST = 4096


def write(target, seeds):
    folder = FOLDER / target
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, data in seeds.items():
        assert len(data) <= LARGEST, f"{target}/{name}: {len(data)} bytes"
        (folder / name).write_bytes(data)
    print(f"{target}: {len(seeds)} seeds")


write("codec", codec_seeds())
write("codec_deflate", deflate_seeds())
write("extension", extension_seeds())
write("url", url_seeds())
write("handshake", handshake_seeds())
write("queue", queue_seeds())
