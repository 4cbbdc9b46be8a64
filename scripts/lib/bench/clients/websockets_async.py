"""The client of the benchmarks that uses `websockets.asyncio`. README.md, in the folder above, lists the workloads."""

import time

cpu_before = time.process_time()

import asyncio
import os

from websockets.asyncio.client import connect as connect_to

import measure

workload, url, count, size = measure.arguments()


def connect(path):
    return connect_to(url + path, compression=None, max_size=None, ssl=measure.tls_context(url))


async def echo():
    texts = measure.texts(size)
    ws = await connect("/echo")
    for number in range(count + count // 10):
        if number == count // 10:
            read = measure.start()
        await ws.send(texts[number % len(texts)])
        assert len(await ws.recv()) == size
    measure.report(count, **read())


async def receive():
    ws = await connect(f"/flood/{size}")
    for messages in (count // 10, count):
        read = measure.start()
        await ws.send(str(messages))
        for _ in range(messages):
            assert len(await ws.recv()) == size
    measure.report(count, **read())


async def send():
    texts = measure.texts(size)
    ws = await connect("/sink")
    for messages in (count // 10, count):
        read = measure.start()
        for number in range(messages):
            await ws.send(texts[number % len(texts)])
        await ws.send(".")
        await ws.recv()
    measure.report(count, **read())


async def open_many(path, number, on_message):
    """Opens connections, a few at a time; each sends a message and waits for its echo. Keeps them in the result."""
    at_once = asyncio.Semaphore(measure.AT_ONCE)

    async def listen(ws):
        async for _ in ws:
            on_message()

    async def talk(index):
        async with at_once:
            ws = await connect(path)
            await ws.send(measure.text(64, index))
            await ws.recv()
            return ws, asyncio.ensure_future(listen(ws))

    return await asyncio.gather(*map(talk, range(number)))


async def connections():
    left, done = 0, asyncio.Event()

    def on_message():
        nonlocal left
        left -= 1
        if left == 0:
            done.set()

    trigger = await connect(f"/trigger/{os.getpid()}")
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
        await trigger.send(f"fan {messages} {burst}")
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
    await connect("/echo")
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
asyncio.run(workloads[workload]())
