//! Tests the opening handshake with scripted servers: the request, the responses that are accepted, and those that are
//! not.

use std::time::{Duration, Instant};

use crate::support::{GOOD, accept, answering, fill, linger, open, plan, read_request, refused, serve, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use websocket_core::error::ErrorCode;
use websocket_core::options::Options;
use websocket_core::transport::{Loss, Plan, Stream};
use websocket_core::url::Endpoint;

fn offering(protocols: &[&str]) -> Options {
    let mut options = Options::default();
    for name in protocols {
        options.add_protocol(name).unwrap();
    }
    options
}

/// Returns the good response with a part replaced.
fn with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from));
    GOOD.replace(from, to)
}

/// Returns the good response with more lines.
fn plus(lines: &str) -> String {
    with("{accept}\r\n", &format!("{{accept}}\r\n{lines}"))
}

async fn failure(answer: &str, options: &Options) -> websocket_core::error::Failure {
    refused(&format!("ws://{}/", answering(answer).await), options).await
}

async fn request(url: &str, options: &Options) -> String {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let address = serve(move |mut socket| {
        let sender = sender.clone();
        async move {
            let request = read_request(&mut socket).await;
            socket.write_all(&fill(GOOD.as_bytes(), &request)).await.unwrap();
            sender.send(request).unwrap();
        }
    })
    .await;
    open(&url.replace("HOST", &address.to_string()), options).await.map_err(|failure| failure.text).unwrap();
    let request = receiver.recv().await.unwrap();
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    assert_eq!(key.len(), 24);
    request.replace(key, "KEY").replace(&address.to_string(), "HOST")
}

#[tokio::test]
async fn sends_the_required_headers_first_and_then_the_scripts_in_order() {
    let mut options = offering(&["chat", "superchat"]);
    options.set_origin(b"https://here.example").unwrap();
    for (name, value) in [("X-Second", "2"), ("Cookie", "a=1"), ("x-first", "1"), ("Cookie", "b=\u{e9}")] {
        options.add_header(name, value.as_bytes()).unwrap();
    }
    let expected = "GET /path/a%20b?q=1 HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: KEY\r\nUser-Agent: websocket-native/0.2.0\r\nSec-WebSocket-Protocol: chat, superchat\r\n\
        Origin: https://here.example\r\nAuthorization: Basic bWU6cEBzcw==\r\nX-Second: 2\r\nCookie: a=1\r\n\
        x-first: 1\r\nCookie: b=\u{e9}\r\n\r\n";
    assert_eq!(request("ws://me:p%40ss@HOST/path/a%20b?q=1", &options).await, expected);
}

#[tokio::test]
async fn sends_basic_auth_and_the_host_of_an_option() {
    let mut options = Options::default();
    options.set_basic_auth(b"me", b"secret").unwrap();
    options.add_header("host", b"virtual.example").unwrap();
    let request = request("ws://HOST", &options).await;
    assert!(request.starts_with("GET / HTTP/1.1\r\nHost: virtual.example\r\n"), "{request}");
    assert!(request.contains("\r\nAuthorization: Basic bWU6c2VjcmV0\r\n"), "{request}");
    assert_eq!(request.to_ascii_lowercase().matches("\r\nhost:").count(), 1, "{request}");
}

