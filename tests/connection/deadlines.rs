//! Which deadline ends a connection, and what may put it off: peers that flood, stall, read slowly or never answer.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::codec::deflate;
use crate::support::client::Client;
use crate::support::peer::{BINARY, CLOSE, Door, PING, PONG, Peer, TEXT, close, frame};
use crate::support::{GOOD, PATIENCE, fill};
use websocket_core::connection::{Outgoing, Wish};
use websocket_core::error::ErrorCode;
use websocket_core::event::{End, EndedBy, Event};
use websocket_core::extension::{self, Compression};
use websocket_core::options::Options;
use websocket_core::protocol::Deflater;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Longer than any test waits, for the deadline that must not be the one that ends the connection.
const NEVER: Duration = Duration::from_secs(3600);

/// Far above the time-outs that must end a connection, and far below those that a test must not wait for.
const SOON: Duration = Duration::from_secs(8);

/// An open connection and its peer, which has a small receive buffer.
fn opened(options: &Options) -> (Client, Peer) {
    let door = Door::narrow();
    let mut client = Client::start(&door.url(), options);
    let peer = door.peer();
    client.opened();
    (client, peer)
}

/// Takes events until the end, each after `pause`; fails the test where the end does not come.
fn end_of(client: &mut Client, pause: Duration) -> End {
    let begin = Instant::now();
    loop {
        let (_, event, charge) = client.host.next_charged();
        if let Event::End(end) = event {
            return *end;
        }
        assert!(begin.elapsed() < PATIENCE, "the connection has not ended");
        thread::sleep(pause);
        drop(charge);
    }
}

/// Reads what the client sends in steps of 64 KiB with a pause before each.
fn read_slowly(peer: &mut Peer, bytes: usize, pause: Duration) {
    let mut step = vec![0; 64 * KIB];
    for _ in 0..bytes / step.len() {
        thread::sleep(pause);
        peer.stream.read_exact(&mut step).unwrap();
    }
    peer.stream.read_exact(&mut step[..bytes % (64 * KIB)]).unwrap();
}

#[test]
fn close_timeout_ends_a_peer_that_goes_on_sending() {
    // A queue that one frame fills, so that reading is paused after each; and one that a slow script fills now and then.
    for (max_queue, pause) in
        [(64 * KIB, Duration::ZERO), (256 * KIB, Duration::from_millis(10)), (MIB, Duration::ZERO)]
    {
        let options = Options { close_timeout: Duration::from_millis(500), max_queue, ..Options::default() };
        let door = Door::new();
        let mut client = Client::start(&door.url(), &options);
        let peer = door.peer();
        client.opened();
        let mut stream = peer.stream.try_clone().unwrap();
        let flood = thread::spawn(move || {
            let message = frame(BINARY, &vec![1; 60_000]);
            while stream.write_all(&message).is_ok() {}
        });
        client.message();
        let begin = Instant::now();
        client.close(1000, "");
        let end = end_of(&mut client, pause);
        assert!(begin.elapsed() < SOON, "max_queue {max_queue}: after {:?}", begin.elapsed());
        assert_eq!((end.by, end.code, end.clean), (EndedBy::Timeout, 1006, false), "max_queue {max_queue}");
        assert_eq!((end.sent_code, end.received_code), (Some(1000), None));
        flood.join().unwrap();
    }
}

#[test]
fn a_close_that_came_in_time_counts_though_the_script_took_longer_than_close_timeout() {
    let options = Options { close_timeout: Duration::from_millis(300), max_queue: 1, ..Options::default() };
    let (mut client, mut peer) = opened(&options);
    peer.say(&[frame(TEXT, b"a"), frame(TEXT, b"b")].concat());
    let (_, _, charge) = client.host.next_charged();
    client.close(1000, "");
    assert_eq!(peer.hear_close().0, 1000);
    peer.say(&[frame(TEXT, b"c"), close(1000, "")].concat());
    client.expect_no_event_for(3 * options.close_timeout);
    drop(charge);
    assert_eq!((client.message(), client.message()), (b"b".to_vec(), b"c".to_vec()));
    assert_eq!(client.closing().0, 1000);
    drop(peer);
    assert!(client.end().clean);
}

