//! The server's response to the opening handshake: any bytes, cut anywhere.
//!
//! Input: a byte that chooses the request from `ASKED`, the sizes of the pieces, the response. In the response
//! `{accept}` is replaced by the right Sec-WebSocket-Accept. If the highest bit of the byte is set, `{long}` is
//! replaced by 60,000 bytes and `{many}` by 120 header lines.
#![no_main]

use std::iter;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use url::Url;
use websocket_core::error::{ErrorCode, Failure};
use websocket_core::extension::{Agreed, Compression, agree};
use websocket_core::options::Options;
use websocket_core::response::Response;
use websocket_core::transport::{Request, Verdict};
use websocket_core::url::Endpoint;
use websocket_fuzz::bounds::bounded;
use websocket_fuzz::input::{Input, pieces};

const MAX_HEAD: usize = 64 * 1024;
const MAX_HEADERS: usize = 124;
const MAX_BODY: usize = 4096;
const LONGEST_TEXT: usize = 800;
/// Begins what a text repeats of a body, which may be cut shorter where it arrives in pieces.
const REMARK: &str = ", saying \"";

struct Asked {
    request: Request,
    accept: String,
    options: Options,
}

static ASKED: LazyLock<Vec<Asked>> = LazyLock::new(|| {
    let hard = Compression {
        server_no_context_takeover: true,
        server_max_window_bits: Some(10),
        client_max_window_bits: Some(12),
        ..Compression::default()
    };
    vec![
        ask(&[], false, None),
        ask(&["chat", "v2.x"], false, None),
        ask(&["chat"], true, None),
        ask(&[], false, Some(Compression::default())),
        ask(&["chat"], false, Some(hard)),
    ]
});

/// The replacements for `{long}` and `{many}`.
static LONG: LazyLock<String> = LazyLock::new(|| "x".repeat(60_000));
static MANY: LazyLock<String> = LazyLock::new(|| "X: y\r\n".repeat(120));

fn ask(protocols: &[&str], require_protocol: bool, compression: Option<Compression>) -> Asked {
    let mut options = Options { require_protocol, compression, ..Options::default() };
    for name in protocols {
        options.add_protocol(name).expect("a token");
    }
    let endpoint = Endpoint::parse("wss://user:hunter2@example.com/path?hunter2").expect("a URL");
    let request = Request::new(&endpoint, &options).expect("a request");
    let text = std::str::from_utf8(request.bytes()).expect("ASCII");
    let key = text.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
    Asked { accept: derive_accept_key(key.as_bytes()), request, options }
}

fuzz_target!(|data: &[u8]| {
    LazyLock::force(&ASKED);
    LazyLock::force(&LONG);
    LazyLock::force(&MANY);
    bounded(|| run(Input::new(data)));
});

fn run(mut input: Input) {
    let choice = input.byte();
    let asked = &ASKED[usize::from(choice & 0x7f) % ASKED.len()];
    let cuts = input.cuts();
    // Each is replaced once only, because a short input could become very long otherwise.
    let mut marks = vec![(&b"{accept}"[..], &*asked.accept)];
    if choice & 0x80 != 0 {
        marks.extend([(&b"{long}"[..], &**LONG), (b"{many}", &**MANY)]);
    }
    let answer = fill(input.rest(), marks);
    let whole = asked.request.check_response(iter::once(&answer[..]));
    let mut rest = pieces(&answer, &cuts);
    let mut cut = asked.request.check_response(&mut rest);
    if let Ok((_, _, tail)) = &mut cut {
        tail.extend(rest.flatten());
    }
    check(&whole, asked, &answer);
    check(&cut, asked, &answer);
    match (&whole, &cut) {
        (Ok(whole), Ok(cut)) => assert_eq!(whole, cut),
        (Err(whole), Err(cut)) => compare(whole, cut),
        _ => panic!("{whole:?}, but cut {cut:?}"),
    }
}

fn fill(answer: &[u8], mut marks: Vec<(&[u8], &str)>) -> Vec<u8> {
    let mut filled = Vec::new();
    let mut rest = answer;
    while let Some((byte, behind)) = rest.split_first() {
        match marks.iter().position(|(mark, _)| rest.starts_with(mark)) {
            Some(at) => {
                let (mark, text) = marks.swap_remove(at);
                filled.extend_from_slice(text.as_bytes());
                rest = &rest[mark.len()..];
            }
            None => {
                filled.push(*byte);
                rest = behind;
            }
        }
    }
    filled
}