#[tokio::test]
async fn replaces_and_removes_the_user_agent() {
    let agents = |request: String| -> Vec<String> {
        let lines = request.lines().filter(|line| line.to_ascii_lowercase().starts_with("user-agent:"));
        lines.map(str::to_owned).collect()
    };
    let mut options = Options::default();
    let own = format!("User-Agent: websocket-native/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(agents(request("ws://HOST", &options).await), [own]);
    options.add_header("user-agent", b"mine/1").unwrap();
    assert_eq!(agents(request("ws://HOST", &options).await), ["user-agent: mine/1"]);
    let mut options = Options::default();
    options.remove_header("User-AGENT").unwrap();
    assert!(agents(request("ws://HOST", &options).await).is_empty());
    let text = options.remove_header("Host").unwrap_err().to_string();
    assert_eq!(text, "header \"Host\" cannot be removed by false, only \"User-Agent\" can");
}

#[tokio::test]
async fn sends_every_path_that_a_url_may_have() {
    for path in ["/a|b^c[d]{e}'f\"g`h\\i", "//x", "/%zz?<a>&'b'|^{}`", "/\u{e9}?\u{e9}", "/;,:@&=+$!*()~"] {
        let request = request(&format!("ws://HOST{path}"), &Options::default()).await;
        assert!(request.starts_with("GET /"), "{path}");
    }
}

#[test]
fn refuses_credentials_given_twice_without_showing_them() {
    let mut auth = Options::default();
    auth.set_basic_auth(b"me", b"secret").unwrap();
    let mut header = Options::default();
    header.add_header("authorization", b"Bearer secret").unwrap();
    let mut host = Options::default();
    host.add_header("Host", "secr\u{e9}t".as_bytes()).unwrap();
    let cases = [
        ("ws://u:secret@localhost/", auth),
        ("ws://u:secret@localhost/", header),
        ("ws://localhost/", host),
        ("ws://u%3Au:secret@localhost/", Options::default()),
    ];
    for (url, options) in cases {
        let error = Plan::new(Endpoint::parse(url).unwrap(), &options).err().expect(url).to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn keeps_the_bytes_that_follow_the_response() {
    let address = answering([GOOD.as_bytes(), b"\x81\x02hi\x89\x00"].concat()).await;
    let opened = open(&format!("ws://{address}/"), &Options::default()).await.ok().unwrap();
    assert_eq!(opened.response.status, 101);
    assert_eq!(opened.response.headers[0], ("upgrade".to_owned(), b"websocket".to_vec()));
    assert_eq!((&*opened.response.protocol, &*opened.response.extensions), ("", ""));
    // The segment may have been split: the rest of the bytes comes from the stream.
    let mut bytes = opened.tail;
    let mut stream = opened.stream;
    while bytes.len() < 6 {
        within(stream.read_buf(&mut bytes)).await.unwrap();
    }
    assert_eq!(bytes, b"\x81\x02hi\x89\x00");
}

#[tokio::test]
async fn accepts_a_large_head_that_arrives_byte_by_byte() {
    let answer = plus(&format!("X: {}\r\n", "y".repeat(8000)));
    let address = serve(move |mut socket| {
        let answer = answer.clone();
        async move {
            let request = read_request(&mut socket).await;
            for byte in fill(answer.as_bytes(), &request) {
                socket.write_all(&[byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
            linger(socket).await;
        }
    })
    .await;
    let opened = open(&format!("ws://{address}/"), &Options::default()).await.map_err(|failure| failure.text).unwrap();
    assert_eq!(opened.response.headers[3].1.len(), 8000);
    assert!(opened.tail.is_empty());
}

#[tokio::test]
async fn opens_in_its_own_task_and_returns_a_small_stream() {
    let address = answering(GOOD).await;
    let plan = plan(&format!("ws://{address}/"), &Options::default());
    let opening = Box::pin(async move { plan.open().await });
    let opened = within(tokio::spawn(opening)).await.unwrap().ok().unwrap();
    assert!(size_of_val(&opened.stream) <= 64, "{}", size_of_val(&opened.stream));
}

#[tokio::test]
async fn parses_connection_and_upgrade_as_lists() {
    for answer in [
        with("Connection: Upgrade", "connection: keep-alive, UPGRADE"),
        with("Connection: Upgrade", "Connection: keep-alive\r\nConnection: ,upgrade\t,"),
        with("Upgrade: websocket", "UPGRADE:WebSocket"),
        with("HTTP/1.1 101 Switching Protocols", "HTTP/1.1 101"),
        plus(&"X: y\r\n".repeat(121)),
        plus("X:\r\nX: \x7e\u{e9}\r\n"),
        plus(&format!("X: {}\r\n", "y".repeat(64 * 1024 - 28 - 5 - GOOD.len() + "{accept}".len()))),
    ] {
        let address = answering(&*answer).await;
        let opened = open(&format!("ws://{address}/"), &Options::default()).await;
        opened.map_err(|failure| format!("{}\n{answer:.200}", failure.text)).unwrap();
    }
}

#[tokio::test]
async fn refuses_a_response_that_does_not_match_the_request() {
    const ACCEPT: &str = "Sec-WebSocket-Accept: {accept}\r\n";
    for (answer, header) in [
        (with("Upgrade: websocket\r\n", ""), "upgrade"),
        (with("Upgrade: websocket", "Upgrade: h2c"), "upgrade"),
        (with("Upgrade: websocket", "Upgrade: websocket, h2c"), "upgrade"),
        (with("Upgrade: websocket", "Upgrade:"), "upgrade"),
        (with("Connection: Upgrade\r\n", ""), "connection"),
        (with("Connection: Upgrade", "Connection: close, upgraded"), "connection"),
        (with(ACCEPT, ""), "sec-websocket-accept"),
        (with(ACCEPT, &ACCEPT.repeat(2)), "sec-websocket-accept"),
        (with("{accept}", "{accept}="), "sec-websocket-accept"),
        (with("{accept}", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "sec-websocket-accept"),
        (with("{accept}", ""), "sec-websocket-accept"),
        (plus("Sec-WebSocket-Protocol: chat\r\n"), "sec-websocket-protocol"),
        (plus("Sec-WebSocket-Protocol:\r\n"), "sec-websocket-protocol"),
        (plus("Sec-WebSocket-Extensions: permessage-deflate\r\n"), "sec-websocket-extensions"),
        (plus("sec-websocket-extensions: ;;=\r\n"), "sec-websocket-extensions"),
    ] {
        let failure = failure(&answer, &Options::default()).await;
        assert_eq!((failure.code, failure.header), (ErrorCode::Handshake, Some(header)), "{answer}");
        assert!(
            failure
                .text
                .to_ascii_lowercase()
                .contains(header.trim_start_matches("sec-websocket-").trim_end_matches('s'))
        );
        assert_eq!(failure.response.unwrap().status, 101);
    }
}

#[tokio::test]
async fn accepts_only_one_of_the_offered_subprotocols() {
    let chosen = plus("Sec-WebSocket-Protocol: b\r\n");
    for (answer, options, expected) in [
        (&*chosen, offering(&["a", "b"]), Ok("b")),
        (GOOD, offering(&["a", "b"]), Ok("")),
        (GOOD, Options { require_protocol: true, ..offering(&["a"]) }, Err(())),
        (&chosen, Options { require_protocol: true, ..offering(&["b"]) }, Ok("b")),
        (&chosen, offering(&["B"]), Err(())),
        (&plus("Sec-WebSocket-Protocol: a, b\r\n"), offering(&["a", "b"]), Err(())),
        (&plus("Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n"), offering(&["a", "b"]), Err(())),
    ] {
        let address = answering(answer).await;
        let result = open(&format!("ws://{address}/"), &options).await;
        match expected {
            Ok(protocol) => assert_eq!(result.ok().unwrap().response.protocol, protocol, "{answer}"),
            Err(()) => {
                let failure = result.err().expect(answer);
                assert_eq!((failure.code, failure.header), (ErrorCode::Handshake, Some("sec-websocket-protocol")));
            }
        }
    }
}

#[tokio::test]
async fn refuses_heads_that_are_not_strict_http() {
    for (answer, text) in [
        (with("HTTP/1.1", "HTTP/1.0"), "HTTP/1.0"),
        (with("HTTP/1.1", "HTTP/2.0"), "not HTTP"),
        (with("HTTP/1.1", "HTTP/1.2"), "not HTTP"),
        (with("HTTP/1.1", "\r\nHTTP/1.1"), "not HTTP"),
        ("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), "not HTTP"),
        ("\x16\x03\x01".to_owned(), "not HTTP"),
        (with("Upgrade: websocket", " folded: x\r\nUpgrade: websocket"), "folded before the first header"),
        (plus("X: a\n"), "line feed"),
        (GOOD.replace("\r\n", "\n"), "line feed"),
        (plus("X: a\rY: b\r\n"), "carriage return"),
        (plus("X: a\0b\r\n"), "NUL"),
        (plus("X-Name : a\r\n"), "white space between the header name \"X-Name\" and its colon"),
        (plus("X-Name\t: a\r\n"), "white space between the header name \"X-Name\" and its colon"),
        (plus("X Name: a\r\n"), "the header name \"X Name\" is invalid"),
        (plus("X\u{e9}: a\r\n"), "the header name in line 5 is invalid"),
        (plus("Secret\r\n"), "line 5 of the response's head has no colon"),
        (plus(": a\r\n"), "line 5 of the response's head has no header name"),
        (plus("X-Name: a\x01b\r\n"), "the value of the header \"X-Name\" holds a control character"),
        (plus("X-Name: a\r\n b\x7f\r\n"), "the value of the header \"X-Name\" holds a control character"),
        (with(" 101 ", " 1O1 "), "the response's status line is not HTTP"),
        (plus(&"X: y\r\n".repeat(122)), "too many headers, limit 124"),
        (plus(&format!("X: {}\r\n", "y".repeat(64 * 1024))), "too big, limit 65536"),
        (format!("HTTP/1.1 {}", "1".repeat(70_000)), "too big, limit 65536"),
    ] {
        let failure = failure(&answer, &Options::default()).await;
        assert_eq!((failure.code, failure.header), (ErrorCode::Handshake, None), "{answer:.300}");
        assert!(failure.text.contains(text), "{}: {answer:.300}", failure.text);
    }
}

#[tokio::test]
async fn replaces_each_fold_of_a_header_by_a_space() {
    // RFC 9112 section 5.2: a user agent replaces each fold by a space.
    for (lines, name, value) in [
        ("X-A: one\r\n\ttwo\r\n", "x-a", "one two"),
        ("X-A: one \t\r\n \t two\r\n   three\r\nX-B: four\r\n", "x-a", "one two three"),
        ("X-A:\r\n one\r\n", "x-a", "one"),
        ("X-A: one\r\n \r\n", "x-a", "one"),
        ("X-A: one\r\n X-B: two\r\n", "x-a", "one X-B: two"),
    ] {
        let address = answering(plus(lines)).await;
        let opened = open(&format!("ws://{address}/"), &Options::default()).await.map_err(|failure| failure.text);
        let (found, bytes) = opened.unwrap().response.headers.remove(3);
        assert_eq!((&*found, std::str::from_utf8(&bytes).unwrap()), (name, value));
    }
    let folded = with("Upgrade: websocket", "Upgrade:\r\n websocket");
    open(&format!("ws://{}/", answering(folded).await), &Options::default()).await.ok().unwrap();
    let many = plus(&"X: y\r\n z\r\n".repeat(121));
    let opened = open(&format!("ws://{}/", answering(many).await), &Options::default()).await;
    assert_eq!(opened.map_err(|failure| failure.text).unwrap().response.headers.len(), 124);
}

#[tokio::test]
async fn says_which_header_is_empty() {
    for (answer, name) in [
        (with("Upgrade: websocket", "Upgrade:"), "Upgrade"),
        (with("Connection: Upgrade", "Connection: \t"), "Connection"),
        (with("{accept}", ""), "Sec-WebSocket-Accept"),
        (plus("Sec-WebSocket-Protocol:\r\n"), "Sec-WebSocket-Protocol"),
        (plus("Sec-WebSocket-Extensions: \r\n"), "Sec-WebSocket-Extensions"),
        (plus("Sec-WebSocket-Extensions: ,\r\nSec-WebSocket-Extensions:\r\n"), "Sec-WebSocket-Extensions"),
    ] {
        let failure = failure(&answer, &offering(&["a"])).await;
        let expected = format!("the response's {name} header is empty: ");
        assert!(failure.text.starts_with(&expected), "{}", failure.text);
        assert_eq!(failure.header.map(str::to_owned), Some(name.to_lowercase()));
    }
}

#[tokio::test]
async fn reports_an_end_or_a_reset_inside_the_head() {
    for (part, text) in [("", "without a response"), ("HTTP/1.1 101 Swi", "inside the response's head")] {
        let address = serve(move |mut socket| async move {
            read_request(&mut socket).await;
            socket.write_all(part.as_bytes()).await.unwrap();
        })
        .await;
        let failure = refused(&format!("ws://{address}/"), &Options::default()).await;
        assert_eq!(failure.code, ErrorCode::Handshake);
        let expected = format!("{text}: opening handshake with {address}");
        assert!(failure.text.ends_with(&expected), "{}", failure.text);
    }
    let address = serve(|mut socket| async move {
        read_request(&mut socket).await;
        socket.write_all(b"HTTP/1.1 101 Swi").await.unwrap();
        socket.set_zero_linger().unwrap();
    })
    .await;
    let failure = refused(&format!("ws://{address}/"), &Options::default()).await;
    assert_eq!(failure.code, ErrorCode::Handshake);
    assert!(failure.text.starts_with("connection reset by peer: opening handshake with"), "{}", failure.text);
}

#[tokio::test]
async fn applies_open_timeout_to_the_whole_handshake() {
    let options = Options { open_timeout: Duration::from_millis(400), ..Options::default() };
    for drip in [&b""[..], GOOD.as_bytes()] {
        let address = serve(move |mut socket| async move {
            for byte in drip {
                let _ = socket.write_all(&[*byte]).await;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            linger(socket).await;
        })
        .await;
        let begin = Instant::now();
        let failure = refused(&format!("ws://{address}/"), &options).await;
        let took = begin.elapsed();
        assert_eq!(failure.code, ErrorCode::Timeout);
        assert_eq!(failure.text, format!("timed out after 0.4 s: opening handshake with {address}"));
        // The whole response would take more than six seconds.
        assert!(took >= Duration::from_millis(395) && took < Duration::from_secs(5), "{took:?}");
    }
}

#[tokio::test]
async fn survives_two_writes_to_a_peer_that_has_reset() {
    let address = serve(|mut socket| async move {
        accept(&mut socket).await;
        socket.set_zero_linger().unwrap();
    })
    .await;
    let mut stream = within(plan(&format!("ws://{address}/"), &Options::default()).open()).await.ok().unwrap().stream;
    let error = within(stream.read_u8()).await.unwrap_err();
    assert_eq!(Stream::classify(&error), Loss::Reset("connection reset by peer".to_owned()));
    for _ in 0..2 {
        let error = within(stream.write_all(b"x")).await.unwrap_err();
        assert!(matches!(Stream::classify(&error), Loss::Reset(_)), "{error}");
    }
}

#[tokio::test]
async fn ignores_interim_responses() {
    let early = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n";
    let answer = format!("HTTP/1.1 100 Continue\r\n\r\n{early}{GOOD}");
    let opened = open(&format!("ws://{}/", answering(&*answer).await), &Options::default()).await;
    assert_eq!(opened.map_err(|failure| failure.text).unwrap().response.status, 101);

    let endless = early.repeat(2_000);
    let failure = failure(&endless, &Options::default()).await;
    assert_eq!(failure.code, ErrorCode::Handshake);
    assert!(failure.text.contains("too many interim responses"), "{}", failure.text);
}
