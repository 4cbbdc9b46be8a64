"""Streams of uncompressed frames, which keep or break each rule of RFC 6455."""

from cuts import BYTES, WHOLE, cut


def frame(first, payload=b"", masked=0):
    if len(payload) < 126:
        return bytes([first, masked | len(payload)]) + payload
    if len(payload) < 0x10000:
        return bytes([first, masked | 126]) + len(payload).to_bytes(2, "big") + payload
    return bytes([first, masked | 127]) + len(payload).to_bytes(8, "big") + payload


def close(code, reason=b""):
    return frame(0x88, code.to_bytes(2, "big") + reason)


KIB_64, KIB_71 = 254, 255


def codec(stream, cuts=WHOLE, size=0, fragments=0, filler=0):
    return bytes([size, fragments, filler]) + cuts + stream


def codec_seeds():
    hello = frame(0x01, b"Hel") + frame(0x80, b"lo")
    between = frame(0x01, b"Hel") + frame(0x89, b"ping") + frame(0x80, b"lo")
    text = "κόσμε — 𝄞 \U0010ffff".encode()
    return {
        # The examples of RFC 6455 section 5.7 that a server may send.
        "rfc6455-hello": codec(frame(0x81, b"Hello")),
        "rfc6455-hello-masked": codec(bytes.fromhex("818537fa213d7f9f4d5158")),
        "rfc6455-hello-in-fragments": codec(hello, BYTES),
        "rfc6455-ping": codec(frame(0x89, b"Hello")),
        "rfc6455-pong": codec(frame(0x8A, b"Hello")),
        "rfc6455-256-bytes": codec(frame(0x82, bytes(range(256))), cut(3, 100)),
        "rfc6455-64-kib": codec(bytes.fromhex("827f0000000000010000"), cut(200), filler=KIB_64),
        # Lengths and their encodings.
        "empty": codec(b""),
        "length-0": codec(frame(0x82) + frame(0x81)),
        "length-125": codec(frame(0x82, b"x" * 125)),
        "length-126": codec(frame(0x82, b"x" * 126), BYTES),
        "length-65535": codec(bytes.fromhex("827effff"), cut(256, 7), size=7, filler=KIB_64),
        "length-not-shortest-16": codec(bytes.fromhex("827e007d") + b"x" * 125),
        "length-not-shortest-64": codec(bytes.fromhex("827f000000000000ffff"), filler=KIB_64),
        "length-over-63-bits": codec(bytes.fromhex("827fffffffffffffffff")),
        "length-63-bits-declared": codec(bytes.fromhex("827f7fffffffffffffff") + b"x" * 20, BYTES, size=9),
        "length-1-mib-declared": codec(bytes.fromhex("817f0000000000100000"), cut(256), size=9, filler=KIB_71),
        "header-cut": codec(bytes.fromhex("827f00000000"), BYTES),
        # Limits.
        "size-at-limit": codec(frame(0x82, b"1234567"), size=3),
        "size-over-limit": codec(frame(0x82, b"12345678"), size=3),
        "size-over-limit-in-fragments": codec(frame(0x02, b"1234") + frame(0x80, b"5678"), BYTES, size=3),
        "size-0": codec(frame(0x81) + frame(0x82, b"x"), size=1),
        "fragments-at-limit": codec(frame(0x02, b"a") + frame(0x00, b"b") + frame(0x80, b"c"), fragments=3),
        "fragments-over-limit": codec(frame(0x02) + frame(0x00) * 3 + frame(0x80), cut(3), fragments=3),
        "fragments-many": codec(frame(0x02, b"0") + frame(0x00, b"1") * 300 + frame(0x80), cut(5, 2, 9)),
        # Order.
        "control-between-fragments": codec(between, cut(2, 3)),
        "close-between-fragments": codec(frame(0x01, b"Hel") + close(1000) + frame(0x80, b"lo")),
        "continuation-first": codec(frame(0x80, b"x")),
        "message-in-message": codec(frame(0x01, b"x") + frame(0x81, b"y")),
        "after-close": codec(close(1000, b"bye") + frame(0x81, b"late") + b"\xff\xff"),
        "all-kinds": codec(between + frame(0x82, b"\0\1") + frame(0x8A) + close(3000, b"done"), cut(1, 2, 3)),
        # Bits and opcodes.
        "rsv1": codec(frame(0xC1, b"Hello")),
        "rsv2-on-a-ping": codec(frame(0xA9)),
        "rsv1-on-a-continuation": codec(frame(0x01, b"a") + frame(0xC0, b"b")),
        "opcode-reserved-data": codec(frame(0x83)),
        "opcode-reserved-control": codec(frame(0x8B)),
        "ping-fragmented": codec(frame(0x09, b"x")),
        "ping-of-126": codec(frame(0x89, b"x" * 126)),
        "ping-of-125": codec(frame(0x89, b"x" * 125), cut(50)),
        "masked": codec(frame(0x82, b"keys" + b"data", masked=0x80)),
        # Text.
        "utf8": codec(frame(0x81, text), BYTES),
        "utf8-cut-in-a-character": codec(frame(0x01, text[:2]) + frame(0x00, text[2:9]) + frame(0x80, text[9:]), BYTES),
        "utf8-overlong": codec(frame(0x81, b"ab\xc0\xaf")),
        "utf8-surrogate": codec(frame(0x81, b"\xed\xa0\x80"), BYTES),
        "utf8-over-10ffff": codec(frame(0x01, b"\xf4\x90") + frame(0x80, b"\x80\x80")),
        "utf8-unfinished": codec(frame(0x01, b"\xe2\x82") + frame(0x80)),
        "utf8-bad-before-the-end": codec(bytes.fromhex("817e0fff") + b"a" * 60 + b"\xff", cut(10)),
        "utf8-long-ascii": codec(frame(0x81, b"plain text, " * 200), cut(64)),
        # Close.
        "close-empty": codec(frame(0x88), BYTES),
        "close-of-1-byte": codec(frame(0x88, b"\x03")),
        "close-1005": codec(close(1005)),
        "close-999": codec(close(999)),
        "close-4999-long-reason": codec(close(4999, "é".encode() * 61 + b"x"), cut(60)),
        "close-reason-not-utf8": codec(close(1000, b"\xff")),
        "close-1014": codec(close(1014, b"bad gateway")),
    }
