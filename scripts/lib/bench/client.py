"""The client of the benchmarks that uses the Python package `websockets`. client.lua describes it."""

import asyncio
import gc
import json
import re
import sys
import time

from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

mode, url, path = sys.argv[1:4]
settings = dict(setting.split("=") for setting in sys.argv[6:])


def options():
    if settings.get("compression") == "none":
        return {"compression": None}
    if not settings:
        return {}
    bits, alone = int(settings["window_bits"]), settings.get("takeover") == "0"
    factory = ClientPerMessageDeflateFactory(
        server_no_context_takeover=alone,
        client_no_context_takeover=alone,
        server_max_window_bits=None if bits == 15 else bits,
        client_max_window_bits=bits,
        compress_settings={"level": int(settings["level"]), "memLevel": 8},
    )
    return {"compression": None, "extensions": [factory]}


def report(ws, **numbers):
    print(json.dumps({**numbers, "extensions": ", ".join(map(repr, ws.protocol.extensions))}))


async def echo(messages, in_flight, warm_up):
    async with connect(url, **options()) as ws:
        waiting = iter(messages)
        for _ in range(min(in_flight, len(messages))):
            await ws.send(next(waiting))
        size = 0
        started = None
        for received in range(1, len(messages) + 1):
            size += len(await ws.recv())
            message = next(waiting, None)
            if message is not None:
                await ws.send(message)
            if received == warm_up:
                started = time.process_time()
        cpu = (time.process_time() - started) / (len(messages) - warm_up)
        report(ws, cpu=cpu, bytes=size)


def memory():
    gc.collect()
    with open("/proc/self/status", encoding="ascii") as file:
        return int(re.search(r"RssAnon:\s*(\d+)", file.read())[1])


async def talk(messages):
    ws = await connect(url, **options())
    for message in messages:
        await ws.send(message)
        await ws.recv()
    return ws


async def hold(messages, first, more):
    sockets = await asyncio.gather(*(talk(messages) for _ in range(first)))
    before = memory()
    sockets += await asyncio.gather(*(talk(messages) for _ in range(more)))
    report(sockets[0], kib=round((memory() - before) / more, 1))
    for ws in sockets:
        ws.transport.abort()


with open(path, encoding="ascii") as file:
    lines = file.read().splitlines()
asyncio.run({"echo": echo, "hold": hold}[mode](lines, int(sys.argv[4]), int(sys.argv[5])))
