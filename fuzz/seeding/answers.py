"""Responses to the opening handshake."""

from cuts import BYTES, WHOLE, cut


def answer(text, asked=0, cuts=WHOLE):
    data = text if isinstance(text, bytes) else text.encode()
    marks = 0x80 if b"{long}" in data or b"{many}" in data else 0
    return bytes([asked | marks]) + cuts + data


def good(*lines, first="HTTP/1.1 101 Switching Protocols", accept="{accept}", tail=""):
    head = [first, "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {accept}", *lines]
    return "\r\n".join(head) + "\r\n\r\n" + tail


def refusal(status, *lines, body=""):
    return "\r\n".join([f"HTTP/1.1 {status} Some Reason", *lines]) + "\r\n\r\n" + body


def redirect(target, status=302):
    return answer(refusal(status, f"Location: {target}"))


def handshake_seeds():
    extensions = "Sec-WebSocket-Extensions: permessage-deflate"
    chunks = "3;x=y\r\nnot\r\n9\r\n today...\r\n0\r\n\r\n"
    return {
        "good": answer(good()),
        "good-in-bytes": answer(good(), cuts=BYTES),
        "good-with-frames": answer(good(tail="\x01\x02hi"), cuts=cut(100, 40)),
        "good-after-interim": answer("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 2 + good(), cuts=cut(30)),
        "good-in-other-words": answer(
            "HTTP/1.1 101\r\nCONNECTION: keep-alive, upgrade\r\nupgrade: WebSocket\r\n"
            "Sec-Websocket-accept:{accept}\r\n\r\n"
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
        "extension-not-offered": answer(good(extensions)),
        "extension": answer(good(f"{extensions}; client_max_window_bits=10"), asked=3, cuts=cut(9)),
        "extension-as-asked": answer(
            good(f"{extensions}; server_no_context_takeover; server_max_window_bits=9"), asked=4, cuts=cut(70)
        ),
        "extension-twice": answer(good(extensions, extensions), asked=3),
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
        "403-chunk-line-long": answer(refusal(403, "Transfer-Encoding: chunked", body="3;{long}"), cuts=BYTES),
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
        "redirect-long": redirect("http://{long}/"),
        "redirect-bytes": answer(b"HTTP/1.1 301 M\r\nLocation: \xff\r\n\r\n"),
    }
