//! Tests TLS with servers that have certificates of a private authority: which are trusted, and what the failures say.

use std::net::SocketAddr;
use std::time::Duration;

use crate::support::authority::{Authority, Files, Identity, Server, tls12};
use crate::support::{linger, open, plan, refused, serve, within};
use rcgen::date_time_ymd;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use websocket_core::error::{ErrorCode, Failure};
use websocket_core::options::{Options, ProxyChoice, TlsOptions};
use websocket_core::transport::{Opened, Plan, resolver};
use websocket_core::url::Endpoint;

fn trusting(authority: &Authority) -> Options {
    with_tls(TlsOptions { ca: Some(authority.pem().into_bytes()), ..TlsOptions::default() })
}

fn with_tls(tls: TlsOptions) -> Options {
    // The environment of the tests may name a proxy.
    Options { tls, proxy: ProxyChoice::Direct, ..Options::default() }
}

/// Opens `wss://host.example/`, whose name resolves to `address`.
async fn open_host(address: SocketAddr, options: &Options) -> Result<Opened, Failure> {
    let there = resolver(move |_, _| std::future::ready(Ok(vec![address])));
    within(plan("wss://host.example/", options).with_resolver(there).open()).await
}

async fn fails(address: SocketAddr, options: &Options, cause: &str) {
    let failure = open_host(address, options).await.err().expect("must not open");
    let expected = format!("{cause}: TLS handshake with host.example:443");
    assert_eq!((failure.code, &*failure.text), (ErrorCode::Tls, &*expected));
}

#[tokio::test]
async fn trusts_a_private_authority_given_as_text_or_as_file() {
    let authority = Authority::new();
    let files = Files::new("private-ca");
    let file = files.write("ca.pem", &format!("comment\n{}{}", Authority::new().pem(), authority.pem()));
    let by_file = with_tls(TlsOptions { ca_file: Some(file), ..TlsOptions::default() });
    let names = ["host.example", "127.0.0.1"];
    for versions in [tls12(), Server::new(authority.issue(&names)).versions] {
        let server = Server { versions, ..Server::new(authority.issue(&names)) }.start().await;
        for options in [&trusting(&authority), &by_file] {
            for opened in [open_host(server, options).await, open(&format!("wss://{server}/"), options).await] {
                let mut opened = opened.map_err(|failure| failure.text).unwrap();
                let first = match opened.tail.first() {
                    Some(byte) => *byte,
                    None => within(opened.stream.read_u8()).await.unwrap(),
                };
                assert_eq!(first, b'x');
            }
        }
    }
}

#[tokio::test]
async fn verifies_the_name_of_the_option_instead_of_the_hosts() {
    let authority = Authority::new();
    let server = Server::new(authority.issue(&["inner.example"])).start().await;
    let mut options = trusting(&authority);
    options.tls.server_name = Some("inner.example".to_owned());
    open(&format!("wss://{server}/"), &options).await.map_err(|failure| failure.text).unwrap();
}

