//! Tests that the server receives close_notify before the end of TCP (RFC 8446 section 6.1), however we end a connection.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use crate::support::authority::{Authority, Server, tls12};
use crate::support::client::Client;
use crate::support::peer::{CLOSE, Door, Peer, close, frame};
use tokio_rustls::rustls::{ServerConnection, StreamOwned};
use websocket_core::connection::Wish;
use websocket_core::error::ErrorCode;
use websocket_core::event::Event;
use websocket_core::options::{Options, TlsOptions};

type Channel = StreamOwned<ServerConnection, TcpStream>;

/// Starts a connection. Returns it with the server's side, from which nothing was read yet.
fn started(door: &Door, server: Server, authority: &Authority) -> (Client, Channel) {
    let config = server.acceptor().config().clone();
    let tls = TlsOptions { ca: Some(authority.pem().into_bytes()), ..TlsOptions::default() };
    let client = Client::start(&door.url().replace("ws:", "wss:"), &Options { tls, ..Options::default() });
    (client, StreamOwned::new(ServerConnection::new(config).unwrap(), door.socket()))
}

fn opened(door: &Door) -> (Client, Peer<Channel>) {
    let authority = Authority::new();
    let (mut client, channel) = started(door, Server::new(authority.issue(&["127.0.0.1"])), &authority);
    let peer = Peer::shake_hands(channel);
    client.opened();
    (client, peer)
}

/// Reads the rest of the stream, and fails unless it ends by close_notify.
fn ends_by_close_notify(channel: &mut Channel) {
    let mut rest = Vec::new();
    match channel.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => panic!("TCP ended without close_notify"),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn sends_close_notify_after_a_close_that_we_began() {
    let door = Door::new();
    let (mut client, mut peer) = opened(&door);
    client.close(1000, "");
    assert_eq!(peer.hear_close().0, 1000);
    peer.say(&close(1000, ""));
    // The server ends its side first, as RFC 6455 section 7.1.1 recommends.
    peer.stream.conn.send_close_notify();
    peer.stream.flush().unwrap();
    ends_by_close_notify(&mut peer.stream);
    client.closing();
    assert!(client.end().clean);
}

#[test]
fn sends_close_notify_after_a_close_that_the_server_began() {
    let door = Door::new();
    let (mut client, mut peer) = opened(&door);
    peer.say(&close(1001, ""));
    assert_eq!(peer.hear().0, CLOSE);
    peer.stream.conn.send_close_notify();
    peer.stream.flush().unwrap();
    ends_by_close_notify(&mut peer.stream);
    client.closing();
    assert!(client.end().clean);
}

#[test]
fn sends_close_notify_after_a_violation() {
    let door = Door::new();
    let (mut client, mut peer) = opened(&door);
    // The reserved opcode 3.
    peer.say(&frame(0x83, b""));
    assert_eq!(peer.hear_close().0, 1002);
    ends_by_close_notify(&mut peer.stream);
    assert!(client.end().violation);
}

#[test]
fn sends_close_notify_when_the_script_terminates() {
    let door = Door::new();
    let (mut client, mut peer) = opened(&door);
    client.connection.outbox.end_by(Wish::Terminate);
    ends_by_close_notify(&mut peer.stream);
    client.end();
}

#[test]
fn sends_close_notify_when_the_opening_handshake_is_refused() {
    for versions in [tls12(), Server::new(Authority::new().issue(&[])).versions] {
        let (door, authority) = (Door::new(), Authority::new());
        let server = Server { versions, ..Server::new(authority.issue(&["127.0.0.1"])) };
        let (mut client, mut channel) = started(&door, server, &authority);
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            channel.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        channel.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").unwrap();
        ends_by_close_notify(&mut channel);
        match client.next() {
            Event::End(end) => assert_eq!(end.error, Some(ErrorCode::HttpStatus)),
            event => panic!("{event:?}"),
        }
    }
}

#[test]
fn sends_close_notify_when_the_runtime_ends() {
    let door = Door::new();
    let (client, mut peer) = opened(&door);
    drop(client);
    ends_by_close_notify(&mut peer.stream);
}
