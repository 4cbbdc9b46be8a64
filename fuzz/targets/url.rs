//! URLs and options: parsing an accepted URL again gives the same, and the request contains nothing unintended.
//!
//! Input: parts separated by 0xff. The first is the URL. Each later part begins with a letter for its kind: a header
//! (`h`), a subprotocol (`p`), the origin (`o`), credentials (`a`), require_protocol (`r`), compression (`c`), a proxy
//! (`x`), an address to dial (`t`), the target of a redirect (`j`). 0xfe separates a name from its value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use websocket_core::extension::Compression;
use websocket_core::options::Options;
use websocket_core::transport::Request;
use websocket_core::url::{Endpoint, Parts};
use websocket_fuzz::bounds::bounded;

fuzz_target!(|data: &[u8]| bounded(|| run(data)));

fn run(data: &[u8]) {
    let mut parts = data.split(|byte| *byte == 0xff);
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
    read_leniently(&text);
    let endpoint = read_strictly(&text);
    let mut options = Options::default();
    for part in parts {
        match (&endpoint, part.strip_prefix(b"j")) {
            (Some(endpoint), Some(location)) => redirect(endpoint, &String::from_utf8_lossy(location)),
            _ => choose(&mut options, part),
        }
    }
    if let Some(endpoint) = endpoint {
        ask(&endpoint, &options);
    }
}

fn read_leniently(text: &str) {
    let Ok(parts) = Parts::parse(text) else { return };
    assert!(
        is_clean(parts.href.as_bytes()) && parts.port == Endpoint::parse(&parts.href).map_or(parts.port, |e| e.port)
    );
    assert_eq!(Parts::parse(&parts.href), Ok(parts));
}

fn read_strictly(text: &str) -> Option<Endpoint> {
    let endpoint = match Endpoint::parse(text) {
        Ok(endpoint) => endpoint,
        Err(error) => {
            let text = error.to_string();
            assert!(is_clean(text.as_bytes()), "{text:?}");
            return None;
        }
    };
    if endpoint.socket.is_none() {
        let lenient = Parts::parse(text).expect("accepted strictly alone");
        assert_eq!((endpoint.port, endpoint.host.to_string()), (lenient.port, lenient.host));
        assert_eq!(endpoint.credentials.is_some(), !(lenient.username.is_empty() && lenient.password.is_empty()));
        assert!(lenient.fragment.is_none() && endpoint.port != 0);
    }
    check_endpoint(&endpoint);
    Some(endpoint)
}

/// Follows a redirect as far as that goes without a network.
fn redirect(endpoint: &Endpoint, location: &str) {
    if let Some(target) = endpoint.join(location) {
        assert!(target.credentials.is_none() && (target.socket.is_none() || target.socket == endpoint.socket));
        check_endpoint(&target);
    }
}

fn check_endpoint(endpoint: &Endpoint) {
    for text in [&endpoint.href, &endpoint.resource, &endpoint.host_header(), &endpoint.to_string()] {
        assert!(is_clean(text.as_bytes()) && !text.contains(['#', ' ']), "{text:?}");
    }
    assert!(endpoint.resource.starts_with('/'));
    let again = Endpoint::parse(&endpoint.href).expect("href is not accepted");
    assert!(again == Endpoint { credentials: None, ..endpoint.clone() }, "{again:?}");
}

/// Applies a part to the options. A part that is refused must leave the options unchanged.
fn choose(options: &mut Options, part: &[u8]) {
    let Some((what, part)) = part.split_first() else { return };
    let mut pair = part.splitn(2, |byte| *byte == 0xfe);
    let (name, value) = (pair.next().unwrap_or_default(), pair.next().unwrap_or_default());
    let text = String::from_utf8_lossy(name);
    let counts = |options: &Options| (options.headers.len(), options.protocols.len(), options.origin.clone());
    let before = counts(options);
    let result = match what {
        b'h' => options.add_header(&text, value),
        b'p' => options.add_protocol(&String::from_utf8_lossy(part)),
        b'o' => options.set_origin(part),
        b'x' => options.set_proxy(Some(&String::from_utf8_lossy(part))),
        b't' => options.set_connect_to(&String::from_utf8_lossy(part)),
        b'a' => options.set_basic_auth(name, value),
        b'c' => {
            options.compression = Some(Compression::default());
            return;
        }
        b'r' => {
            options.require_protocol = true;
            return;
        }
        _ => return,
    };
    match result {
        Ok(()) => assert!(is_clean(part), "{part:?} is accepted"),
        Err(error) => assert!(is_clean(error.to_string().as_bytes()) && counts(options) == before),
    }
}

/// Makes the request and reads it as a server does. It must contain exactly what was chosen, line by line.
fn ask(endpoint: &Endpoint, options: &Options) {
    let Ok(request) = Request::new(endpoint, options) else { return };
    options.check().expect("a request of options that contradict each other");
    let text = request.bytes().strip_suffix(b"\r\n\r\n").expect("no empty line");
    let lines: Vec<&[u8]> = split_lines(text);
    let key = lines[5].strip_prefix(b"Sec-WebSocket-Key: ").expect("no key");
    assert_eq!((key.len(), derive_accept_key(key).len()), (24, 28));

    let host = options.header("host").map_or(endpoint.host_header().into_bytes(), <[u8]>::to_vec);
    let mut expected = vec![
        [b"GET ", endpoint.resource.as_bytes(), b" HTTP/1.1"].concat(),
        [b"Host: ", &host[..]].concat(),
        b"Connection: Upgrade".to_vec(),
        b"Upgrade: websocket".to_vec(),
        b"Sec-WebSocket-Version: 13".to_vec(),
        lines[5].to_vec(),
    ];
    expected.extend(options.user_agent.iter().map(|agent| [b"User-Agent: ", &agent[..]].concat()));
    if !options.protocols.is_empty() {
        expected.push(format!("Sec-WebSocket-Protocol: {}", options.protocols.join(", ")).into_bytes());
    }
    if options.compression.is_some() {
        expected.push(b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits".to_vec());
    }
    if let Some(origin) = &options.origin {
        expected.push([b"Origin: ", &origin[..]].concat());
    }
    let has_credentials = endpoint.credentials.is_some() || options.basic_auth.is_some();
    let authorization = lines.iter().find(|line| line.starts_with(b"Authorization: Basic "));
    expected.extend(authorization.filter(|_| has_credentials).map(|line| line.to_vec()));
    for (name, value) in options.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")) {
        expected.push([name.as_bytes(), b": ", value].concat());
    }
    assert!(lines == expected, "{:?}", String::from_utf8_lossy(request.bytes()));
}

fn split_lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = Vec::new();
    for line in text.split(|byte| *byte == b'\n') {
        lines.push(line.strip_suffix(b"\r").unwrap_or(line));
    }
    assert_eq!(text.len() + 2, lines.iter().map(|line| line.len() + 2).sum(), "a line end of one byte");
    assert!(lines.iter().all(|line| is_clean(line)));
    lines
}

fn is_clean(text: &[u8]) -> bool {
    !text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}
