"""Runs Chromium without a window, with a profile of its own, and serves a page for it.

    chromium_server.py --dir DIR --ports-file FILE

Goes out: the folder DIR/chromium-profile, in which Chromium says where its DevTools listen; FILE, which has the ports
`devtools` and `page` of 127.0.0.1. The page is page.html beside this file. Ends when its stdin is closed or by SIGTERM,
and ends Chromium with it. Chromium's messages go to stdout.
"""

import functools
import http.server
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import serving

NAMES = ["chromium", "chromium-browser", "google-chrome"]
PATIENCE = 60
FLAGS = [
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
]


class Pages(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments):
        pass


def serve_pages():
    folder = os.path.dirname(os.path.abspath(__file__))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Pages, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def start(profile):
    command = next((name for name in NAMES if shutil.which(name)), None)
    if command is None:
        sys.exit("Chromium is not installed")
    shutil.rmtree(profile, ignore_errors=True)
    os.makedirs(profile)
    # Chromium refuses to sandbox its processes for root.
    flags = FLAGS + [f"--user-data-dir={profile}"] + (["--no-sandbox"] if os.geteuid() == 0 else [])
    # What it keeps outside of the profile goes there, too, and not into the home folder.
    homes = {"XDG_CONFIG_HOME": profile + "/config", "XDG_CACHE_HOME": profile + "/cache"}
    return subprocess.Popen(
        [command, *flags, "about:blank"],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, **homes},
    )


def port_of(program, profile):
    """Waits until Chromium has written its port, and returns it."""
    path = os.path.join(profile, "DevToolsActivePort")
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and program.poll() is None:
        if os.path.exists(path):
            with open(path, encoding="ascii") as file:
                lines = file.read().split("\n")
            if len(lines) == 2:
                return int(lines[0])
        time.sleep(0.05)
    return None


def stop(program):
    # The processes of the pages are in the same process group.
    try:
        os.killpg(program.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    program.wait()


def main():
    options = serving.parser(__doc__.splitlines()[0]).parse_args()
    profile = os.path.join(os.path.abspath(options.dir), "chromium-profile")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that Chromium is ended, too
    program = start(profile)
    try:
        port = port_of(program, profile)
        if port is None:
            sys.exit(f"Chromium has no DevTools after {PATIENCE} s")
        serving.announce(options.ports_file, devtools=port, page=serve_pages())
        while sys.stdin.buffer.read(256):
            pass
    finally:
        stop(program)
        shutil.rmtree(profile, ignore_errors=True)


main()