#[tokio::test]
async fn says_precisely_why_a_certificate_is_refused() {
    let authority = Authority::new();
    let start = |identity: Identity| async { Server::new(identity).start().await };
    let good = start(authority.issue(&["host.example"])).await;
    let unknown = "the certificate's issuer is unknown: no trusted CA signed it";
    fails(good, &trusting(&Authority::named("another authority")), unknown).await;
    fails(good, &trusting(&Authority::new()), &format!("{unknown} (bad signature)")).await;

    let other = start(authority.issue(&["other.example", "10.0.0.1"])).await;
    let failure = open_host(other, &trusting(&authority)).await.err().unwrap();
    assert_eq!(failure.code, ErrorCode::Tls);
    assert!(failure.text.starts_with("the certificate is not valid for host.example, it is for "), "{}", failure.text);
    assert!(failure.text.contains("other.example") && failure.text.contains("10.0.0.1"), "{}", failure.text);

    let many: Vec<String> = (0..300).map(|number| format!("n{number}.example")).collect();
    let many = start(authority.issue(&many.iter().map(String::as_str).collect::<Vec<_>>())).await;
    let failure = open_host(many, &trusting(&authority)).await.err().unwrap();
    assert!(failure.text.contains("and 297 more") && failure.text.len() < 250, "{}", failure.text);

    let none = start(authority.issue(&[])).await;
    let failure = open_host(none, &trusting(&authority)).await.err().unwrap();
    let expected = "the certificate is not valid for host.example, it is for no name at all (option tls.server_name ";
    assert!(failure.text.starts_with(expected), "{}", failure.text);

    let failure = refused(&format!("wss://{good}/"), &trusting(&authority)).await;
    assert_eq!(failure.code, ErrorCode::Tls);
    assert!(failure.text.starts_with("the certificate is not valid for 127.0.0.1, it is for "), "{}", failure.text);

    let expired = start(authority.issue_with(&["host.example"], |params| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    }));
    let failure = open_host(expired.await, &trusting(&authority)).await.err().unwrap();
    assert_eq!(failure.code, ErrorCode::Tls);
    assert!(failure.text.starts_with("the certificate has expired, "), "{}", failure.text);
    assert!(failure.text.contains(" days ago: TLS handshake with"), "{}", failure.text);

    let early = start(authority.issue_with(&["host.example"], |params| params.not_before = date_time_ymd(2300, 1, 1)));
    let failure = open_host(early.await, &trusting(&authority)).await.err().unwrap();
    assert_eq!(failure.code, ErrorCode::Tls);
    assert!(failure.text.starts_with("the certificate is not yet valid, it will be in "), "{}", failure.text);
}

#[tokio::test]
async fn says_that_a_server_speaks_no_tls_or_an_old_version() {
    let options = trusting(&Authority::new());
    // The alert protocol_version, which a server of TLS 1.1 sends; and a ServerHello of TLS 1.1.
    let alert = vec![21, 3, 2, 0, 2, 2, 70];
    let mut hello = vec![22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0x00, 0x2f, 0]);
    for answer in [alert, hello] {
        let old = raw(answer).await;
        fails(old, &options, "the server speaks neither TLS 1.2 nor TLS 1.3").await;
    }
    let plain = raw(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n".to_vec()).await;
    fails(plain, &options, "the server does not speak TLS").await;
    let ssh = raw(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()).await;
    fails(ssh, &options, "the server does not speak TLS").await;
    let closing = serve(|mut socket| async move {
        let _ = socket.read_u8().await;
        let mut sink = [0; 16384];
        let _ = socket.read(&mut sink).await;
    })
    .await;
    fails(closing, &options, "the server closed the connection").await;
    let resetting = serve(|mut socket| async move {
        let _ = socket.read_u8().await;
        socket.set_zero_linger().unwrap();
    })
    .await;
    fails(resetting, &options, "connection reset by peer").await;
}

/// Starts a server that answers a ClientHello with these bytes.
async fn raw(answer: Vec<u8>) -> SocketAddr {
    serve(move |mut socket| {
        let answer = answer.clone();
        async move {
            let mut hello = [0; 16384];
            let _ = socket.read(&mut hello).await;
            let _ = socket.write_all(&answer).await;
            linger(socket).await;
        }
    })
    .await
}

#[tokio::test]
async fn times_out_if_the_handshake_stalls() {
    let mut options = trusting(&Authority::new());
    options.open_timeout = Duration::from_secs(1);
    let failure = open_host(raw(Vec::new()).await, &options).await.err().unwrap();
    assert_eq!(failure.code, ErrorCode::Timeout);
    assert_eq!(failure.text, "timed out after 1 s: TLS handshake with host.example:443");
}

#[tokio::test]
async fn sends_a_client_certificate() {
    let authority = Authority::new();
    let files = Files::new("client");
    for versions in [tls12(), Server::new(authority.issue(&[])).versions] {
        let identity = authority.issue(&["host.example"]);
        let server = Server { identity, versions, client_authority: Some(authority.pem()) }.start().await;
        let us = authority.issue(&["us.example"]);
        let mut options = trusting(&authority);
        let failure = open_host(server, &options).await.err().expect("must not open without a certificate");
        assert_eq!(failure.code, ErrorCode::Tls, "{}", failure.text);
        assert!(failure.text.starts_with("the server wants a client certificate"), "{}", failure.text);

        options.tls.cert_file = Some(files.write("us.pem", &us.cert));
        options.tls.key_file = Some(files.write("us.key", &us.key));
        open_host(server, &options).await.map_err(|failure| failure.text).unwrap();
    }
}

