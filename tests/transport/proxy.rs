//! Tests connecting by a proxy that speaks CONNECT, and what it may answer.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::support::authority::{Authority, Server, accept_tls};
use crate::support::proxy::{Requests, forward, http};
use crate::support::{GOOD, accept, answering, fill, linger, open, plan, read_request, refused, serve, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;
use websocket_core::error::{ErrorCode, Failure};
use websocket_core::options::{Options, TlsOptions};
use websocket_core::transport::{Opened, Plan, resolver};
use websocket_core::url::Endpoint;

pub fn by(proxy: impl AsRef<str>) -> Options {
    let mut options = Options::default();
    options.set_proxy(Some(proxy.as_ref())).unwrap();
    options
}

/// A resolver that must not be asked.
async fn open_without_resolver(url: &str, options: &Options) -> Result<Opened, Failure> {
    let asked = resolver(|host, _| async move { Err(io::Error::other(format!("the resolver was asked for {host}"))) });
    within(plan(url, options).with_resolver(asked).open()).await
}

async fn next(requests: &mut Requests) -> String {
    within(requests.recv()).await.unwrap()
}

#[tokio::test]
async fn asks_the_proxy_to_connect_and_speaks_to_the_server() {
    let server = answering([GOOD.as_bytes(), b"\x81\x02hi"].concat()).await;
    for answer in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 299 Fine\r\nTransfer-Encoding: chunked\r\n\r\n"] {
        let (proxy, mut requests) = http(answer).await;
        let url = format!("ws://{server}/path");
        let options = by(format!("http://me:p%40ss@{proxy}"));
        let opened = open_without_resolver(&url, &options).await.map_err(|failure| failure.text).unwrap();
        let request = next(&mut requests).await;
        let agent = env!("CARGO_PKG_VERSION");
        let expected = format!(
            "CONNECT {server} HTTP/1.1\r\nHost: {server}\r\nUser-Agent: websocket-native/{agent}\r\n\
             Proxy-Authorization: Basic bWU6cEBzcw==\r\n\r\n"
        );
        assert_eq!(request, expected);
        let mut bytes = opened.tail;
        let mut stream = opened.stream;
        while bytes.len() < 4 {
            within(stream.read_buf(&mut bytes)).await.unwrap();
        }
        assert_eq!(bytes, b"\x81\x02hi");
    }
}

#[tokio::test]
async fn lets_the_proxy_resolve_the_name_and_verifies_the_server() {
    let authority = Authority::new();
    let server = Server::new(authority.issue(&["host.example"])).start().await;
    // The proxy is asked for the name, so this one connects to the server whatever it is asked for.
    let (sender, mut requests) = unbounded_channel();
    let proxy = serve(move |mut socket| {
        let sender = sender.clone();
        async move {
            sender.send(read_request(&mut socket).await).unwrap();
            socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let mut server = tokio::net::TcpStream::connect(server).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut socket, &mut server).await;
        }
    })
    .await;
    let mut options = by(format!("http://{proxy}"));
    options.tls = TlsOptions { ca: Some(authority.pem().into()), ..TlsOptions::default() };
    open_without_resolver("wss://host.example/", &options).await.map_err(|failure| failure.text).unwrap();
    assert!(next(&mut requests).await.starts_with("CONNECT host.example:443 HTTP/1.1\r\nHost: host.example:443\r\n"));

    let failure = open_without_resolver("wss://other.example/", &options).await.err().unwrap();
    assert_eq!(failure.code, ErrorCode::Tls);
    assert!(failure.text.contains("TLS handshake with other.example:443"), "{}", failure.text);
}

/// Starts a proxy that is spoken to over TLS.
async fn https(authority: &Authority) -> (SocketAddr, Requests) {
    let acceptor = Server::new(authority.issue(&["127.0.0.1"])).acceptor();
    let (sender, requests) = unbounded_channel();
    let proxy = serve(move |socket| {
        let (acceptor, sender) = (acceptor.clone(), sender.clone());
        async move {
            let Some(channel) = accept_tls(acceptor, socket).await else { return };
            forward(channel, "HTTP/1.1 200 OK\r\n\r\n", sender).await;
        }
    })
    .await;
    (proxy, requests)
}

#[tokio::test]
async fn carries_much_in_both_directions_by_tls_within_tls() {
    let authority = Authority::new();
    let (proxy, _requests) = https(&authority).await;
    let acceptor = Server::new(authority.issue(&["127.0.0.1"])).acceptor();
    let server = serve(move |socket| {
        let acceptor = acceptor.clone();
        async move {
            let Some(mut channel) = accept_tls(acceptor, socket).await else { return };
            accept(&mut channel).await;
            let (mut reader, mut writer) = tokio::io::split(channel);
            let _ = tokio::io::copy(&mut reader, &mut writer).await;
        }
    })
    .await;
    let mut options = by(format!("https://{proxy}"));
    options.tls.ca = Some(authority.pem().into());
    let opened = open(&format!("wss://{server}/"), &options).await.map_err(|failure| failure.text).unwrap();
    let sent: Vec<u8> = (0..4_000_000_u32).map(|number| (number % 251) as u8).collect();
    let (mut reader, mut writer) = tokio::io::split(opened.stream);
    let mut received = vec![0; sent.len()];
    let writing = async {
        writer.write_all(&sent).await.unwrap();
        writer.flush().await.unwrap();
    };
    within(async { tokio::join!(writing, reader.read_exact(&mut received)).1.unwrap() }).await;
    assert!(received == sent);
}

