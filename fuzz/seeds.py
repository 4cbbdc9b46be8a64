"""Writes the seeds that the fuzz targets begin with: seeds/<target>/<name>, at most 4 KiB each.

Comes in: the examples of the standards and the edges that the rooms' comments name. Goes out: files in the form that
each target's first lines describe. Run it after a change here: python3 fuzz/seeds.py
"""

import shutil
from pathlib import Path

FOLDER = Path(__file__).parent / "seeds"
LARGEST = 4096


def write(target, seeds):
    folder = FOLDER / target
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, data in seeds.items():
        assert len(data) <= LARGEST, f"{target}/{name}: {len(data)} bytes"
        (folder / name).write_bytes(data)
    print(f"{target}: {len(seeds)} seeds")


def cut(*sizes):
    """The sizes of the pieces that a stream arrives in."""
    return bytes([len(sizes), *(size - 1 for size in sizes)])


WHOLE = cut()
BYTES = cut(1)


# Frames


def frame(first, payload=b"", masked=0):
    if len(payload) < 126:
        return bytes([first, masked | len(payload)]) + payload
    if len(payload) < 0x10000:
        return bytes([first, masked | 126]) + len(payload).to_bytes(2, "big") + payload
    return bytes([first, masked | 127]) + len(payload).to_bytes(8, "big") + payload


def close(code, reason=b""):
    return frame(0x88, code.to_bytes(2, "big") + reason)


def codec(stream, cuts=WHOLE, size=0, fragments=0, filler=0):
    return bytes([size, fragments, filler]) + cuts + stream


