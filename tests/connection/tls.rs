//! Accounts and ends over TLS, which has a buffer of its own between the engine and the kernel.

use std::io::Read;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::authority::{Authority, Server};
use crate::support::client::Client;
use crate::support::peer::{CLOSE, Door, Peer, close};
use tokio_rustls::rustls::{ServerConnection, StreamOwned};
use websocket_core::connection::Progress;
use websocket_core::error::ErrorCode;
use websocket_core::event::Event;
use websocket_core::options::{Options, Reconnect, TlsOptions};

/// A message of this many parts is larger than all buffers on its way together.
const COUNT: usize = 300;
const PART: usize = 64 * 1024;

type Channel = StreamOwned<ServerConnection, TcpStream>;

/// An open connection over TLS and its peer, which has a small receive buffer.
fn opened(options: Options) -> (Client, Peer<Channel>) {
    let (mut client, mut accept) = started(options);
    let peer = accept();
    client.opened();
    (client, peer)
}

/// A connection over TLS that opens, and what accepts it and those that follow.
fn started(options: Options) -> (Client, impl FnMut() -> Peer<Channel>) {
    let authority = Authority::new();
    let config = Server::new(authority.issue(&["127.0.0.1"])).acceptor().config().clone();
    let tls = TlsOptions { ca: Some(authority.pem().into_bytes()), ..TlsOptions::default() };
    let door = Door::narrow();
    let client = Client::start(&door.url().replace("ws:", "wss:"), &Options { tls, ..options });
    let accept = move || {
        let session = ServerConnection::new(Arc::clone(&config)).unwrap();
        Peer::shake_hands(StreamOwned::new(session, door.socket()))
    };
    (client, accept)
}

#[test]
fn counts_what_a_loss_leaves_in_the_buffer_of_tls_and_sends_the_rest() {
    const COUNT: u32 = 2000;
    const SIZE: usize = 8 * 1024;
    let delay = Duration::from_millis(10);
    let reconnect = Some(Reconnect { min_delay: delay, max_delay: delay, ..Reconnect::default() });
    let (mut client, mut accept) = started(Options { reconnect, ..Options::default() });
    let peer = accept();
    client.opened();
    for number in 0..COUNT {
        client.send([&number.to_be_bytes()[..], &vec![7; SIZE]].concat());
    }
    let mut known = usize::MAX;
    while client.connection.outbox.buffered() != known {
        known = client.connection.outbox.buffered();
        client.expect_no_event_for(Duration::from_millis(300));
    }
    assert!(known > 0, "the peer does not read");
    drop(peer);
    let Event::Reconnecting(lost) = client.next() else { panic!("not reconnecting") };
    let mut peer = accept();
    client.opened();
    let number_of = |payload: &[u8]| u32::from_be_bytes(payload[..4].try_into().unwrap());
    let first = number_of(&peer.hear().1);
    // What was accounted for as written, and what was lost, is all that came before.
    let written = COUNT as usize - known.div_ceil(SIZE + 4);
    assert!(lost.lost.count >= 1 && lost.lost.bytes == lost.lost.count * (SIZE + 4), "{lost:?}");
    assert_eq!(written + lost.lost.count, first as usize, "{lost:?}");
    for number in first + 1..COUNT {
        assert_eq!(number_of(&peer.hear().1), number);
    }
    client.is_down_to(0);
}

#[test]
fn counts_what_waits_over_tls_while_a_slow_peer_reads() {
    let (client, mut peer) = opened(Options::default());
    client.send(vec![7; COUNT * PART]);
    let mut header = [0; 14];
    peer.stream.read_exact(&mut header).unwrap();
    for read in 1..=COUNT {
        peer.stream.read_exact(&mut [0; PART]).unwrap();
        // What the peer has read was written. What the kernel took since TLS was last flushed is not accounted yet.
        client.is_down_to((COUNT - read) * PART + 100 * PART);
    }
    assert_eq!(client.flush(crate::support::PATIENCE), Some(Progress::Written));
    assert_eq!(client.connection.outbox.buffered(), 0);
}

#[test]
fn does_not_time_out_over_tls_while_a_slow_peer_still_reads() {
    let close_timeout = Duration::from_secs(2);
    let (mut client, mut peer) = opened(Options { close_timeout, ..Options::default() });
    let begin = Instant::now();
    client.send(vec![7; COUNT * PART]);
    client.close(1000, "");
    let mut header = [0; 14];
    peer.stream.read_exact(&mut header).unwrap();
    for _ in 0..COUNT {
        peer.stream.read_exact(&mut [0; PART]).unwrap();
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(peer.hear_close().0, 1000);
    assert!(begin.elapsed() > 2 * close_timeout);
    peer.say(&close(1000, ""));
    drop(peer);
    client.closing();
    assert!(client.end().clean);
}

#[test]
fn keepalive_takes_a_slow_peer_for_alive_over_tls() {
    let ping_timeout = Some(Duration::from_secs(4));
    let options = Options { ping_interval: Some(Duration::from_secs(1)), ping_timeout, ..Options::default() };
    let (mut client, mut peer) = opened(options);
    let begin = Instant::now();
    client.send(vec![7; COUNT * PART]);
    let mut header = [0; 14];
    peer.stream.read_exact(&mut header).unwrap();
    // It answers no ping, because they follow the message.
    let mut parts = 0;
    while begin.elapsed() < Duration::from_secs(7) && parts < COUNT {
        peer.stream.read_exact(&mut [0; PART]).unwrap();
        thread::sleep(Duration::from_millis(30));
        parts += 1;
    }
    for _ in parts..COUNT {
        peer.stream.read_exact(&mut [0; PART]).unwrap();
    }
    peer.say(&close(1000, ""));
    while peer.hear().0 != CLOSE {}
    drop(peer);
    client.closing();
    assert!(client.end().clean);
}

#[test]
fn keepalive_fails_over_tls_where_the_transport_stays_full() {
    let ping_timeout = Some(Duration::from_millis(300));
    let options = Options { ping_interval: Some(Duration::from_millis(200)), ping_timeout, ..Options::default() };
    let (mut client, peer) = opened(options);
    client.send(vec![7; COUNT * PART]);
    assert_eq!(client.end().error, Some(ErrorCode::Keepalive));
    drop(peer);
}
