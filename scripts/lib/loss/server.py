"""A WebSocket server that injects faults where the client asks for them, and notes which messages arrived.

Comes in: connections, one at a time, whose messages are "NUMBER:FAULT:FILLER", with numbers that count from 1. Goes
out: what arrived (`Record`). It is written for sockets, without a library, because the faults need control over each
read.

| fault | what the server does |
|---|---|
| `n` | nothing |
| `r` | resets the connection when it has read this message; the client sends nothing after it |
| `x` | resets the connection when a part of this message has arrived, which is too large for the system's buffers |
| `c` | sends Close with a code that heals, reads on until the client's Close, and ends |
| `e` | ends the stream in order, without a Close; the client sends nothing after it |
| `s` | sends a Ping and reads nothing for a while |
| `t` | reads little and slowly for a while |
| `q` | answers with what arrived |
"""

import base64
import hashlib
import random
import re
import socket
import struct
import time
import zlib

ACCEPT_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
HEALING = (1001, 1011, 1012, 1013, 1014)
TEXT, CLOSE, PING = 1, 8, 9
KINDS = ("r", "x", "c", "e", "s", "t")
DEFLATE = "permessage-deflate; client_no_context_takeover"


class Record:
    """What arrived so far."""

    def __init__(self):
        self.last = 0
        self.received = 0
        self.missing = 0
        self.connections = 0
        self.faults = {}
        self.errors = []

    def note(self, number):
        if number <= self.last:
            self.errors.append(f"message {number} after {self.last}")
            return
        self.missing += number - self.last - 1
        self.last = number
        self.received += 1

    def note_fault(self, fault):
        self.faults[fault] = self.faults.get(fault, 0) + 1


class Ended(Exception):
    """The connection is over."""


class Connection:
    """One connection, from the request to the end."""

    def __init__(self, stream, record, choose):
        self.stream = stream
        self.record = record
        self.choose = choose
        self.buffer = bytearray()
        self.slow_reads = 0
        self.inflater = None
        self.closing = False

    def read(self):
        if self.slow_reads > 0:
            self.slow_reads -= 1
            time.sleep(0.002)
        data = self.stream.recv(2048 if self.slow_reads > 0 else 1 << 18)
        if not data:
            raise Ended
        self.buffer += data

    def shake_hands(self):
        while b"\r\n\r\n" not in self.buffer:
            self.read()
        head, _, rest = bytes(self.buffer).partition(b"\r\n\r\n")
        self.buffer = bytearray(rest)
        key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head).group(1)
        accept = base64.b64encode(hashlib.sha1(key + ACCEPT_KEY).digest()).decode()
        answer = f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        answer += f"Sec-WebSocket-Accept: {accept}\r\n"
        if b"permessage-deflate" in head and self.choose.random() < 0.5:
            answer += f"Sec-WebSocket-Extensions: {DEFLATE}\r\n"
            self.inflater = True
        self.stream.sendall(answer.encode() + b"\r\n")

    def send(self, opcode, payload):
        length = len(payload)
        size = bytes([length]) if length < 126 else b"\x7e" + struct.pack(">H", length)
        self.stream.sendall(bytes([0x80 | opcode]) + size + payload)

    def frame(self):
        """Returns the first byte and the unmasked payload of the next frame; resets within one that asks for that."""
        while True:
            if len(self.buffer) >= 6:
                length, at = self.buffer[1] & 0x7F, 2
                if length == 126:
                    length, at = struct.unpack_from(">H", self.buffer, 2)[0], 4
                elif length == 127 and len(self.buffer) >= 10:
                    length, at = struct.unpack_from(">Q", self.buffer, 2)[0], 10
                elif length == 127:
                    length = 1 << 62
                if len(self.buffer) >= at + 4 + length:
                    first = self.buffer[0]
                    mask = self.buffer[at : at + 4]
                    payload = unmask(mask, self.buffer[at + 4 : at + 4 + length])
                    del self.buffer[: at + 4 + length]
                    return first, payload
                if length > 1 << 20 and len(self.buffer) >= at + 4 + 1000:
                    # Only messages with the fault `x` are as large.
                    self.record.note_fault("x")
                    self.reset()
            self.read()

    def reset(self):
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Ended

    def serve(self):
        self.shake_hands()
        self.record.connections += 1
        while True:
            first, payload = self.frame()
            opcode = first & 0x0F
            if opcode == CLOSE:
                if not self.closing:
                    self.send(CLOSE, payload[:2])
                raise Ended
            if opcode == TEXT:
                if first & 0x40:
                    inflater = zlib.decompressobj(-15)
                    payload = inflater.decompress(payload + b"\x00\x00\xff\xff")
                self.take(payload)

    def take(self, payload):
        number, fault, _ = payload.split(b":", 2)
        if fault != b"q":
            self.record.note(int(number))
        if fault != b"n":
            self.record.note_fault(fault.decode())
        if fault == b"r":
            self.reset()
        elif fault == b"e":
            raise Ended
        elif fault == b"c":
            self.closing = True
            self.send(CLOSE, struct.pack(">H", self.choose.choice(HEALING)) + b"restarting")
        elif fault == b"s":
            # Its answer stands between messages, or after them, when the connection is lost.
            self.send(PING, b"are you there?")
            time.sleep(self.choose.uniform(0.01, 0.2))
        elif fault == b"t":
            self.slow_reads = 50
        elif fault == b"q":
            record = self.record
            report = f"{record.received} {record.missing} {record.last} {len(record.errors)}"
            self.send(TEXT, report.encode())


def unmask(mask, payload):
    if not payload:
        return b""
    repeated = (bytes(mask) * (len(payload) // 4 + 1))[: len(payload)]
    masked = int.from_bytes(payload, "little") ^ int.from_bytes(repeated, "little")
    return masked.to_bytes(len(payload), "little")


def listen():
    """Returns a listener whose connections have small receive buffers."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
    listener.bind(("127.0.0.1", 0))
    listener.listen(16)
    return listener


def serve(listener, record, seed):
    """Serves connections, one after another, until the listener is closed."""
    choose = random.Random(seed)
    while True:
        try:
            stream, _ = listener.accept()
        except OSError:
            return
        with stream:
            try:
                Connection(stream, record, choose).serve()
            except (Ended, ConnectionError):
                pass
            except Exception as error:  # a defect of the client or of this server
                record.errors.append(f"{type(error).__name__}: {error}")
