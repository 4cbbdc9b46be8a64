"""An echo server that uses the Python package `websockets`.

    python_server.py --dir DIR --ports-file FILE

DIR contains server.pem and server.key. FILE is written when ws and wss listen on free ports of 127.0.0.1. The path
/close?code=&reason= closes at once, and every other path echoes. Ends when its stdin is closed.
"""

import argparse
import asyncio
import os
import ssl
import sys
import threading
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

LARGEST = 256 * 1024 * 1024


async def talk(connection):
    target = urlsplit(connection.request.path)
    query = parse_qs(target.query)
    try:
        if target.path == "/close":
            await connection.close(int(query.get("code", ["1000"])[0]), query.get("reason", [""])[0])
            return
        async for message in connection:
            await connection.send(message)
    except ConnectionClosed:
        pass


def end_with_stdin():
    while sys.stdin.buffer.read(256):
        pass
    os._exit(0)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dir", required=True)
    parser.add_argument("--ports-file", required=True)
    arguments = parser.parse_args()
    threading.Thread(target=end_with_stdin, daemon=True).start()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(os.path.join(arguments.dir, "server.pem"), os.path.join(arguments.dir, "server.key"))
    options = {"max_size": LARGEST, "subprotocols": ["echo"], "select_subprotocol": choose}
    async with serve(talk, "127.0.0.1", 0, **options) as ws, serve(talk, "127.0.0.1", 0, ssl=tls, **options) as wss:
        ports = [server.sockets[0].getsockname()[1] for server in (ws, wss)]
        with open(arguments.ports_file + "~", "w", encoding="ascii") as file:
            file.write("return { ws = %d, wss = %d }\n" % tuple(ports))
        os.replace(arguments.ports_file + "~", arguments.ports_file)
        print("ready", flush=True)
        await asyncio.Future()


def choose(_connection, offered):
    return "echo" if "echo" in offered else None


asyncio.run(main())
