"""The client of the benchmarks that uses `websockets.sync`. README.md, in the folder above, lists the workloads."""

import time

cpu_before = time.process_time()

from websockets.sync.client import connect as connect_to

import measure

workload, url, count, size = measure.arguments()


def connect(path):
    return connect_to(url + path, compression=None, max_size=None, ssl=measure.tls_context(url), legacy=True)


def echo():
    texts = measure.texts(size)
    ws = connect("/echo")
    for number in range(count + count // 10):
        if number == count // 10:
            read = measure.start()
        ws.send(texts[number % len(texts)])
        assert len(ws.recv()) == size
    measure.report(count, **read())


def receive():
    ws = connect(f"/flood/{size}")
    for messages in (count // 10, count):
        read = measure.start()
        ws.send(str(messages))
        for _ in range(messages):
            assert len(ws.recv()) == size
    measure.report(count, **read())


def send():
    texts = measure.texts(size)
    ws = connect("/sink")
    for messages in (count // 10, count):
        read = measure.start()
        for number in range(messages):
            ws.send(texts[number % len(texts)])
        ws.send(".")
        ws.recv()
    measure.report(count, **read())


def startup():
    connect("/echo")
    cpu = time.process_time() - cpu_before
    measure.report(1, wall=cpu, cpu=cpu)


workloads = {"callback": echo, "loop": echo, "receive": receive, "send": send, "startup": startup}
workloads[workload]()
