"""Runs the code blocks of README.md and docs/ as they stand, and compares what they print with what the page shows.

    run.py --lua COMMAND --ws PORT --wss PORT [PAGE...]

Every block of Lua is a whole script, which talks to the echo server. Blocks of the shell and servers run, too. A mark
above a block says more; on the forge and in the book it cannot be seen:

    <!-- block: continues -->      the script goes on where the block before it has ended
    <!-- block: in NAME -->        the script runs in Neovim, or inside of this program as hosts.lua imitates it
    <!-- block: server -->         a server, for the blocks of the page that follow; it has printed a line when it listens
    <!-- block: printed -->        what the block before prints; … stands for any text inside of a line

A block that ends with another status than 0, takes too long, prints nothing or prints a line that begins with `fail` and
that the page does not show has failed. The file not-run.txt lists the blocks that do not run, and why.
"""

import argparse
import glob
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from pages import blocks_of, faults_of

HERE = os.path.dirname(__file__)
DEADLINE = 30
# The ports of the servers that a page brings along. Each page gets ports of its own for them.
PAGE_PORTS = ("8767", "8768")
# What never runs: the output of a program, and files of other programs that a page shows.
SHOWN = {"text"}


class Failure(Exception):
    """A block did not do what its page says."""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def substitutions(arguments):
    """What stands in the pages for the echo server of this run."""
    wss = f"127.0.0.1:{arguments.wss}"
    return [
        (r"\b8765\b", str(arguments.ws)),
        (r"\b8766\b", str(arguments.wss)),
        (r"\blocalhost:8000\b", f"localhost:{arguments.ws}"),
        (r"\b192\.168\.1\.20(:443)?\b", wss),
        (r"5A:1B:\.\.\.:C7", arguments.fingerprint),
    ]


def fingerprint(port):
    """Returns the fingerprint of the echo server's certificate."""
    pem = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}"], stdin=subprocess.DEVNULL,
                         capture_output=True, check=False).stdout
    line = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256"], input=pem, capture_output=True,
                          check=True).stdout.decode()
    return line.strip().partition("=")[2]