#[tokio::test]
async fn accepts_any_certificate_on_loopback_if_insecure() {
    let options = with_tls(TlsOptions { insecure: true, ..TlsOptions::default() });
    for versions in [tls12(), Server::new(Authority::new().issue(&[])).versions] {
        let expired =
            Authority::new().issue_with(&["other.example"], |params| params.not_after = date_time_ymd(2002, 1, 1));
        let server = Server { versions, ..Server::new(expired) }.start().await;
        open(&format!("wss://{server}/"), &options).await.map_err(|failure| failure.text).unwrap();
        open_host(server, &options).await.map_err(|failure| failure.text).unwrap();
    }
}

#[test]
fn refuses_tls_options_that_cannot_work() {
    let authority = Authority::new();
    let files = Files::new("bad");
    let (us, other) = (authority.issue(&["us.example"]), authority.issue(&["other.example"]));
    let cert = files.write("us.pem", &us.cert);
    let empty = files.write("empty.pem", "no certificate\n");
    let none = files.path().join("none.pem").to_str().unwrap().to_owned();
    let tls = TlsOptions::default;
    let pair = |cert: &str, key: &str| TlsOptions {
        cert_file: Some(cert.to_owned()),
        key_file: Some(key.to_owned()),
        ..tls()
    };
    let cases = [
        ("wss://a.example/", TlsOptions { ca_file: Some(none.clone()), ..tls() }, "no such file"),
        ("ws://a.example/", TlsOptions { ca_file: Some(none.clone()), ..tls() }, "no such file"),
        ("wss://a.example/", TlsOptions { ca_file: Some(empty.clone()), ..tls() }, "no certificate"),
        ("wss://a.example/", TlsOptions { ca: Some(b"x".to_vec()), ..tls() }, "no certificate"),
        ("wss://a.example/", TlsOptions { ca: Some(authority.pem().replace('A', "!").into_bytes()), ..tls() }, "PEM"),
        ("wss://a.example/", TlsOptions { ca: Some(garbled(&authority.pem())), ..tls() }, "cannot be read"),
        ("wss://a.example/", pair(&cert, &none), "tls.key_file"),
        ("wss://a.example/", pair(&none, &cert), "tls.cert_file"),
        ("wss://a.example/", pair(&cert, &cert), "no private key"),
        ("wss://a.example/", pair(&cert, &files.write("other.key", &other.key)), "does not fit"),
        ("wss://a.example/", TlsOptions { server_name: Some("a b".to_owned()), ..tls() }, "\"a b\""),
        ("wss://192.0.2.1/", TlsOptions { insecure: true, ..tls() }, "loopback"),
        ("wss://[2001:db8::1]/", TlsOptions { insecure: true, ..tls() }, "loopback"),
    ];
    for (url, tls, text) in cases {
        let error = Plan::new(Endpoint::parse(url).unwrap(), &with_tls(tls)).err().expect(text).to_string();
        assert!(error.contains(text) && !error.contains("BEGIN"), "{error}");
    }
    for url in ["wss://127.9.9.9/", "wss://[::1]/", "wss://[::ffff:127.0.0.1]/", "ws://192.0.2.1/"] {
        let insecure = with_tls(TlsOptions { insecure: true, ..tls() });
        assert!(Plan::new(Endpoint::parse(url).unwrap(), &insecure).is_ok(), "{url}");
    }
}

/// Returns PEM with the right lines around contents that are no certificate.
fn garbled(pem: &str) -> Vec<u8> {
    let lines: Vec<&str> = pem.trim().lines().collect();
    [lines[0], "AAAA", lines[lines.len() - 1], ""].join("\n").into_bytes()
}

#[tokio::test]
async fn sends_nothing_but_tls() {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let server = serve(move |mut socket| {
        let sender = sender.clone();
        async move { sender.send(socket.read_u8().await.unwrap()).unwrap() }
    })
    .await;
    let failure = refused(&format!("wss://u:secret@{server}/"), &trusting(&Authority::new())).await;
    assert!(!failure.text.contains("secret"));
    assert_eq!(receiver.recv().await, Some(22));
}
