//! Tests an established TLS stream: bytes in both directions, and the ways in which it ends.

use std::net::SocketAddr;

use crate::support::authority::{Authority, Server, accept_tls};
use crate::support::{accept, plan, serve, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use websocket_core::error::Failure;
use websocket_core::options::{Options, TlsOptions};
use websocket_core::transport::{Loss, Opened, Stream, resolver};

/// Opens `wss://host.example/`, whose name resolves to `address`, and trusts the authority.
async fn open_host(address: SocketAddr, authority: &Authority) -> Result<Opened, Failure> {
    let tls = TlsOptions { ca: Some(authority.pem().into_bytes()), ..TlsOptions::default() };
    let options = Options { tls, ..Options::default() };
    let there = resolver(move |_, _| std::future::ready(Ok(vec![address])));
    within(plan("wss://host.example/", &options).with_resolver(there).open()).await
}

/// Starts a server that accepts a connection, calls `last` and drops the connection without close_notify.
async fn ending<F>(authority: &Authority, last: F) -> SocketAddr
where
    F: Fn(&tokio::net::TcpStream) + Clone + Send + 'static,
{
    let acceptor = Server::new(authority.issue(&["host.example"])).acceptor();
    serve(move |socket| {
        let (acceptor, last) = (acceptor.clone(), last.clone());
        async move {
            let mut channel = accept_tls(acceptor, socket).await.unwrap();
            accept(&mut channel).await;
            // The client sends a byte when its side of the handshake is done.
            let _ = channel.read_u8().await;
            last(channel.get_ref().0);
        }
    })
    .await
}

#[tokio::test]
async fn treats_an_end_without_close_notify_as_an_end_of_stream() {
    let authority = Authority::new();
    let server = ending(&authority, |_| {}).await;
    let mut stream = open_host(server, &authority).await.ok().unwrap().stream;
    stream.write_all(b"x").await.unwrap();
    stream.flush().await.unwrap();
    let error = within(stream.read_u8()).await.unwrap_err();
    assert_eq!(Stream::classify(&error), Loss::EndOfStream);
}

#[tokio::test]
async fn survives_two_writes_to_a_peer_that_has_reset() {
    let authority = Authority::new();
    let server = ending(&authority, |socket| socket.set_zero_linger().unwrap()).await;
    let mut stream = open_host(server, &authority).await.ok().unwrap().stream;
    stream.write_all(b"x").await.unwrap();
    stream.flush().await.unwrap();
    let error = within(stream.read_u8()).await.unwrap_err();
    assert_eq!(Stream::classify(&error), Loss::Reset("connection reset by peer".to_owned()));
    for _ in 0..2 {
        let error = within(async {
            stream.write_all(b"x").await?;
            stream.flush().await
        });
        let error = error.await.unwrap_err();
        assert!(matches!(Stream::classify(&error), Loss::Reset(_)), "{error}");
    }
}

#[tokio::test]
async fn reports_a_bad_record_as_a_tls_error() {
    let authority = Authority::new();
    let server = ending(&authority, |socket| {
        socket.try_write(&[23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0]).unwrap();
    })
    .await;
    let mut stream = open_host(server, &authority).await.ok().unwrap().stream;
    stream.write_all(b"x").await.unwrap();
    stream.flush().await.unwrap();
    let error = within(stream.read_u8()).await.unwrap_err();
    assert!(matches!(Stream::classify(&error), Loss::Tls(_)), "{error}");
}

#[tokio::test]
async fn carries_a_megabyte_in_both_directions() {
    let authority = Authority::new();
    let acceptor = Server::new(authority.issue(&["host.example"])).acceptor();
    let server = serve(move |socket| {
        let acceptor = acceptor.clone();
        async move {
            let mut channel = accept_tls(acceptor, socket).await.unwrap();
            accept(&mut channel).await;
            let (mut read, mut write) = tokio::io::split(channel);
            tokio::io::copy(&mut read, &mut write).await.unwrap();
        }
    })
    .await;
    let stream = open_host(server, &authority).await.ok().unwrap().stream;
    let (mut read, mut write) = tokio::io::split(stream);
    let sent: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
    let copy = sent.clone();
    let writer = tokio::spawn(async move {
        write.write_all(&copy).await.unwrap();
        write.flush().await.unwrap();
        write
    });
    let mut received = vec![0; sent.len()];
    within(read.read_exact(&mut received)).await.unwrap();
    assert!(received == sent);
    within(writer).await.unwrap();
}