#[tokio::test]
async fn connects_by_a_proxy_that_is_spoken_to_over_tls() {
    let authority = Authority::new();
    let (proxy, mut requests) = https(&authority).await;
    let mut options = by(format!("https://{proxy}"));
    options.tls.ca = Some(authority.pem().into());
    let secure = Server::new(authority.issue(&["127.0.0.1"])).start().await;
    for url in [format!("ws://{}/", answering([GOOD, "x"].concat()).await), format!("wss://{secure}/")] {
        let opened = open(&url, &options).await.map_err(|failure| failure.text).unwrap();
        let mut received = opened.tail;
        let mut stream = opened.stream;
        while received.is_empty() {
            within(stream.read_buf(&mut received)).await.unwrap();
        }
        assert_eq!(received, b"x");
        assert!(next(&mut requests).await.starts_with("CONNECT 127.0.0.1:"));
        within(stream.shutdown()).await.unwrap();
    }
    let stranger = by(format!("https://{proxy}"));
    let failure = refused("ws://127.0.0.1:1/", &stranger).await;
    assert_eq!(failure.code, ErrorCode::Proxy);
    assert!(failure.text.contains(&format!("TLS handshake with proxy {proxy}")), "{}", failure.text);
}

#[tokio::test]
async fn keeps_the_bytes_that_come_with_the_proxys_answer() {
    // The server's response is in the same segment as the proxy's, as if the server had spoken first.
    let proxy = serve(|mut socket| async move {
        let connect = read_request(&mut socket).await;
        assert!(connect.starts_with("CONNECT "));
        // The key is not known yet, so a 400 shows that nothing is lost.
        let both = "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 400 Early\r\nContent-Length: 5\r\n\r\nearly";
        socket.write_all(both.as_bytes()).await.unwrap();
        linger(socket).await;
    })
    .await;
    let failure = refused("ws://host.example/", &by(format!("http://{proxy}"))).await;
    assert_eq!(failure.code, ErrorCode::HttpStatus);
    assert_eq!(
        failure.text,
        "the server answered with status 400, saying \"early\": opening handshake with host.example:80"
    );
}

