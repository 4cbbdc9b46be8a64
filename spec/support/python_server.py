"""An echo server that uses the Python package `websockets`.

    python_server.py --dir DIR --ports-file FILE

DIR contains server.pem and server.key. FILE is written when ws and wss listen on free ports of 127.0.0.1. The path
/close?code=&reason= closes at once, and every other path echoes. Ends when its stdin is closed.
"""

import asyncio
import os
import ssl
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

import serving

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


async def main():
    arguments = serving.parser(__doc__.splitlines()[0]).parse_args()
    serving.end_with_stdin()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(os.path.join(arguments.dir, "server.pem"), os.path.join(arguments.dir, "server.key"))
    options = {"max_size": LARGEST, "subprotocols": ["echo"], "select_subprotocol": serving.chooser("echo")}
    async with serve(talk, "127.0.0.1", 0, **options) as ws, serve(talk, "127.0.0.1", 0, ssl=tls, **options) as wss:
        serving.announce(arguments.ports_file, ws=serving.port_of(ws), wss=serving.port_of(wss))
        await asyncio.Future()


asyncio.run(main())