#[test]
fn close_timeout_counts_from_the_moment_our_close_was_written() {
    let options = Options { close_timeout: Duration::from_millis(500), ..Options::default() };
    let (mut client, mut peer) = opened(&options);
    client.close(1000, "");
    assert_eq!(peer.hear_close().0, 1000);
    // Small messages, and no Close.
    let mut stream = peer.stream.try_clone().unwrap();
    let chatter = thread::spawn(move || {
        while stream.write_all(&frame(PING, b"still here")).is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let begin = Instant::now();
    let end = end_of(&mut client, Duration::ZERO);
    assert!(begin.elapsed() < SOON, "after {:?}", begin.elapsed());
    assert_eq!((end.by, end.code, end.sent_code), (EndedBy::Timeout, 1006, Some(1000)));
    chatter.join().unwrap();
}

#[test]
fn close_timeout_ends_a_peer_that_does_not_read_what_stands_before_our_close() {
    let options = Options { close_timeout: Duration::from_millis(500), ping_interval: None, ..Options::default() };
    let (mut client, peer) = opened(&options);
    client.send(vec![7; 12 * MIB]);
    client.close(1000, "");
    let end = client.end();
    assert_eq!((end.by, end.code, end.sent_code), (EndedBy::Timeout, 1006, None));
    drop(peer);
}

#[test]
fn keepalive_fails_where_the_transport_stays_full() {
    for sizes in [vec![8 * MIB], vec![64 * KIB; 128]] {
        let options = Options {
            ping_interval: Some(Duration::from_millis(200)),
            ping_timeout: Some(Duration::from_millis(300)),
            ..Options::default()
        };
        let (mut client, peer) = opened(&options);
        for size in sizes {
            client.send(vec![7; size]);
        }
        let end = client.end();
        assert_eq!((end.error, end.by, end.code), (Some(ErrorCode::Keepalive), EndedBy::Timeout, 1006));
        drop(peer);
    }
}

#[test]
fn keepalive_fails_while_the_script_goes_on_sending_little_to_a_peer_that_does_not_read() {
    let options = Options {
        ping_interval: Some(Duration::from_millis(200)),
        ping_timeout: Some(Duration::from_millis(500)),
        ..Options::default()
    };
    let (mut client, peer) = opened(&options);
    let over = Arc::new(AtomicBool::new(false));
    let (connection, stop) = (Arc::clone(&client.connection), Arc::clone(&over));
    let sender = thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) && connection.outbox.send(Outgoing::Ping(vec![7; 100])).is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let end = client.end();
    assert_eq!(end.error, Some(ErrorCode::Keepalive));
    over.store(true, Ordering::Relaxed);
    sender.join().unwrap();
    drop(peer);
}

#[test]
fn keepalive_takes_capacity_that_opens_in_a_full_transport_for_life() {
    let options = Options {
        ping_interval: Some(Duration::from_millis(200)),
        ping_timeout: Some(Duration::from_secs(4)),
        ..Options::default()
    };
    let door = Door::narrow();
    let mut client = Client::start(&door.url(), &options);
    // Sent before it is open, so that it goes out before the first ping.
    let size = 32 * MIB;
    client.send(vec![7; size]);
    let mut peer = door.peer();
    client.opened();
    let begin = Instant::now();
    // The pings follow the message, so the peer cannot answer one before it has read all of it.
    let mut left = 14 + size;
    while begin.elapsed() < Duration::from_secs(6) {
        read_slowly(&mut peer, 64 * KIB, Duration::from_millis(30));
        left -= 64 * KIB;
    }
    read_slowly(&mut peer, left, Duration::ZERO);
    let (first, payload) = peer.hear();
    assert_eq!(first, PING);
    peer.say(&[frame(PONG, &payload), frame(TEXT, b"all of it"), close(1000, "")].concat());
    assert_eq!(client.message(), b"all of it");
    client.closing();
    while peer.hear().0 != CLOSE {}
    drop(peer);
    assert!(client.end().clean);
}

#[test]
fn the_peers_close_ends_a_peer_that_does_not_read_within_two_seconds() {
    let options = Options { close_timeout: NEVER, ..Options::default() };
    let (mut client, mut peer) = opened(&options);
    client.send(vec![7; 12 * MIB]);
    client.is_down_to(12 * MIB - 1);
    let begin = Instant::now();
    peer.say(&close(4000, "enough"));
    assert_eq!(client.closing(), (4000, "enough".to_owned()));
    let end = client.end();
    let elapsed = begin.elapsed();
    assert!(elapsed >= Duration::from_secs(2) && elapsed < SOON, "two seconds to read, not {elapsed:?}");
    assert_eq!((end.error, end.by, end.code, &*end.reason), (None, EndedBy::Peer, 4000, "enough"));
    assert_eq!((end.clean, end.sent_code), (false, None), "our Close was never written");
}

#[test]
fn the_peers_close_is_answered_where_the_peer_goes_on_reading_slowly() {
    let (mut client, mut peer) = opened(&Options::default());
    let size = 5 * MIB;
    client.send(vec![7; size]);
    // The message is on its way before the peer closes.
    client.is_down_to(size - 1);
    let begin = Instant::now();
    peer.say(&close(4000, ""));
    assert_eq!(client.closing().0, 4000);
    read_slowly(&mut peer, 14 + size, Duration::from_millis(40));
    assert!(begin.elapsed() > Duration::from_secs(2));
    assert_eq!(peer.hear_close().0, 4000);
    drop(peer);
    let end = client.end();
    assert_eq!((end.clean, end.code, end.sent_code), (true, 4000, Some(4000)));
}

#[test]
fn close_timeout_bounds_the_answer_to_the_peers_close() {
    let options = Options { close_timeout: Duration::from_secs(1), ..Options::default() };
    let (mut client, mut peer) = opened(&options);
    client.send(vec![7; 64 * MIB]);
    client.is_down_to(64 * MIB - 1);
    let begin = Instant::now();
    peer.say(&close(4000, ""));
    assert_eq!(client.closing().0, 4000);
    // It keeps reading, but too slowly to finish.
    let reader = thread::spawn(move || {
        let mut step = vec![0; 64 * KIB];
        while matches!(peer.stream.read(&mut step), Ok(read) if read > 0) {
            thread::sleep(Duration::from_millis(50));
        }
    });
    let end = client.end();
    assert!(begin.elapsed() < SOON, "after {:?}", begin.elapsed());
    assert_eq!((end.code, end.clean, end.sent_code), (4000, false, None));
    assert!(client.connection.outbox.buffered() > 0);
    reader.join().unwrap();
}

#[test]
fn terminate_delivers_what_was_read_and_not_yet_decoded() {
    let options = Options { max_queue: 1, ..Options::default() };
    let (mut client, mut peer) = opened(&options);
    peer.say(&[frame(TEXT, b"a"), frame(TEXT, b"b"), frame(PONG, b"c"), frame(TEXT, b"d")].concat());
    let (_, first, _charge) = client.host.next_charged();
    assert!(matches!(first, Event::Message(_, payload) if payload == b"a"));
    client.connection.outbox.end_by(Wish::Terminate);
    assert_eq!(client.message(), b"b");
    assert!(matches!(client.next(), Event::Pong(payload) if payload == b"c"));
    assert_eq!(client.message(), b"d");
    let end = client.end();
    assert_eq!((end.error, end.by, end.code), (None, EndedBy::Us, 1006));
    peer.hears_the_end();
}

#[test]
fn terminate_tells_a_close_that_was_read_and_not_yet_decoded() {
    let options = Options { max_queue: 1, ..Options::default() };
    let (mut client, mut peer) = opened(&options);
    peer.say(&[frame(TEXT, b"a"), frame(TEXT, b"b"), close(4000, "bye")].concat());
    let (_, _, _charge) = client.host.next_charged();
    client.connection.outbox.end_by(Wish::Terminate);
    assert_eq!(client.message(), b"b");
    assert_eq!(client.closing(), (4000, "bye".to_owned()));
    let end = client.end();
    assert_eq!((end.code, &*end.reason, end.clean, end.sent_code), (4000, "bye", false, None));
}

#[test]
fn terminate_bounds_what_the_last_bytes_inflate_to() {
    let compression = Compression::default();
    let options = Options { max_queue: 1, compression: Some(compression.clone()), ..Options::default() };
    let door = Door::new();
    let mut client = Client::start(&door.url(), &options);
    let mut peer = Peer { stream: door.socket() };
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        peer.stream.read_exact(&mut byte).unwrap();
        request.push(byte[0]);
    }
    let good = GOOD.replace("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n");
    peer.say(&fill(good.as_bytes(), &String::from_utf8(request).unwrap()));
    client.opened();
    let agreed = extension::agree(Some(&compression), [&b"permessage-deflate"[..]].into_iter()).unwrap().unwrap();
    let mut deflater = Deflater::new(&agreed, &compression);
    let mut frames = frame(TEXT, b"a");
    for _ in 0..30 {
        frames.extend(frame(BINARY | 0x40, &deflate(&mut deflater, &vec![0; MIB]).unwrap()));
    }
    assert!(frames.len() < 64 * KIB, "one read may take all of them");
    peer.say(&frames);
    let (_, _, _charge) = client.host.next_charged();
    client.connection.outbox.end_by(Wish::Terminate);
    let mut messages = 0;
    while let Event::Message(_, payload) = client.next() {
        assert_eq!(payload.len(), MIB);
        messages += 1;
    }
    assert!(messages <= 1, "{messages} messages of 1 MiB");
}
