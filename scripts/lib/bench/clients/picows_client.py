"""The client of the benchmarks that uses `picows` on uvloop. README.md, in the folder above, lists the workloads."""

import time

cpu_before = time.process_time()

import asyncio
import logging
import os

import uvloop
from picows import WSListener, WSMsgType, ws_connect

import measure

workload, url, count, size = measure.arguments()
TEXT = WSMsgType.TEXT
logging.disable()  # it warns whenever its buffer is full


class Listener(WSListener):
    """Gives every message, as text, to a function."""

    def __init__(self, on_message):
        self.on_message = on_message

    def on_ws_frame(self, transport, frame):
        if frame.msg_type == TEXT:
            self.on_message(transport, frame.get_payload_as_utf8_text())


async def connect(path, on_message):
    transport, _ = await ws_connect(
        lambda: Listener(on_message), url + path, ssl_context=measure.tls_context(url), max_frame_size=1 << 26
    )
    return transport


async def echo():
    texts = [text.encode() for text in measure.texts(size)]
    received, read = 0, None

    def on_message(transport, message):
        nonlocal received, read
        assert len(message) == size
        if received == count // 10:
            read = measure.start()
        elif received == count + count // 10:
            measure.report(count, **read())
        received += 1
        transport.send(TEXT, texts[received % len(texts)])

    transport = await connect("/echo", on_message)
    transport.send(TEXT, texts[0])
    await transport.wait_disconnected()


async def receive():
    left, read = 0, None
    rounds = iter((count // 10, count))

    def next_round(transport):
        nonlocal left, read
        left = next(rounds, None)
        if left is None:
            measure.report(count, **read())
        read = measure.start()
        transport.send(TEXT, str(left).encode())

    def on_message(transport, message):
        nonlocal left
        assert len(message) == size
        left -= 1
        if left == 0:
            next_round(transport)

    transport = await connect(f"/flood/{size}", on_message)
    next_round(transport)
    await transport.wait_disconnected()


async def send():
    texts = [text.encode() for text in measure.texts(size)]
    answer = asyncio.Event()
    transport = await connect("/sink", lambda *_: answer.set())
    socket = transport.underlying_transport
    for messages in (count // 10, count):
        answer.clear()
        read = measure.start()
        for number in range(messages):
            transport.send(TEXT, texts[number % len(texts)])
            if number % measure.BATCH == 0:
                while socket.get_write_buffer_size() > 1 << 20:
                    await asyncio.sleep(0)
        transport.send(TEXT, b".")
        await answer.wait()
    measure.report(count, **read())


async def open_many(path, number, on_message):
    """Opens connections, a few at a time; each sends a message and waits for its echo. Keeps them in the result."""
    at_once = asyncio.Semaphore(measure.AT_ONCE)

    async def talk(index):
        answer = asyncio.Event()

        def on_any_message(transport, message):
            if answer.is_set():
                on_message()
            answer.set()

        async with at_once:
            transport = await connect(path, on_any_message)
            transport.send(TEXT, measure.text(64, index).encode())
            await answer.wait()
            return transport

    return await asyncio.gather(*map(talk, range(number)))


async def connections():
    left, done = 0, asyncio.Event()

    def on_message():
        nonlocal left
        left -= 1
        if left == 0:
            done.set()

    trigger = await connect(f"/trigger/{os.getpid()}", lambda *_: None)
    read = measure.start()
    kept = await open_many(f"/fan/{os.getpid()}", min(count, measure.FIRST), on_message)
    before, more = measure.memory(), max(count - measure.FIRST, 0)
    kept += await open_many(f"/fan/{os.getpid()}", more, on_message)
    members = read()
    members["memory"] = (measure.memory() - before) / max(more, 1)
    if url.startswith("wss:"):
        measure.report(count, **members)
    for name, messages, burst in measure.FANS:
        left = messages
        done.clear()
        read = measure.start()
        trigger.send(TEXT, f"fan {messages} {burst}".encode())
        await done.wait()
        members.update(read(f"{name}_"))
        members[f"{name}_operations"] = messages
    measure.report(count, **members)


async def idle():
    kept = await open_many("/echo", count, lambda: None)
    read = measure.start()
    await asyncio.sleep(size)
    measure.report(len(kept), **read())


async def startup():
    await connect("/echo", lambda *_: None)
    cpu = time.process_time() - cpu_before
    measure.report(1, wall=cpu, cpu=cpu)


workloads = {
    "callback": echo,
    "loop": echo,
    "receive": receive,
    "send": send,
    "connections": connections,
    "idle": idle,
    "startup": startup,
}
uvloop.run(workloads[workload]())
