"""Runs a program in Wine, and commands of the Unix shell for it, which it could not start with a pipe.

    shell.py COMMAND ARGUMENTS...

Comes in: a command that runs the program. It finds the variable UNIX_SHELL in its environment, `PORT SECRET`, where
shell.c connects. Goes out: the exit status of the command.

A request is the secret, the mode in one letter, the length of the command in ten digits, and the command. Then the
connection is the command's stdout (mode r) or stdin (mode w), or it carries the exit status at the end (mode e).
Commands get the environment of this process, which ends the program when it is told to end.
"""

import hmac
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading

SECRET = secrets.token_hex(16).encode()
HEAD = len(SECRET) + 1 + 10


def receive(connection, count):
    """Returns `count` bytes; less if the connection ends."""
    return connection.recv(count, socket.MSG_WAITALL) if count else b""


def serve(connection):
    with connection:
        head = receive(connection, HEAD)
        if len(head) < HEAD or not hmac.compare_digest(head[: len(SECRET)], SECRET):
            return
        mode, length = head[len(SECRET) :][:1], int(head[len(SECRET) + 1 :])
        process = subprocess.Popen(
            ["/bin/sh", "-c", receive(connection, length)],
            stdin=connection if mode == b"w" else subprocess.DEVNULL,
            stdout=connection if mode == b"r" else None,
        )
        if mode == b"e":
            connection.sendall(str(process.wait()).encode())
    process.wait()


def accept(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def main():
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    environment = dict(os.environ, UNIX_SHELL=f"{listener.getsockname()[1]} {SECRET.decode()}")
    process = subprocess.Popen(sys.argv[1:], env=environment)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda number, _: process.send_signal(number))
    status = process.wait()
    sys.stdout.flush()
    os._exit(status if status >= 0 else 128 - status)


main()