def not_run():
    """Returns the first lines of the blocks that do not run. A reason follows each after `#`."""
    with open(os.path.join(HERE, "not-run.txt"), encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    for line in lines:
        if " # " not in line:
            raise Failure(f"not-run.txt gives no reason for: {line}")
    return [line.partition(" # ")[0].strip() for line in lines]


def matches(shown, printed):
    pattern = ".*".join(re.escape(part) for part in shown.strip().split("…"))
    # The page may align columns with spaces where the script prints tabs.
    pattern = re.sub(r"(\\ |\\\t)+", r"[ \\t]+", pattern)
    return re.fullmatch(pattern, printed.strip()) is not None


class Page:
    """The blocks of one page, which run in their order."""

    def __init__(self, path, arguments, skipped):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.blocks = blocks_of(path, text)
        self.faults = faults_of(path, text)
        self.arguments = arguments
        self.skipped = skipped
        self.used = set()
        self.count = 0
        self.servers = []
        self.ports = {}
        self.script = ""

    def run(self):
        """Returns the faults of the page and of its blocks."""
        try:
            for index, block in enumerate(self.blocks):
                following = self.blocks[index + 1:index + 2]
                shown = following and "printed" in following[0].words and self.substituted(following[0].text) or None
                try:
                    self.run_block(block, shown)
                except Failure as failure:
                    self.faults.append(f"{block.place}: {failure}")
        finally:
            for server in self.servers:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()
        return self.faults

    def run_block(self, block, shown):
        if block.language in SHOWN or not block.language:
            return
        first = block.lines[0].partition(" # ")[0].strip() if block.lines else ""
        if first in self.skipped:
            self.used.add(first)
            return
        self.count += 1
        text = self.substituted(block.text)
        if block.language == "lua":
            output = self.run_lua(block, text)
        elif block.language == "sh" and "server" in block.words:
            output = self.serve(["bash", "-c", text])
        elif block.language == "sh":
            output = self.execute(["bash", "-euo", "pipefail", "-c", text])
        elif block.language == "python" and "server" in block.words:
            output = self.serve(["python3", "-u", "-c", text])
        elif block.language == "js" and "server" in block.words:
            output = self.serve(["node", "-e", text])
        else:
            raise Failure(f"nothing runs a block of {block.language}; not-run.txt lists exceptions")
        self.check(output, shown)

    def substituted(self, text):
        for pattern, value in substitutions(self.arguments):
            text = re.sub(pattern, value, text)
        for port in PAGE_PORTS:
            if port in text:
                self.ports[port] = self.ports.get(port) or str(free_port())
                text = text.replace(port, self.ports[port])
        return text

    def run_lua(self, block, text):
        self.script = self.script + text if "continues" in block.words else text
        if block.words == ["in", "neovim"]:
            return self.run_in_neovim()
        if block.words[:1] == ["in"]:
            return self.execute([self.arguments.lua, os.path.join(HERE, "hosts.lua"), block.words[1],
                                 str(self.arguments.ws)], self.script)
        return self.execute([self.arguments.lua, "-"], self.script)

    def run_in_neovim(self):
        with tempfile.NamedTemporaryFile("w", suffix=".lua", encoding="utf-8") as file:
            file.write(self.script)
            file.flush()
            driver = os.path.join(HERE, "neovim.lua")
            return self.execute(["nvim", "--headless", "-u", "NONE", "-i", "NONE", "-c", f"luafile {driver}"],
                                environment={"BLOCK": file.name})

    def execute(self, command, text="", environment=None):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   start_new_session=True, env={**os.environ, **(environment or {})})
        try:
            output = process.communicate(text.encode(), timeout=DEADLINE)[0].decode(errors="replace")
        except subprocess.TimeoutExpired as late:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise Failure(f"does not end within {DEADLINE} s; printed {(late.output or b'').decode()!r}") from None
        if process.returncode != 0:
            raise Failure(f"ends with status {process.returncode}:\n{output}")
        return output

    def serve(self, command):
        environment = {**os.environ, "NODE_PATH": "spec/support/node_modules"}
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, start_new_session=True, env=environment)
        self.servers.append(process)
        if not select.select([process.stdout], [], [], DEADLINE)[0]:
            raise Failure(f"prints no line within {DEADLINE} s")
        line = process.stdout.readline().decode()
        if process.poll() is not None:
            raise Failure(f"ends with status {process.returncode}:\n{line}{process.stdout.read().decode()}")
        return line

    @staticmethod
    def check(output, shown):
        if shown is not None and not matches(shown, output):
            raise Failure(f"prints\n{output}and the page shows\n{shown}")
        if not output.strip():
            raise Failure("prints nothing")
        for line in output.splitlines():
            if line.startswith("fail") and shown is None:
                raise Failure(f"did not hold its conversation:\n{output}")


def main():
    parser = argparse.ArgumentParser()
    for name in ("lua", "ws", "wss"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("pages", nargs="*")
    arguments = parser.parse_args()
    arguments.fingerprint = fingerprint(arguments.wss)
    skipped = not_run()
    paths = arguments.pages or ["README.md", *sorted(glob.glob("docs/**/*.md", recursive=True))]
    pages = [Page(path, arguments, skipped) for path in paths]
    with ThreadPoolExecutor(max_workers=8) as pool:
        faults = [fault for found in pool.map(Page.run, pages) for fault in found]
    if not arguments.pages:
        used = set().union(*(page.used for page in pages))
        faults += [f"not-run.txt names a block that no page has: {first}" for first in skipped if first not in used]
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{sum(page.count for page in pages)} blocks of {len(pages)} pages ran, {len(faults)} faults")
    return 1 if faults else 0


sys.exit(main())
