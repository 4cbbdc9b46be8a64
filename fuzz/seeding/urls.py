"""URLs, alone and together with options."""


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
        "compression": url(here, b"c"),
        "all": url(
            "wss://u:p@host:1/a?b", b"ochrome", b"c", b"pa", b"pb", b"r", header(b"Host", b"x"), header(b"A", b"b")
        ),
    }
    return seeds