#[tokio::test]
async fn skips_interim_responses_of_the_proxy() {
    let server = answering(GOOD).await;
    let proxy = serve(move |mut socket| async move {
        read_request(&mut socket).await;
        socket.write_all(b"HTTP/1.1 103 Early\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let request = read_request(&mut socket).await;
        socket.write_all(&fill(GOOD.as_bytes(), &request)).await.unwrap();
        linger(socket).await;
    })
    .await;
    open(&format!("ws://{server}/"), &by(format!("http://{proxy}"))).await.map_err(|failure| failure.text).unwrap();
}

#[tokio::test]
async fn tells_the_status_with_which_the_proxy_refuses() {
    for (answer, with, text) in [
        ("HTTP/1.1 407 Who\r\n\r\n", "", "status 407, it wants user and password"),
        ("HTTP/1.1 407 Who\r\n\r\n", "me:s3cret@", "status 407, it does not accept user and password"),
        ("HTTP/1.1 502 No\r\nContent-Length: 9999\r\n\r\nhalf", "", "status 502"),
        ("HTTP/1.1 101 Switch\r\n\r\n", "", "status 101"),
        ("HTTP/1.0 302 Go\r\nLocation: http://x/\r\n\r\n", "", "status 302"),
        ("HTTP/1.1 300 Go\r\n\r\n", "", "status 300"),
    ] {
        let (proxy, _requests) = http(answer).await;
        let failure = refused("ws://host.example/?s3cret", &by(format!("http://{with}{proxy}"))).await;
        assert_eq!(failure.code, ErrorCode::Proxy, "{}", failure.text);
        let expected = format!("the proxy answered with {text}: CONNECT host.example:80 by proxy {proxy}");
        assert_eq!(failure.text, expected);
        assert!(failure.response.is_none());
    }
}

/// Serves every CONNECT with bytes, over and over if `endless`, and then ends the stream.
async fn raw(answer: &'static [u8], rounds: usize) -> SocketAddr {
    serve(move |mut socket| async move {
        read_request(&mut socket).await;
        for _ in 0..rounds {
            if socket.write_all(answer).await.is_err() {
                return;
            }
        }
        let _ = socket.shutdown().await;
        linger(socket).await;
    })
    .await
}

#[tokio::test]
async fn fails_if_the_proxy_does_not_speak_http() {
    for (answer, rounds, cause) in [
        (&b""[..], 1, "the proxy closed the connection without a response"),
        (b"HTTP/1.1 200 O", 1, "the proxy closed the connection inside the response's head"),
        (b"SSH-2.0-x\r\n", 1, "the response is not HTTP/1.1"),
        (b"HTTP/1.1 200 OK\n\n", 1, "the response's head has a line feed without carriage return"),
        (b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n", 1, "the response has white space between the header name"),
        (b"HTTP/1.1 100 Wait\r\n\r\n", usize::MAX, "the proxy sent too many interim responses, limit 16384 bytes"),
    ] {
        let proxy = raw(answer, rounds).await;
        let failure = refused("ws://host.example/", &by(format!("http://{proxy}"))).await;
        assert_eq!(failure.code, ErrorCode::Proxy, "{}", failure.text);
        assert!(failure.text.starts_with(cause), "{}", failure.text);
        assert!(failure.text.ends_with(&format!("CONNECT host.example:80 by proxy {proxy}")), "{}", failure.text);
    }
}

#[tokio::test]
async fn reads_at_most_16_kib_of_the_proxys_head() {
    let endless = serve(|mut socket| async move {
        read_request(&mut socket).await;
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nX: ").await;
        while socket.write_all(&[b'z'; 1000]).await.is_ok() {}
    })
    .await;
    let failure = refused("ws://host.example/", &by(format!("http://{endless}"))).await;
    assert_eq!(failure.code, ErrorCode::Proxy);
    assert!(failure.text.starts_with("the response's head is too big, limit 16384 bytes: CONNECT"), "{}", failure.text);
}

#[tokio::test]
async fn times_out_with_the_phase_if_the_proxy_is_slow() {
    let silent = serve(linger).await;
    let slow = serve(|mut socket| async move {
        for byte in b"HTTP/1.1 200 OK\r\n\r\n" {
            let _ = socket.write_all(&[*byte]).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        linger(socket).await;
    })
    .await;
    for (proxy, phase) in [
        (format!("http://{silent}"), format!("CONNECT host.example:80 by proxy {silent}")),
        (format!("http://{slow}"), format!("CONNECT host.example:80 by proxy {slow}")),
        (format!("https://{silent}"), format!("TLS handshake with proxy {silent}")),
        (format!("socks5h://{silent}"), format!("SOCKS connection to host.example:80 by proxy {silent}")),
    ] {
        let options = Options { open_timeout: Duration::from_millis(300), ..by(&proxy) };
        let failure = refused("ws://host.example/", &options).await;
        assert_eq!(failure.code, ErrorCode::Timeout);
        assert_eq!(failure.text, format!("timed out after 0.3 s: {phase}"));
    }
}

#[tokio::test]
async fn names_a_proxy_that_cannot_be_reached() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for scheme in ["http", "https", "socks5h"] {
        let failure = refused("ws://host.example/", &by(format!("{scheme}://me:s3cret@{closed}"))).await;
        assert_eq!(failure.code, ErrorCode::Proxy);
        assert_eq!(
            failure.text,
            format!(
                "no address of the host accepted: TCP connection to proxy {closed} (tried {closed}: connection refused)"
            )
        );
    }
    let failing = resolver(|_, _| async { Err(io::Error::other("Name or service not known")) });
    let plan = plan("ws://host.example/", &by("http://proxy.example:3128")).with_resolver(failing);
    let failure = within(plan.open()).await.err().unwrap();
    assert_eq!(failure.code, ErrorCode::Proxy);
    assert_eq!(failure.text, "name or service not known: name resolution for proxy proxy.example:3128");
}

#[tokio::test]
async fn asks_the_proxy_for_the_address_of_connect_to() {
    let server = answering(GOOD).await;
    let (proxy, mut requests) = http("HTTP/1.1 200 OK\r\n\r\n").await;
    let mut options = by(format!("http://{proxy}"));
    options.set_connect_to(&server.to_string()).unwrap();
    open("ws://host.example/", &options).await.map_err(|failure| failure.text).unwrap();
    assert!(next(&mut requests).await.starts_with(&format!("CONNECT {server} HTTP/1.1\r\n")));
}

#[tokio::test]
async fn sends_the_scripts_user_agent_to_the_proxy_or_none() {
    let server = answering(GOOD).await;
    let (proxy, mut requests) = http("HTTP/1.1 200 OK\r\n\r\n").await;
    let mut options = by(format!("http://{proxy}"));
    options.add_header("User-Agent", b"mine/1").unwrap();
    options.add_header("X-Token", b"s3cret").unwrap();
    open(&format!("ws://{server}/"), &options).await.ok().unwrap();
    let request = next(&mut requests).await;
    assert!(request.contains("\r\nUser-Agent: mine/1\r\n") && !request.contains("s3cret"), "{request}");
    let mut options = by(format!("http://{proxy}"));
    options.remove_header("User-Agent").unwrap();
    open(&format!("ws://{server}/"), &options).await.ok().unwrap();
    assert!(!next(&mut requests).await.contains("User-Agent"));
}

#[test]
fn refuses_insecure_tls_together_with_a_proxy() {
    let mut options = by("http://127.0.0.1:1");
    options.tls.insecure = true;
    let error = Plan::new(Endpoint::parse("wss://127.0.0.1/").unwrap(), &options).err().unwrap().to_string();
    assert_eq!(error, "options proxy and tls.insecure exclude each other");
}