fn check(verdict: &Verdict, asked: &Asked, answer: &[u8]) {
    match verdict {
        Ok((response, agreed, tail)) => {
            check_agreement(response, agreed.as_ref(), asked);
            let head = answer.strip_suffix(&tail[..]).expect("what came behind the head");
            assert!(head.ends_with(b"\r\n\r\n"));
        }
        Err(failure) => check_refusal(failure),
    }
}

fn check_agreement(response: &Response, agreed: Option<&Agreed>, asked: &Asked) {
    let Response { status, headers, body, protocol, extensions } = response;
    assert_eq!((*status, &body[..]), (101, &b""[..]));
    assert_eq!(extensions, agreed.map_or("", |agreed| &agreed.answer));
    check_headers(headers);
    assert_eq!(values(headers, "sec-websocket-accept"), [asked.accept.as_bytes()]);
    let lines = values(headers, "sec-websocket-extensions");
    assert_eq!(agree(asked.options.compression.as_ref(), lines.into_iter()).as_ref(), Ok(&agreed.cloned()));
    // A list may contain empty elements (RFC 9110 section 5.6.1).
    let upgrade = values(headers, "upgrade").join(&b","[..]).to_ascii_lowercase();
    assert!(upgrade.trim_ascii().split(|byte| *byte == b',').any(|element| element.trim_ascii() == b"websocket"));
    assert!(!values(headers, "connection").is_empty());
    match &values(headers, "sec-websocket-protocol")[..] {
        [] => assert!(protocol.is_empty() && !asked.options.require_protocol),
        [chosen] => assert!(*chosen == protocol.as_bytes() && asked.options.protocols.contains(protocol)),
        _ => panic!("two subprotocols"),
    }
}

fn check_headers(headers: &[(String, Vec<u8>)]) {
    assert!(headers.len() <= MAX_HEADERS);
    assert!(headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() <= MAX_HEAD);
    for (name, value) in headers {
        assert!(!name.is_empty() && *name == name.to_ascii_lowercase());
        assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
    }
}

fn values<'a>(headers: &'a [(String, Vec<u8>)], lower: &str) -> Vec<&'a [u8]> {
    headers.iter().filter(|(name, _)| name == lower).map(|(_, value)| &value[..]).collect()
}

fn check_refusal(failure: &Failure) {
    let Failure { code, text, header, response, unanswered } = failure;
    assert!(!unanswered || response.is_none(), "a response is an answer");
    assert!(!text.contains(char::is_control) && text.len() <= LONGEST_TEXT, "{text:?}");
    // The text must not contain the password of our URL. It may contain what the server sent.
    let is_of_server = text.contains("a redirect to") || text.contains("header name \"") || text.contains("header \"");
    assert!(!text.contains("hunter2") || is_of_server || *header == Some("sec-websocket-extensions"));
    match (code, response) {
        (ErrorCode::Handshake, None) => assert!(header.is_none()),
        (ErrorCode::Handshake, Some(response)) => assert!(response.status == 101 && response.body.is_empty()),
        (ErrorCode::HttpStatus, Some(response)) => {
            assert!(response.status != 101 && response.body.len() <= MAX_BODY);
            assert!(text.contains(&response.status.to_string()));
        }
        _ => panic!("{failure:?}"),
    }
    if let Some(response) = response {
        check_headers(&response.headers);
    }
    let about = text.split(REMARK).next().unwrap_or_default();
    if let Some((_, origin)) = about.split_once("a redirect to ") {
        let url = Url::parse(origin).expect("an origin");
        assert_eq!((url.path(), url.query(), url.username(), url.password()), ("/", None, "", None));
    }
}

fn compare(whole: &Failure, cut: &Failure) {
    let about = |failure: &Failure| failure.text.split(REMARK).next().unwrap_or_default().to_owned();
    assert_eq!((whole.code, about(whole), whole.header), (cut.code, about(cut), cut.header));
    let (Some(whole), Some(cut)) = (&whole.response, &cut.response) else {
        assert!(whole.response.is_none() && cut.response.is_none());
        return;
    };
    assert_eq!((whole.status, &whole.headers), (cut.status, &cut.headers));
    // If a chunked body arrives in pieces, less of it may be read.
    assert!(whole.body.starts_with(&cut.body));
}