def codec_seeds():
    hello = frame(0x01, b"Hel") + frame(0x80, b"lo")
    between = frame(0x01, b"Hel") + frame(0x89, b"ping") + frame(0x80, b"lo")
    text = "κόσμε — 𝄞 \U0010ffff".encode()
    return {
        # RFC 6455 section 5.7, as far as a server may send it.
        "rfc6455-hello": codec(frame(0x81, b"Hello")),
        "rfc6455-hello-masked": codec(bytes.fromhex("818537fa213d7f9f4d5158")),
        "rfc6455-hello-in-fragments": codec(hello, BYTES),
        "rfc6455-ping": codec(frame(0x89, b"Hello")),
        "rfc6455-pong": codec(frame(0x8A, b"Hello")),
        "rfc6455-256-bytes": codec(frame(0x82, bytes(range(256))), cut(3, 100)),
        "rfc6455-64-kib": codec(bytes.fromhex("827f0000000000010000"), cut(200), filler=64),
        # Lengths and their forms.
        "empty": codec(b""),
        "length-0": codec(frame(0x82) + frame(0x81)),
        "length-125": codec(frame(0x82, b"x" * 125)),
        "length-126": codec(frame(0x82, b"x" * 126), BYTES),
        "length-65535": codec(bytes.fromhex("827effff"), cut(256, 7), size=7, filler=64),
        "length-not-shortest-16": codec(bytes.fromhex("827e007d") + b"x" * 125),
        "length-not-shortest-64": codec(bytes.fromhex("827f000000000000ffff"), filler=64),
        "length-over-63-bits": codec(bytes.fromhex("827fffffffffffffffff")),
        "length-63-bits-declared": codec(bytes.fromhex("827f7fffffffffffffff") + b"x" * 20, BYTES, size=9),
        "length-1-mib-declared": codec(bytes.fromhex("817f0000000000100000"), cut(256), size=9, filler=71),
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


# URLs and options


def url(text, *choices):
    return b"\xff".join([text.encode(), *choices])


def header(name, value):
    return b"h" + name + b"\xfe" + value


def url_seeds():
    texts = {
        "plain": "ws://example.com/",
        "secure-with-all": "wss://Us%65r:p%40ss@EXAMPLE.com:8443/a%20b/../c?q=%20&r#",
        "with-query": "wss://Us%65r:p%40ss@EXAMPLE.com:8443/a%20b/./c?q=%20&r",
        "no-path": "ws://localhost",
        "ipv4": "ws://127.0.0.1:65535/",
        "ipv4-in-hex": "ws://0x7f.1/",
        "ipv4-of-too-much": "ws://1.2.3.4.5/",
        "ipv6": "ws://[::1]:80/",
        "ipv6-with-zone": "ws://[fe80::1%25eth0]/",
        "ipv6-open": "ws://[::1/",
        "idna": "wss://bücher.example/ü?ü",
        "idna-joiner": "ws://a\u200db.example/",
        "host-in-wide-letters": "ws://ｅｘａｍｐｌｅ．ｃｏｍ/",
        "soft-hyphen-alone": "ws://\u00ad/",
        "percent-host": "ws://%65xample.com/",
        "percent-loose": "ws://a%+b:c%zz%4@host/%zz%",
        "credentials-empty": "ws://:@host/",
        "credentials-with-control": "ws://a%0d%0ab:c%00@host/",
        "credentials-with-colon": "ws://a%3ab:c@host/",
        "at-signs": "ws://a@b@c/",
        "backslashes": "ws:\\\\host\\path",
        "three-slashes": "ws:///path",
        "two-slashes-in-path": "ws://host//two//slashes",
        "dots": "ws://host/../../a/%2e%2e/b",
        "port-0": "ws://a:0/",
        "port-too-large": "ws://a:65536/",
        "port-empty": "ws://a:/",
        "port-own": "wss://a:443/",
        "fragment-empty": "ws://a/#",
        "fragment": "ws://a/#f",
        "query-empty": "ws://a?",
        "query-quotes": "ws://a/?a='\"<>`{}|^",
        "path-quotes": "ws://a/'\"<>`{}|^[]",
        "http": "http://u:p@LOCALHOST:80/a b?x#f",
        "scheme-in-capitals": "WSS://a/",
        "scheme-unknown": "gopher://a/",
        "scheme-is-a-user": "secret:x@example.com/",
        "space": " ws://a b/ ",
        "tab-in-scheme": "w\ts://a/",
        "line-end": "ws://a/\r\nX: y",
        "nul": "ws://a/\0",
        "relative": "/path",
        "empty": "",
    }
    seeds = {name: url(text) for name, text in texts.items()}
    here = "ws://example.com/chat?x"
    seeds |= {
        "headers": url(here, header(b"Cookie", b"a=1"), header(b"Cookie", "b=é".encode()), header(b"X", b"\ty ")),
        "header-host": url(here, header(b"Host", b"other.example:8")),
        "header-host-empty": url(here, header(b"host", b"")),
        "header-host-not-ascii": url(here, header(b"host", b"\xc3\xa9")),
        "header-owned": url(here, header(b"Sec-WebSocket-Key", b"x"), header(b"connection", b"close")),
        "header-split": url(here, header(b"X", b"a\r\nb: c"), header(b"a\r\nb", b"c"), header(b"a:", b"")),
        "header-nul": url(here, header(b"X", b"a\0"), header(b"X", b"\x7f"), header(b"X", b"\x80")),
        "header-with-space": url(here, header(b" X", b""), header(b"", b"x")),
        "protocols": url(here, b"pchat", b"pv2.chat", b"r"),
        "protocols-twice": url(here, b"pchat", b"pCHAT", b"pa,b", b"p"),
        "protocol-missing": url(here, b"r"),
        "origin": url(here, b"ohttps://example.com", b"onull"),
        "origin-twice": url(here, b"onull", header(b"origin", b"null")),
        "origin-split": url(here, b"oa\r\nb"),
        "basic-auth": url(here, b"aAladdin\xfeopen sesame"),
        "basic-auth-twice": url("ws://a:b@c/", b"auser\xfepassword"),
        "basic-auth-and-header": url(here, b"auser\xfepassword", header(b"Authorization", b"Bearer x")),
        "basic-auth-colon": url(here, b"aus:er\xfepassword"),
        "all": url("wss://u:p@host:1/a?b", b"ochrome", b"pa", b"pb", b"r", header(b"Host", b"x"), header(b"A", b"b")),
    }
    return seeds


# Answers to the opening handshake


def answer(text, asked=0, cuts=WHOLE):
    return bytes([asked]) + cuts + (text if isinstance(text, bytes) else text.encode())


def good(*lines, first="HTTP/1.1 101 Switching Protocols", accept="{accept}", tail=""):
    head = [first, "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {accept}", *lines]
    return "\r\n".join(head) + "\r\n\r\n" + tail


def refusal(status, *lines, body=""):
    return "\r\n".join([f"HTTP/1.1 {status} Some Reason", *lines]) + "\r\n\r\n" + body


def redirect(target, status=302):
    return answer(refusal(status, f"Location: {target}"))


def handshake_seeds():
    chunks = "3;x=y\r\nnot\r\n9\r\n today...\r\n0\r\n\r\n"
    return {
        "good": answer(good()),
        "good-in-bytes": answer(good(), cuts=BYTES),
        "good-with-frames": answer(good(tail="\x01\x02hi"), cuts=cut(100, 40)),
        "good-after-interim": answer("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 2 + good(), cuts=cut(30)),
        "good-in-other-words": answer(
            "HTTP/1.1 101\r\nCONNECTION: keep-alive, upgrade\r\nupgrade: WebSocket\r\nSec-Websocket-accept:{accept}\r\n\r\n"
        ),
        "http-1.0": answer(good(first="HTTP/1.0 101 Switching Protocols")),
        "http-2": answer(good(first="HTTP/2 101 Switching Protocols")),
        "http-1.2": answer(good(first="HTTP/1.2 101 Switching Protocols")),
        "status-of-4-digits": answer(good(first="HTTP/1.1 1010 X")),
        "status-0": answer(good(first="HTTP/1.1 000 X")),
        "reason-with-bytes": answer(b"HTTP/1.1 101 \xe9\t~\r\n\r\n"),
        "no-upgrade": answer(good().replace("Upgrade: websocket", "X: y")),
        "upgrade-of-two": answer(good().replace("websocket", "websocket, h2c")),
        "no-connection": answer(good().replace("Connection: Upgrade", "X: y")),
        "accept-wrong": answer(good(accept="s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")),
        "accept-twice": answer(good("Sec-WebSocket-Accept: {accept}")),
        "accept-missing": answer(good().replace("Accept", "Except")),
        "protocol": answer(good("Sec-WebSocket-Protocol: v2.x"), asked=1),
        "protocol-in-bytes": answer(good("Sec-WebSocket-Protocol: chat"), asked=2, cuts=BYTES),
        "protocol-not-offered": answer(good("Sec-WebSocket-Protocol: chat")),
        "protocol-twice": answer(good(*["Sec-WebSocket-Protocol: chat"] * 2), asked=1),
        "protocol-of-two": answer(good("Sec-WebSocket-Protocol: chat, v2.x"), asked=1),
        "protocol-required": answer(good(), asked=2),
        "protocol-empty": answer(good("Sec-WebSocket-Protocol:"), asked=1),
        "extension": answer(good("Sec-WebSocket-Extensions: permessage-deflate")),
        "folded-line": answer(good("X: a\r\n b")),
        "bare-line-feed": answer(good().replace("\r\n", "\n")),
        "bare-carriage-return": answer(good("X: a\rb")),
        "nul": answer(good("X: a\0b")),
        "obs-text": answer(b"HTTP/1.1 200 OK\r\nX: \xff\x80\r\n\r\n"),
        "space-before-colon": answer(good("X : y")),
        "no-colon": answer(good("nothing")),
        "name-empty": answer(good(": x")),
        "value-empty": answer(good("X:", "Y: ", "Z:\t")),
        "head-too-long": answer(good("X: {long}", "Y: " + "y" * 3900)),
        "head-long": answer(good("X: {long}"), cuts=cut(200)),
        "headers-at-limit": answer(good("{many}").replace("\r\n\r\n", "\r\n")),
        "headers-over-limit": answer(good("{many}", "A: b")),
        "head-cut": answer(good()[:60]),
        "nothing": answer(""),
        "not-http": answer("SSH-2.0-OpenSSH_9.2\r\n"),
        "interim-without-end": answer("HTTP/1.1 100 Continue\r\n\r\n" * 100),
        "interim-too-long": answer("HTTP/1.1 100 C\r\nX: {long}\r\n\r\n" + "HTTP/1.1 100 C\r\nX: y\r\n\r\n" * 160),
        "200": answer(refusal(200, "Content-Length: 5", body="hello")),
        "403-chunked": answer(refusal(403, "Transfer-Encoding: chunked", body=chunks), cuts=cut(40, 1, 1, 1)),
        "403-chunked-badly": answer(refusal(403, "Transfer-Encoding: chunked", body="3\r\nnot\r\nzz\r\nx")),
        "403-chunk-without-end": answer(refusal(403, "Transfer-Encoding: gzip, chunked", body="ffffffffffffffff\r\nx")),
        "403-chunks-of-1": answer(refusal(403, "Transfer-Encoding: chunked", body="1\r\nx\r\n" * 650), cuts=cut(256)),
        "403-chunk-long": answer(refusal(403, "Transfer-Encoding: chunked", body="ea60\r\n{long}\r\n0\r\n\r\n")),
        "403-length-too-large": answer(refusal(403, "Content-Length: 99999999999999999999", body="x")),
        "403-length-negative": answer(refusal(403, "Content-Length: -1", body="x")),
        "403-body-long": answer(refusal(403, body="{long}"), cuts=cut(256)),
        "204": answer(refusal(204, "Content-Length: 5", body="hello")),
        "304": answer(refusal(304)),
        "redirect": redirect("https://user:hunter2@example.org/?hunter2"),
        "redirect-relative": redirect("/login?hunter2"),
        "redirect-other-host": redirect("//example.net:8080/x", status=308),
        "redirect-no-origin": redirect("data:,hunter2"),
        "redirect-not-a-url": redirect("http://[::1"),
        "redirect-bytes": answer(b"HTTP/1.1 301 M\r\nLocation: \xff\r\n\r\n"),
    }


# Operations on the queue


def operations(limit, *steps):
    return bytes([limit]) + b"".join(steps)


def push(*payloads, connection=0):
    return bytes([len(payloads) - 1 | connection << 4]) + b"".join(payload.to_bytes(2, "big") for payload in payloads)


def do(what, connection=0, reader=0):
    return bytes([what | connection << 4 | reader << 5])


TAKE, DROP, DROP_LAST, ADMIT, IDLE, WAIT = 5, 7, 9, 10, 12, 15


def queue_seeds():
    fill = push(10) + do(ADMIT)
    drain = do(TAKE) + do(DROP) * 4
    return {
        "nothing": operations(0),
        "deferred": operations(0, push(0, 8, 16), do(WAIT), drain, do(WAIT)),
        "events": operations(0, push(10), push(11, 12), do(WAIT), do(TAKE), do(DROP) * 3, do(IDLE)),
        "uncharged": operations(3, push(1, 9), do(ADMIT), do(TAKE)),
        "empty-push": operations(0, do(4), do(WAIT), do(TAKE)),
        "rests-and-goes-on": operations(4, fill * 3, drain, do(ADMIT)),
        "rests-at-one": operations(2, fill * 2, do(TAKE), do(DROP), do(ADMIT)),
        "limit-0": operations(1, do(ADMIT), push(2), do(TAKE), do(DROP), do(ADMIT)),
        "wakes-at-half": operations(0, push(250) * 3, do(ADMIT), do(TAKE), do(DROP), do(ADMIT), do(DROP) * 2, do(ADMIT)),
        "two-connections": operations(
            3, push(10), push(10, connection=1), do(ADMIT), do(ADMIT, 1, 1), do(TAKE), do(DROP), do(DROP)
        ),
        "two-readers": operations(3, push(10), do(ADMIT), do(ADMIT, 0, 1), do(TAKE), do(DROP)),
        "idle-then-woken": operations(6, push(10, 11), do(IDLE), do(TAKE), do(DROP), do(DROP), do(IDLE)),
        "from-behind": operations(4, push(10, 11, 12, 13), do(ADMIT), do(TAKE), do(DROP_LAST) * 4),
        "told-to-nobody": operations(3, do(IDLE), bytes([13, 0, 200]), do(ADMIT), bytes([13, 255, 255])),
        "large": operations(5, push(65535) * 2, do(ADMIT), do(TAKE), do(DROP), do(ADMIT)),
        "left-over": operations(4, push(10, 11), do(ADMIT), do(TAKE), push(12, 13), do(ADMIT, 0, 1)),
        "many": operations(0, (push(10, 0, 1) + do(ADMIT) + do(TAKE) + do(DROP) * 3) * 40),
    }


if __name__ == "__main__":
    write("codec", codec_seeds())
    write("url", url_seeds())
    write("handshake", handshake_seeds())
    write("queue", queue_seeds())
