"""The programs that scripts/hosts starts: how each is started, talked to and ended, and what the server sees then."""

import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

CLOSED, BROKEN = "Close 1001", "connection break"
SCRIPTS = "scripts/lib/hosts"


def output_of(*command):
    """Returns what a command prints, or nothing if it cannot be run or fails."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr if done.returncode == 0 else ""


def free_port():
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


@dataclass
class Program:
    """A host whose script does all by itself."""

    name: str
    arguments: list
    version_arguments: tuple = ("--version",)
    needs_screen: bool = False
    end: str = CLOSED

    def missing(self):
        """Says why the host cannot be started, or nothing."""
        if not shutil.which(self.arguments[0]):
            return f"{self.arguments[0]} is not installed"
        if self.needs_screen and not shutil.which("Xvfb"):
            return "Xvfb is not installed"

    def version(self):
        """Returns the first version number that the program prints."""
        for word in output_of(self.arguments[0], *self.version_arguments).replace(",", " ").split():
            digits = word.rpartition("/")[2].lstrip("v").split("-")[0]
            if "." in digits and digits.replace(".", "").isdigit():
                return digits
        return "?"

    def command(self, run):
        return self.arguments

    def talk(self, run):
        """Does what the conversation needs from outside."""

    def quit(self, run):
        """Ends the host, if its script does not."""


class Neovim(Program):
    def __init__(self, name, **others):
        command = ["nvim", "--headless", "-u", "NONE", "-c", f"luafile {SCRIPTS}/{name}.lua"]
        super().__init__(name, command, **others)


class Library(Program):
    """A stock interpreter with the loop of a library."""

    def __init__(self, name, lua, module, version):
        super().__init__(name, [lua, f"{SCRIPTS}/{name}.lua"])
        self.module, self.expression = module, version

    def missing(self):
        if super().missing():
            return super().missing()
        if not output_of(self.arguments[0], "-e", f"require '{self.module}' print 'is here'"):
            return f"{self.arguments[0]} has no module {self.module}"

    def version(self):
        # Some modules raise for a field that they do not have.
        value = f"pcall(function() return {self.expression} end)"
        code = f"local m = require '{self.module}' local ok, version = {value} print(ok and version)"
        return output_of(self.arguments[0], "-e", code).strip() or "?"


class Tshark(Program):
    """tshark reads a capture from its standard input, as long as the conversation goes on."""

    def talk(self, run):
        def feed():
            frame = b"\xff" * 6 + b"\x02" * 6 + b"\x08\x06" + bytes(46)
            stdin = run.process.stdin
            try:
                stdin.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
                while not self.is_over:
                    stdin.write(struct.pack("<IIII", int(time.time()), 0, len(frame), len(frame)) + frame)
                    stdin.flush()
                    time.sleep(0.005)
            except OSError:
                pass  # tshark has ended, which its report tells

        self.is_over = False
        thread = threading.Thread(target=feed, daemon=True)
        thread.start()
        try:
            run.reports("idle")
        finally:
            self.is_over = True
            thread.join(5)  # it waits for longer only at a tshark that reads nothing, which is ended next

    def quit(self, run):
        run.process.stdin.close()


class Server(Program):
    """A server that answers requests through its connection. This end holds the conversation and reports it."""

    def __init__(self, name, arguments, lua, url, signal_to_end, **others):
        super().__init__(name, arguments, **others)
        self.lua, self.url, self.signal_to_end = lua, url, signal_to_end

    def configure(self, source, target, replacements):
        text = Path(source).read_text()
        for old, new in replacements.items():
            if old not in text:
                raise ValueError(f"{source} has no {old}")
            text = text.replace(old, new)
        target.write_text(text)
        return target

    def ask(self, text):
        with urllib.request.urlopen(self.url.format(port=self.port, text=text), timeout=5) as answer:
            return answer.read().decode().strip()

    def await_start(self, run):
        while True:
            try:
                return self.ask("ready")
            except urllib.error.URLError as problem:
                refused = isinstance(problem.reason, ConnectionRefusedError)
                if not refused or time.monotonic() > run.deadline or run.process.poll() is not None:
                    raise
                time.sleep(0.05)

    def talk(self, run):
        self.await_start(run)
        times = []

        def ask(number):
            begin = time.monotonic()
            answer = self.ask(f"round-{number}")
            times.append(time.monotonic() - begin)
            return answer == f"round-{number}"

        # Four requests at once: while one waits for its answer the server serves the others.
        with ThreadPoolExecutor(4) as pool:
            right = list(pool.map(ask, range(100)))
        if not all(right):
            run.note("wrong", f"{right.count(False)} answers of {len(right)}")
        run.note("lua", self.lua)
        run.note("rounds", len(right))
        run.note("round_trip_ms", f"{1000 * sorted(times)[len(times) // 2]:.2f}")
        run.note("ticks", len(right))
        run.note("idle", "begins")

    def quit(self, run):
        run.note("quit", "now")
        run.process.send_signal(self.signal_to_end)


class Nginx(Server):
    # The Lua module of Debian replaces the packages of LuaJIT, so scripts/hosts unpacks it into a folder instead.
    ROOT = Path("target/hosts/nginx/root").absolute()
    MODULES = ROOT / "usr/lib/nginx/modules"

    def missing(self):
        if super().missing():
            return super().missing()
        if not (self.MODULES / "ngx_http_lua_module.so").exists():
            return "its Lua module could not be unpacked"

    def command(self, run):
        self.port = free_port()
        share = self.ROOT / "usr/share/lua/5.1"
        configuration = self.configure("examples/hosts/nginx.conf", run.folder / "nginx.conf", {
            "/usr/lib/nginx/modules": str(self.MODULES),
            "127.0.0.1:8080": f"127.0.0.1:{self.port}",
            "target/nginx.pid": f"{run.folder}/nginx.pid",
            "lua_package_path \"": f"lua_package_path \"{share}/?.lua;{share}/?/init.lua;",
        })
        libraries = next(self.ROOT.glob("usr/lib/*/libluajit-5.1.so.2")).parent
        run.environment["LD_LIBRARY_PATH"] = str(libraries)
        return ["nginx", "-e", "stderr", "-p", f"{Path.cwd()}/", "-c", str(configuration)]


class Haproxy(Server):
    def command(self, run):
        self.port = free_port()
        configuration = self.configure("examples/hosts/haproxy.cfg", run.folder / "haproxy.cfg", {
            "127.0.0.1:8081": f"127.0.0.1:{self.port}",
        })
        return ["haproxy", "-f", str(configuration)]


PROGRAMS = {program.name: program for program in (
    Neovim("neovim"),
    Neovim("neovim_polled", end=BROKEN),
    Program("mpv", ["mpv", "--no-config", "--vo=null", "--ao=null", f"--script={SCRIPTS}/mpv.lua",
                    "av://lavfi:testsrc=duration=60"]),
    Program("love", ["love", f"{SCRIPTS}/love"], needs_screen=True),
    Program("awesomewm", ["awesome", "-c", f"{SCRIPTS}/awesome.lua"], needs_screen=True),
    Tshark("tshark", ["tshark", "-q", "-X", f"lua_script:{SCRIPTS}/tshark.lua", "-r", "-"]),
    Nginx("nginx", ["nginx"], "LuaJIT", "http://127.0.0.1:{port}/say?{text}", signal.SIGQUIT,
          version_arguments=("-v",)),
    Haproxy("haproxy", ["haproxy"], "Lua 5.3", "http://127.0.0.1:{port}/?{text}", signal.SIGUSR1,
            version_arguments=("-v",)),
    Library("glib", "lua5.3", "lgi", "require('lgi.version')"),
    Library("luv", "lua5.4", "luv", "m.version_string()"),
    Library("copas", "lua5.1", "copas", "m._VERSION:match('%d.*')"),
    Library("cqueues", "lua5.4", "cqueues", "m.VERSION"),
    Library("ev", "lua5.4", "ev", "('%d.%d'):format(m.version())"),
)}
