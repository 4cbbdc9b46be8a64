//! Scripted servers on loopback, for tests on real sockets.
//!
//! Comes in: what a server should send. Goes out: its address, and what it received. A server ends with the runtime of its
//! test.

// Each test binary uses only a part of this.
#![allow(dead_code)]

pub mod authority;
pub mod client;
pub mod peer;
pub mod proxy;

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use websocket_core::error::Failure;
use websocket_core::options::{Options, ProxyChoice};
use websocket_core::transport::{Opened, Plan};
use websocket_core::url::Endpoint;

/// The longest time that anything here may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A good response. `{accept}` stands for the value that belongs to the request's key.
pub const GOOD: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n";

/// Creates a plan for a URL, without a proxy that the environment of the tests may name.
pub fn plan(url: &str, options: &Options) -> Plan {
    let mut options = options.clone();
    if options.proxy == ProxyChoice::Environment {
        options.proxy = ProxyChoice::Direct;
    }
    Plan::new(Endpoint::parse(url).unwrap(), &options).map_err(|error| error.to_string()).unwrap()
}

/// Opens a connection, and fails the test if that takes too long.
pub async fn open(url: &str, options: &Options) -> Result<Opened, Failure> {
    within(plan(url, options).open()).await
}

/// Opens a connection, which must fail, and returns the failure.
pub async fn refused(url: &str, options: &Options) -> Failure {
    match open(url, options).await {
        Ok(_) => panic!("{url} opened"),
        Err(failure) => failure,
    }
}

/// Awaits with a deadline.
pub async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("the test's deadline passed")
}

/// Fails unless one of twenty tries takes less than `limit`: a loaded machine may delay any of them.
pub async fn takes_less_than(limit: Duration, mut attempt: impl AsyncFnMut()) {
    let mut fastest = Duration::MAX;
    for _ in 0..20 {
        let begin = Instant::now();
        attempt().await;
        fastest = fastest.min(begin.elapsed());
        if fastest < limit {
            return;
        }
    }
    panic!("took {fastest:?} at the least");
}

/// Serves every connection by `script`; returns the address.
pub async fn serve<F, A>(script: F) -> SocketAddr
where
    F: Fn(TcpStream) -> A + Send + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    serve_at("127.0.0.1:0", script).await
}

/// Like [`serve`], at an address.
pub async fn serve_at<F, A>(address: &str, script: F) -> SocketAddr
where
    F: Fn(TcpStream) -> A + Send + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            socket.set_nodelay(true).unwrap();
            tokio::spawn(script(socket));
        }
    });
    address
}

/// Serves every connection: reads the request, sends `answer` with `{accept}` replaced, and closes when the client does.
pub async fn answering(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let answer = answer.into();
    serve(move |mut socket| {
        let answer = answer.clone();
        async move {
            let request = read_request(&mut socket).await;
            let _ = socket.write_all(&fill(&answer, &request)).await;
            linger(socket).await;
        }
    })
    .await
}

/// Reads until the client ends the stream.
pub async fn linger(mut stream: impl AsyncRead + Unpin) {
    let mut sink = [0; 4096];
    while matches!(stream.read(&mut sink).await, Ok(read) if read > 0) {}
}

/// Reads a request's head.
pub async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(request).unwrap()
}

/// Reads a request and sends a good response.
pub async fn accept(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let request = read_request(stream).await;
    stream.write_all(&fill(GOOD.as_bytes(), &request)).await.unwrap();
    stream.flush().await.unwrap();
}

/// Replaces `{accept}` by the value that belongs to the request's key.
pub fn fill(answer: &[u8], request: &str) -> Vec<u8> {
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap_or("none");
    let accept = derive_accept_key(key.as_bytes());
    let mut filled = Vec::new();
    let mut rest = answer;
    while let Some(at) = rest.windows(8).position(|window| window == b"{accept}") {
        filled.extend_from_slice(&rest[..at]);
        filled.extend_from_slice(accept.as_bytes());
        rest = &rest[at + 8..];
    }
    filled.extend_from_slice(rest);
    filled
}
