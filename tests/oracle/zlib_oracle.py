"""zlib itself, as Python has it, for `compressed.rs`: what it deflates we must inflate, and what we deflate it must.

    zlib_oracle.py write SEED COUNT    lines of a server's conversations, each with what a client must read of it
    zlib_oracle.py read                lines of a client's streams; writes lines of what a server reads of them

A line has words: 1 or 0 for context takeover, the window's bits, a stream in hexadecimal; of a server's conversation
also `open` or `corrupt`, and its messages as opcode:payload, of which alone the lines consist that `read` writes.
"""

import random
import sys
import zlib

TAIL = b"\0\0\xff\xff"
PHRASES = [b"price", b'{"symbol": "', b"BTC", b"12.5", b", ", b"0.", b'"}, ', "κόσμε ".encode(), "𝄞".encode()]
FLUSHES = [zlib.Z_PARTIAL_FLUSH, zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_BLOCK]


class Compressor:
    """Writes the payloads of one server's compressed messages, each in another way."""

    def __init__(self, dice, bits, takeover):
        self.dice, self.bits, self.takeover = dice, bits, takeover
        self.stream = None

    def compress(self, payload):
        if self.stream is None or not self.takeover:
            dice = self.dice
            self.stream = zlib.compressobj(
                dice.randint(-1, 9), zlib.DEFLATED, -self.bits, dice.randint(1, 9), dice.randint(0, 4)
            )
        body = b""
        for piece in pieces(self.dice, payload, 3):
            body += self.stream.compress(piece)
            if self.dice.random() < 0.3:
                body += self.stream.flush(self.dice.choice(FLUSHES))
        if self.dice.random() < 0.1:
            # A last block, and the empty one that RFC 7692 section 7.2.3.4 puts behind it.
            body += self.stream.flush(zlib.Z_FINISH) + b"\0"
            self.stream = None
            return body
        body += self.stream.flush(zlib.Z_SYNC_FLUSH)
        # Nothing comes of a second flush (RFC 7692 section 7.2.3.6).
        return body.removesuffix(TAIL) if body else b"\0"


class Inflater:
    """Reads the payloads of compressed messages; raises zlib.error where one is corrupt."""

    def __init__(self, bits, takeover):
        self.bits, self.takeover = bits, takeover
        self.stream = None
        self.in_blocks = False

    def inflate(self, body, size):
        """Reads by `size` bytes at a time."""
        payload = self.feed(body, size)
        if self.in_blocks and self.feed(TAIL, size):
            raise zlib.error("the message ends inside a block")
        self.in_blocks = False
        if not self.takeover:
            self.stream = None
        return payload

    def feed(self, data, size):
        made = b""
        while data:
            self.stream = self.stream or zlib.decompressobj(-self.bits)
            self.in_blocks = True
            made += self.stream.decompress(data[:size])
            data = self.stream.unused_data + data[size:]
            if self.stream.eof:
                self.stream, self.in_blocks = None, False
        return made


def pieces(dice, data, most):
    """Cuts data into up to `most` pieces, some of them empty."""
    ends = sorted(dice.randint(0, len(data)) for _ in range(dice.randint(0, most - 1)))
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)])]


def some_payload(dice, earlier):
    length = dice.choice([0, 1, 5, 50, 500, 2000, 9000])
    what = dice.randint(0, 4)
    if what == 0:
        return 2, dice.randbytes(length)
    if what == 1:
        return 2, bytes([dice.randint(0, 255)]) * length * 4
    if what == 2 and earlier:
        return 2, dice.choice(earlier)[1][-length:] + dice.randbytes(3)
    return 1, b"".join(dice.choice(PHRASES) for _ in range(length // 5))


# Frames


def frame(first, payload):
    if len(payload) < 126:
        return bytes([first, len(payload)]) + payload
    if len(payload) < 0x10000:
        return bytes([first, 126]) + len(payload).to_bytes(2, "big") + payload
    return bytes([first, 127]) + len(payload).to_bytes(8, "big") + payload


def message(dice, opcode, compressed, body):
    """Writes a message in some fragments, with pings between them."""
    parts = pieces(dice, body, 4)
    stream = b""
    for at, part in enumerate(parts):
        first = (opcode | compressed if at == 0 else 0) | (0x80 if at == len(parts) - 1 else 0)
        stream += frame(first, part)
        if dice.random() < 0.1:
            stream += frame(0x89, b"")
    return stream


def client_messages(stream):
    """Takes a client's frames, which are never fragmented, apart: first byte and payload."""
    while stream:
        first, length, start = stream[0], stream[1] & 0x7F, 2
        assert stream[1] & 0x80, "a frame that is not masked"
        if length >= 126:
            start = 4 if length == 126 else 10
            length = int.from_bytes(stream[2:start], "big")
        key, end = stream[start : start + 4], start + 4 + length
        masked = stream[start + 4 : end]
        yield first, bytes(byte ^ key[at % 4] for at, byte in enumerate(masked))
        stream = stream[end:]


# Lines


def conversation(dice):
    takeover, bits = dice.random() < 0.7, dice.randint(9, 15)
    messages = []
    for _ in range(dice.randint(1, 10)):
        messages.append(some_payload(dice, messages))
    compressor = Compressor(dice, bits, takeover)
    parts = []
    for opcode, payload in messages:
        compressed = 0x40 if dice.random() < 0.85 else 0
        parts.append([opcode, compressed, compressor.compress(payload) if compressed else payload])
    outcome = "open"
    if dice.random() < 0.25:
        bits, outcome, messages = damage(dice, takeover, parts)
    stream = b"".join(message(dice, *part) for part in parts)
    return takeover, bits, stream, outcome, messages


def damage(dice, takeover, parts):
    """Damages one message; what must come of them all, zlib tells. With the largest window, for with a smaller one it
    depends on the pieces how far back zlib looks."""
    at = dice.randrange(len(parts))
    body = bytearray(parts[at][2])
    for _ in range(dice.randint(1, 3) if body else 0):
        body[dice.randrange(len(body))] = dice.randint(0, 255)
    parts[at][2] = bytes(body)
    inflater, messages = Inflater(15, takeover), []
    for part in parts:
        part[0] = 2  # No text, which might not be UTF-8 any more.
        try:
            messages.append((2, inflater.inflate(part[2], 1 << 20) if part[1] else part[2]))
        except zlib.error:
            return 15, "corrupt", messages
    return 15, "open", messages


def words_of(messages):
    return [f"{opcode}:{payload.hex()}" for opcode, payload in messages]


def write(seed, count):
    dice = random.Random(seed)
    for _ in range(count):
        takeover, bits, stream, outcome, messages = conversation(dice)
        print(int(takeover), bits, stream.hex(), outcome, *words_of(messages))


def read():
    for line in sys.stdin.readlines():
        takeover, bits, stream = line.split()
        # Byte by byte, so that it cannot look further back than the window.
        inflater, messages = Inflater(int(bits), takeover == "1"), []
        for first, payload in client_messages(bytes.fromhex(stream)):
            messages.append((first & 0x0F, inflater.inflate(payload, 1) if first & 0x40 else payload))
        print(*words_of(messages))


if sys.argv[1] == "write":
    write(int(sys.argv[2]), int(sys.argv[3]))
else:
    read()
