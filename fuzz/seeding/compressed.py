"""Streams of compressed messages: the examples of RFC 7692, streams of zlib, and corrupt streams."""

import zlib

from cuts import BYTES, WHOLE, cut
from frames import close, frame


def deflate(stream, cuts=WHOLE, flags=0, windows=(0, 0), level=0, size=0, fragments=0):
    return bytes([flags, *windows, level, size, fragments]) + cuts + stream


def compressed(*messages, bits=15, level=6, strategy=zlib.Z_DEFAULT_STRATEGY, flush=zlib.Z_SYNC_FLUSH):
    """Returns the payloads of messages that share one DEFLATE stream."""
    stream = zlib.compressobj(level, zlib.DEFLATED, -bits, 8, strategy)
    payloads = [stream.compress(message) + stream.flush(flush) for message in messages]
    return [payload.removesuffix(b"\0\0\xff\xff") for payload in payloads]


def deflate_seeds():
    hello = bytes.fromhex("f248cdc9c90700")
    text = "κόσμε, κόσμε — 𝄞𝄞𝄞 ".encode() * 8
    lines = b"".join(b"line %d of some text, of some text\n" % number for number in range(40))
    noise = zlib.compress(lines) * 3
    first, second, third = compressed(lines, lines[100:], lines[:300] + text)
    bomb = compressed(b"\0" * 200_000, level=9)[0]
    return {
        # RFC 7692 section 7.2.3.
        "rfc7692-one-block": deflate(frame(0xC1, hello)),
        "rfc7692-in-fragments": deflate(frame(0x41, hello[:3]) + frame(0x80, hello[3:]), BYTES),
        "rfc7692-shared-window": deflate(frame(0xC1, hello) + frame(0xC1, bytes.fromhex("f200110000")), cut(4)),
        "rfc7692-no-shared-window": deflate(frame(0xC1, hello) + frame(0xC1, bytes.fromhex("f200110000")), flags=1),
        "rfc7692-block-not-compressed": deflate(frame(0xC1, bytes.fromhex("000500faff48656c6c6f00"))),
        "rfc7692-last-block": deflate(frame(0xC1, bytes.fromhex("f348cdc9c9070000")) * 2, BYTES),
        "rfc7692-two-blocks": deflate(frame(0xC1, bytes.fromhex("f24805000000ffffcac9c90700"))),
        "rfc7692-empty": deflate(frame(0xC1, b"\0"), BYTES),
        "empty-without-a-byte": deflate(frame(0xC1) + frame(0xC2)),
        "empty-fragments": deflate(frame(0x41) + frame(0x00, hello) + frame(0x00) + frame(0x80)),
        "empty-blocks": deflate(frame(0xC1, bytes.fromhex("020800000000ffff") * 9 + hello), cut(3)),
        "uncompressed": deflate(frame(0x81, b"Hello") + frame(0xC1, hello) + frame(0x82, noise), cut(50)),
        # Several messages.
        "three-messages": deflate(frame(0xC1, first) + frame(0xC2, second) + frame(0xC1, third), cut(20, 3)),
        "three-messages-alone": deflate(
            b"".join(frame(0xC1, compressed(message)[0]) for message in (lines, text, lines)), cut(100), flags=3
        ),
        "window-9": deflate(b"".join(frame(0xC2, one) for one in compressed(lines, lines, bits=9)), BYTES, 0, (6, 6)),
        "window-9-broken": deflate(b"".join(frame(0xC2, one) for one in compressed(lines, lines)), cut(9), 0, (6, 7)),
        "window-8": deflate(frame(0xC1, hello), windows=(7, 7)),
        "with-a-ping": deflate(frame(0x41, first[:50]) + frame(0x89, b"p") + frame(0x80, first[50:]), cut(11)),
        "full-flush": deflate(frame(0xC2, compressed(lines, flush=zlib.Z_FULL_FLUSH)[0]), cut(5), level=1),
        "huffman-only": deflate(frame(0xC2, compressed(lines[:300], strategy=zlib.Z_HUFFMAN_ONLY)[0]), cut(7)),
        "fixed": deflate(frame(0xC2, compressed(lines[:400], strategy=zlib.Z_FIXED)[0]), cut(2), level=8),
        "stored": deflate(frame(0xC2, compressed(lines[:400], level=0)[0]), cut(33), level=2),
        "text": deflate(frame(0xC1, compressed(text)[0]), BYTES),
        # Invalid streams.
        "bomb": deflate(frame(0xC2, bomb), size=0),
        "bomb-within-limit": deflate(frame(0xC2, bomb), cut(100), size=7),
        "size-at-limit": deflate(frame(0xC2, compressed(b"1234567")[0]), size=3),
        "size-over-limit": deflate(frame(0xC2, compressed(b"12345678")[0]), BYTES, size=3),
        "size-0": deflate(frame(0xC2, b"\0") + frame(0xC2, hello), size=1),
        "corrupt-block-type": deflate(frame(0xC1, b"\x07"), BYTES),
        "corrupt-lengths": deflate(frame(0xC1, b"\x00\x05\x00\x05\x00Hello\x00")),
        "corrupt-distance": deflate(frame(0xC1, bytes.fromhex("0231000000"))),
        "corrupt-behind-text": deflate(frame(0xC1, hello[:5] + b"\xff\xff\xff"), BYTES),
        "corrupt-behind-bad-text": deflate(frame(0xC1, bytes.fromhex("000200fdff6fff07")), BYTES),
        "ends-inside-a-block": deflate(frame(0xC1, hello[:4])),
        "ends-inside-a-stored-block": deflate(frame(0xC1, bytes.fromhex("000500faff4865"))),
        "text-not-utf8": deflate(frame(0xC1, compressed(b"abc\xed\xa0\x80def")[0]), cut(2)),
        "text-unfinished": deflate(frame(0xC1, compressed(b"\xe2\x82")[0])),
        "bit-on-a-continuation": deflate(frame(0x41, hello[:3]) + frame(0xC0, hello[3:])),
        "bit-on-a-ping": deflate(frame(0xC9)),
        "fragments-over-limit": deflate(
            frame(0x41, hello[:2]) + frame(0x00, hello[2:4]) + frame(0x80, hello[4:]), fragments=2
        ),
        "after-close": deflate(close(1000) + frame(0xC1, hello)),
        # Pieces of a stream that are encoded and decoded as messages; the stream itself is not valid.
        "messages": deflate(lines, cut(64, 1, 200), flags=0),
        "messages-alone": deflate(lines, cut(64, 1, 200), flags=2, windows=(0, 4), level=8),
        "messages-of-noise": deflate(noise, cut(200), windows=(0, 6), level=1),
        "messages-repeated": deflate(lines[:500] * 8, cut(250), windows=(0, 6), level=5),
    }
