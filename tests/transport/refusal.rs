//! Tests responses with a status other than 101: what is reported of them, and how long they are waited for.

use std::time::Duration;

use crate::support::{GOOD, answering, read_request, refused, serve, takes_less_than};
use tokio::io::AsyncWriteExt;
use websocket_core::error::ErrorCode;
use websocket_core::options::Options;

#[tokio::test]
async fn reports_status_and_body_of_a_refusal() {
    let big = "z".repeat(10_000);
    for (answer, status, body) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhixyz".to_owned(), 200, "hi"),
        ("HTTP/1.0 401 No\r\nContent-Length: 4\r\nX: y\r\n\r\nwho?".to_owned(), 401, "who?"),
        (format!("HTTP/1.1 403 No\r\nContent-Length: 10000\r\n\r\n{big}"), 403, &big[..4096]),
        (format!("HTTP/1.1 429 No\r\n\r\n{big}"), 429, &big[..4096]),
        (
            "HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n".to_owned(),
            503,
            "abcde",
        ),
        (format!("HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n2710\r\n{big}\r\n0\r\n\r\n"), 503, &big[..4096]),
        (
            format!("HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n{}", "1\r\nz\r\n".repeat(9000)),
            503,
            &big[..4096],
        ),
        ("HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n".to_owned(), 503, "abc"),
        ("HTTP/1.1 204 None\r\n\r\n".to_owned(), 204, ""),
    ] {
        takes_less_than(Duration::from_millis(900), async || {
            let failure = refused(&format!("ws://{}/", answering(answer.clone()).await), &Options::default()).await;
            assert_eq!((failure.code, failure.header), (ErrorCode::HttpStatus, None), "{}", failure.text);
            let remark =
                if body.len() < 4096 && !body.is_empty() { format!(", saying \"{body}\"") } else { String::new() };
            let text = format!("answered with status {status}{remark}: opening handshake with 127.0.0.1:");
            assert!(failure.text.contains(&text), "{}", failure.text);
            let response = failure.response.unwrap();
            assert_eq!((response.status, std::str::from_utf8(&response.body).unwrap()), (status, body));
        })
        .await;
    }
}

#[tokio::test]
async fn says_what_a_plain_text_says_and_nothing_else() {
    for (head, body, said) in [
        ("Content-Type: text/plain\r\n", "missing subprotocol\r\nmore", Some("missing subprotocol")),
        ("Content-Type: text/html\r\n", "missing subprotocol", None),
        ("", "<html>missing</html>", None),
        ("", "no such path: /x?key=s3cret", None),
        ("", "bad s3cret", None),
    ] {
        let length = body.len();
        let answer = format!("HTTP/1.1 400 No\r\n{head}Content-Length: {length}\r\n\r\n{body}");
        let url = format!("ws://{}/x?key=s3cret", answering(answer).await);
        let text = refused(&url, &Options::default()).await.text;
        let said = said.map_or(String::new(), |line| format!(", saying \"{line}\""));
        assert!(text.starts_with(&format!("the server answered with status 400{said}: opening")), "{text}");
    }
}

#[tokio::test]
async fn does_not_wait_for_an_endless_or_slow_body() {
    let endless = serve(|mut socket| async move {
        read_request(&mut socket).await;
        let _ = socket.write_all(b"HTTP/1.1 403 No\r\n\r\n").await;
        while socket.write_all(&[b'z'; 1000]).await.is_ok() {}
    })
    .await;
    takes_less_than(Duration::from_millis(900), async || {
        let failure = refused(&format!("ws://{endless}/"), &Options::default()).await;
        assert_eq!(failure.response.unwrap().body.len(), 4096);
    })
    .await;

    for framing in ["Content-Length: 100", "Transfer-Encoding: chunked", "X: y"] {
        let chunk = if framing.starts_with('T') { "64\r\nabc" } else { "abc" };
        let slow = answering(format!("HTTP/1.1 403 No\r\n{framing}\r\n\r\n{chunk}")).await;
        for (open_timeout, at_most) in [(10_000, 1400), (300, 600)] {
            let options = Options { open_timeout: Duration::from_millis(open_timeout), ..Options::default() };
            takes_less_than(Duration::from_millis(at_most), async || {
                let failure = refused(&format!("ws://{slow}/"), &options).await;
                assert_eq!(failure.code, ErrorCode::HttpStatus);
                assert_eq!(failure.response.unwrap().body, b"abc");
            })
            .await;
        }
    }
}

#[tokio::test]
async fn shows_only_the_origin_of_a_redirects_target() {
    let endless = format!("https://{}.example/", "x".repeat(400));
    for (status, location, origin) in [
        (303, &*endless, None),
        (301, "https://u:secret@There.example:8443/secret?secret", Some("https://there.example:8443")),
        (302, "wss://there.example/secret", Some("wss://there.example")),
        (307, "/secret", None),
        (308, "data:secret", None),
    ] {
        let body = format!("Found. Redirecting to {location}");
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} Go\r\nLocation: {location}\r\nContent-Length: {length}\r\n\r\n{body}");
        let address = answering(answer).await;
        let failure = refused(&format!("ws://{address}/x?secret"), &Options::default()).await;
        assert_eq!(failure.code, ErrorCode::HttpStatus);
        assert!(failure.text.contains(&status.to_string()) && !failure.text.contains("secret"), "{}", failure.text);
        let own = format!("ws://{address}");
        let origin = origin.or((location == "/secret").then_some(&*own));
        match origin {
            Some(origin) => assert!(failure.text.contains(&format!("a redirect to {origin}: ")), "{}", failure.text),
            None => assert!(!failure.text.contains("redirect"), "{}", failure.text),
        }
    }
}

#[tokio::test]
async fn shows_no_words_of_an_answer_that_repeat_a_secret_of_the_request() {
    let mut options = Options::default();
    options.add_header("X-Token", b"t0ken-of-mine").unwrap();
    let text_of = async |lines: &str| {
        let answer = GOOD.replace("{accept}\r\n", &format!("{{accept}}\r\n{lines}"));
        refused(&format!("ws://{}/", answering(answer).await), &options).await.text
    };
    for line in ["Sec-WebSocket-Extensions: t0ken-of-mine\r\n", "t0ken-of-mine here: x\r\n", "a t0ken-of-mine : x\r\n"]
    {
        let text = text_of(line).await;
        assert!(!text.contains("t0ken"), "{text}");
        let text = text_of(&line.replace("t0ken-of-mine", "other-words")).await;
        assert!(text.contains("other-words"), "{text}");
    }
}
