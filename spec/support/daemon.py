"""Runs a proxy or a server of another project on a free port of 127.0.0.1: tinyproxy, danted, nginx or mosquitto.

    daemon.py NAME --dir DIR --ports-file FILE [--upstream PORT]

Comes in: the name, and for nginx the port of the WebSocket server behind it. Goes out: FILE, which has the port as `port`
once it is open. Its configuration and its log are in DIR; nginx uses server.pem and server.key from there. These
programs cannot take a free port by themselves, so another is tried if one is taken meanwhile. Ends when its stdin is
closed or by SIGTERM, and ends the program with it. Works as root and as another user.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time

ATTEMPTS = 5
PATIENCE = 10

TINYPROXY = """
Port {port}
Listen 127.0.0.1
Timeout 60
MaxClients 50
Allow 127.0.0.1
LogFile "{base}.requests"
LogLevel Connect
PidFile "{base}.pid"
"""

DANTED = """
logoutput: {base}.requests
internal: 127.0.0.1 port = {port}
external: 127.0.0.1
clientmethod: none
socksmethod: none
client pass {{
   from: 127.0.0.0/8 to: 0.0.0.0/0
}}
socks pass {{
   from: 127.0.0.0/8 to: 0.0.0.0/0
   command: connect
}}
"""

NGINX = """
daemon off;
master_process off;
pid {base}.pid;
events {{ }}
http {{
   access_log {base}.requests;
   client_body_temp_path {base}.body;
   proxy_temp_path {base}.proxy;
   fastcgi_temp_path {base}.fastcgi;
   uwsgi_temp_path {base}.uwsgi;
   scgi_temp_path {base}.scgi;
   server {{
      listen 127.0.0.1:{port} ssl;
      ssl_certificate {dir}/server.pem;
      ssl_certificate_key {dir}/server.key;
      location / {{
         proxy_pass http://127.0.0.1:{upstream};
         proxy_http_version 1.1;
         proxy_set_header Host $http_host;
         proxy_set_header Upgrade $http_upgrade;
         proxy_set_header Connection "upgrade";
      }}
      location /moved {{ return 308 /echo$is_args$args; }}
   }}
}}
"""

# Mosquitto does not start with WebSocket alone, so it listens at a Unix socket, too. Without the socket domain it would
# listen on all addresses.
MOSQUITTO = """
user root
persistence false
log_dest stderr
listener 0 {base}.sock
listener {port} 127.0.0.1
socket_domain ipv4
protocol websockets
"""

# The line that `mosquitto_passwd` writes for the user `user` and the password `password`.
MOSQUITTO_USERS = (
    "user:$7$101$/NyZKEGGkZwacM98$AbDNufUOySKnrOQamG6ewbI0EsHglT4"
    "/nWc3waL7fZeaW4t1/rzhKgXdxnydtD4/LzhLWX83rfF65Fa7m0sobA==\n"
)

PROGRAMS = {
    "tinyproxy": (TINYPROXY, ["tinyproxy", "-d", "-c"]),
    "tinyproxy-auth": (TINYPROXY + "BasicAuth user password\n", ["tinyproxy", "-d", "-c"]),
    "danted": (DANTED, ["danted", "-f"]),
    "nginx": (NGINX, ["nginx", "-e", "stderr", "-c"]),
    "mosquitto": (MOSQUITTO + "allow_anonymous true\n", ["mosquitto", "-c"]),
    "mosquitto-auth": (MOSQUITTO + "allow_anonymous false\npassword_file {base}.users\n", ["mosquitto", "-c"]),
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(program, port):
    """Waits until the program has opened its port; returns false if it has ended."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and program.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            time.sleep(0.02)
    return False


def start(name, arguments):
    template, command = PROGRAMS[name]
    base = os.path.join(os.path.abspath(arguments.dir), name)
    if name == "mosquitto-auth":
        with open(os.open(base + ".users", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.write(MOSQUITTO_USERS)
    environment = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    for _ in range(ATTEMPTS):
        port = free_port()
        with open(base + ".conf", "w", encoding="utf-8") as file:
            file.write(template.format(port=port, base=base, dir=arguments.dir, upstream=arguments.upstream))
        program = subprocess.Popen(
            [*command, base + ".conf"], stdin=subprocess.DEVNULL, start_new_session=True, env=environment
        )
        if listens(program, port):
            return program, port
        stop(program)
    sys.exit(f"{name} does not listen")


def stop(program):
    # danted has child processes, which are in the same process group.
    try:
        os.killpg(program.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    program.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=PROGRAMS)
    parser.add_argument("--dir", required=True)
    parser.add_argument("--ports-file", required=True)
    parser.add_argument("--upstream", type=int)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the program is ended, too
    program, port = start(arguments.name, arguments)
    try:
        serve(arguments, port)
    finally:
        stop(program)


def serve(arguments, port):
    with open(arguments.ports_file + "~", "w", encoding="utf-8") as file:
        file.write(f"return {{ port = {port} }}\n")
    os.rename(arguments.ports_file + "~", arguments.ports_file)
    print("ready", flush=True)
    while sys.stdin.buffer.read(256):
        pass


main()
