//! Limits and accounts: what waits for the script, what waits for the transport, and peers that are faster or slower.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use crate::support::client::{Client, message};
use crate::support::peer::{BINARY, CLOSE, Door, PING, PONG, Peer, TEXT, close, frame};
use websocket_core::connection::{Progress, Refusal, Wish};
#[cfg(target_os = "linux")]
use websocket_core::error::ErrorCode;
use websocket_core::event::{Event, Kind};
use websocket_core::options::Options;
use websocket_core::queue::EVENT_OVERHEAD;
use websocket_core::runtime::Wait;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// How long a test waits to see that nothing happens.
const MOMENT: Duration = Duration::from_millis(100);

fn number_of(payload: &[u8]) -> u32 {
    u32::from_be_bytes(payload[..4].try_into().unwrap())
}

#[test]
fn stops_reading_when_the_queue_is_full_and_resumes_at_half_without_loss() {
    const COUNT: u32 = 40_000;
    let mut payload = vec![0; KIB];
    let capacity = 64;
    let options = Options { max_queue: capacity * (KIB + EVENT_OVERHEAD), ..Options::default() };
    let door = Door::new();
    let mut client = Client::start(&door.url(), &options);
    let mut peer = door.peer();
    client.opened();
    let written = Arc::new(AtomicUsize::new(0));
    let progress = Arc::clone(&written);
    let server = thread::spawn(move || {
        for number in 0..COUNT {
            payload[..4].copy_from_slice(&number.to_be_bytes());
            peer.say(&frame(BINARY, &payload));
            progress.fetch_add(1, Ordering::Relaxed);
        }
        peer.say(&close(1000, ""));
        peer.hear_close()
    });
    let mut next = 0;
    let mut held = Vec::new();
    let mut take = |client: &mut Client, held: &mut Vec<_>| match client.host.next_charged() {
        (_, Event::Message(_, payload), charge) => {
            assert_eq!((number_of(&payload), payload.len()), (next, KIB));
            next += 1;
            held.push(charge);
        }
        (_, event, _) => panic!("{event:?}"),
    };
    for _ in 0..capacity {
        take(&mut client, &mut held);
    }
    client.expect_no_event_for(MOMENT);
    assert!((written.load(Ordering::Relaxed) as u32) < COUNT, "the server stalls");
    held.truncate(capacity / 2 + 1);
    client.expect_no_event_for(MOMENT);
    held.pop();
    for _ in 0..capacity / 2 {
        take(&mut client, &mut held);
    }
    client.expect_no_event_for(MOMENT);
    held.clear();
    for _ in 0..COUNT as usize - capacity - capacity / 2 {
        take(&mut client, &mut held);
        held.clear();
    }
    assert_eq!(client.closing().0, 1000);
    assert_eq!(server.join().unwrap().0, 1000);
    assert!(client.end().clean);
}

#[test]
fn delivers_a_large_message_that_stalls_in_the_middle_and_keeps_its_text_whole() {
    let door = Door::new();
    let mut client = Client::start(&door.url(), &Options::default());
    let mut peer = door.peer();
    client.opened();
    // The characters take three bytes, so most cuts are inside of one.
    let text = "\u{20ac}".repeat(400_000);
    let wire = [frame(TEXT, b"before"), frame(TEXT, text.as_bytes()), frame(TEXT, b"after")].concat();
    peer.say(&wire[..100_001]);
    assert_eq!(client.message(), b"before");
    for piece in [&wire[100_001..300_000], &wire[300_000..1_000_000]] {
        client.expect_no_event_for(MOMENT);
        peer.say(piece);
    }
    client.expect_no_event_for(MOMENT);
    peer.say(&wire[1_000_000..]);
    assert!(client.message() == text.as_bytes());
    assert_eq!(client.message(), b"after");
}

#[test]
fn resumes_a_large_message_after_the_queue_was_full() {
    let options = Options { max_queue: 1, ..Options::default() };
    let door = Door::new();
    let mut client = Client::start(&door.url(), &options);
    let mut peer = door.peer();
    client.opened();
    let large: Vec<u8> = (0..3 * MIB).map(|index| (index / 7) as u8).collect();
    let server = thread::spawn({
        let wire = [frame(TEXT, b"first"), frame(BINARY, &large), frame(TEXT, b"last"), frame(BINARY, &large)].concat();
        move || {
            peer.say(&wire);
            peer
        }
    });
    for expected in [b"first", &large[..], b"last", &large] {
        client.host.lease.wait(Wait::up_to(MOMENT), |_| Poll::<()>::Pending);
        assert!(client.message() == expected);
    }
    server.join().unwrap();
}

#[test]
fn fails_a_large_text_at_its_first_bad_byte_while_most_of_it_is_missing() {
    let door = Door::new();
    let mut client = Client::start(&door.url(), &Options::default());
    let mut peer = door.peer();
    client.opened();
    let mut bad = vec![b'x'; MIB];
    bad[300_000] = 0xff;
    let wire = [frame(TEXT, b"before"), frame(TEXT, &bad)].concat();
    peer.say(&wire[..200_000]);
    assert_eq!(client.message(), b"before");
    peer.say(&wire[200_000..400_000]);
    assert_eq!(peer.hear_close().0, 1007);
    peer.say(&close(1007, ""));
    assert!(client.end().violation);
}

#[test]
fn stays_open_while_reading_is_paused_for_longer_than_ping_timeout() {
    let options = Options {
        max_queue: 1,
        ping_interval: Some(Duration::from_millis(50)),
        ping_timeout: Some(Duration::from_secs(1)),
        ..Options::default()
    };
    let door = Door::new();
    let mut client = Client::start(&door.url(), &options);
    let mut peer = door.peer();
    client.opened();
    peer.say(&[frame(TEXT, b"a"), frame(TEXT, b"b")].concat());
    let (_, _, charge) = client.host.next_charged();
    let (first, payload) = peer.hear();
    assert_eq!(first, PING);
    // The peer answers; reading is paused, so we do not see that.
    peer.say(&frame(PONG, &payload));
    client.expect_no_event_for(Duration::from_millis(2500));
    drop(charge);
    assert_eq!(client.message(), b"b");
    client.close(1000, "");
    while peer.hear().0 != CLOSE {}
    peer.say(&close(1000, ""));
    drop(peer);
    client.closing();
    assert!(client.end().clean);
}

#[test]
fn answers_the_latest_ping_of_a_peer_that_does_not_read_and_holds_few() {
    const COUNT: u32 = 200_000;
    let door = Door::narrow();
    let mut client = Client::start(&door.url(), &Options::default());
    let mut peer = door.peer();
    client.opened();
    let ping = |number: u32| frame(PING, &[&number.to_be_bytes()[..], &[0; 120]].concat());
    for number in (0..COUNT).step_by(100) {
        peer.say(&(number..number + 100).flat_map(ping).collect::<Vec<_>>());
    }
    // All pings are read before the message that is sent after them.
    peer.say(&frame(TEXT, b"done"));
    assert_eq!(client.message(), b"done");
    let (mut pongs, mut last, mut sent) = (0, None, COUNT);
    while last != Some(sent - 1) {
        let (first, payload) = peer.hear();
        assert_eq!((first, payload.len()), (PONG, 124));
        assert!(last < Some(number_of(&payload)), "{} after {last:?}", number_of(&payload));
        last = Some(number_of(&payload));
        pongs += 1;
        // While the peer catches up with reading, it goes on sending pings.
        if pongs % 50 == 0 && sent < COUNT + 500 {
            peer.say(&ping(sent));
            sent += 1;
        }
    }
    // The kernel and our output of 64 KiB held that many; the others were never kept.
    assert!(pongs < COUNT / 2, "{pongs}");
}

#[test]
fn writes_while_a_peer_floods() {
    let door = Door::new();
    let mut client = Client::start(&door.url(), &Options::default());
    let mut peer = door.peer();
    client.opened();
    let over = Arc::new(AtomicBool::new(false));
    let (mut stream, stop) = (Peer { stream: peer.stream.try_clone().unwrap() }, Arc::clone(&over));
    let flood = thread::spawn(move || {
        let pings = frame(PING, &[0; 100]).repeat(4 * KIB);
        while !stop.load(Ordering::Relaxed) {
            stream.say(&pings);
        }
    });
    for number in 0..50 {
        assert_eq!(peer.hear().0, PONG);
        client.send(vec![number]);
        while peer.hear() != (BINARY, vec![number]) {}
    }
    client.close(1000, "");
    while peer.hear().0 != CLOSE {}
    over.store(true, Ordering::Relaxed);
    flood.join().unwrap();
}

#[test]
fn counts_exactly_what_the_transport_never_took() {
    let door = Door::narrow();
    let mut client = Client::start(&door.url(), &Options::default());
    let mut peer = door.peer();
    client.opened();
    let sizes: Vec<usize> = (0..40).map(|number| [300 * KIB, 10, 20_000, MIB][number % 4]).collect();
    let total: usize = sizes.iter().sum();
    for size in &sizes {
        client.send(vec![1; *size]);
    }
    assert_eq!(client.flush(MOMENT), None);
    // The peer reads a part, so that a message is half written.
    for size in &sizes[..6] {
        assert_eq!(peer.hear().1.len(), *size);
    }
    client.is_down_to(total - sizes[..6].iter().sum::<usize>());
    client.connection.outbox.end_by(Wish::Terminate);
    client.end();
    let buffered = client.connection.outbox.buffered();
    assert!(buffered > 0 && client.flush(Duration::MAX) == Some(Progress::Ended));
    // What the transport took still arrives.
    let mut rest = Vec::new();
    peer.stream.read_to_end(&mut rest).unwrap();
    let mut arrived = rest.len();
    let mut unread = 0;
    for size in &sizes[6..] {
        let header = 4 + if *size < 126 {
            2
        } else if *size < 65_536 {
            4
        } else {
            10
        };
        arrived -= header.min(arrived);
        unread += size - arrived.min(*size);
        arrived -= arrived.min(*size);
    }
    assert_eq!(buffered, unread);
}

#[cfg(target_os = "linux")]
#[test]
fn the_kernel_takes_little_for_a_peer_that_does_not_read() {
    let options = Options {
        ping_interval: Some(Duration::from_millis(100)),
        ping_timeout: Some(Duration::from_secs(1)),
        ..Options::default()
    };
    let door = Door::narrow();
    let mut client = Client::start(&door.url(), &options);
    let _peer = door.peer();
    client.opened();
    client.send(vec![7; 12 * MIB]);
    // The transport has taken all that it takes when keepalive ends the connection.
    assert_eq!(client.end().error, Some(ErrorCode::Keepalive));
    let taken = 12 * MIB - client.connection.outbox.buffered();
    assert!(taken > 0 && taken < MIB, "{taken} bytes were taken");
}

#[test]
fn refuses_over_the_limit_and_accepts_again_when_everything_is_written() {
    let one = message(Kind::Binary, vec![0; 64 * KIB]).cost();
    let options = Options { max_buffered: 300 * one, ..Options::default() };
    let door = Door::narrow();
    let mut client = Client::start(&door.url(), &options);
    let mut peer = door.peer();
    client.opened();
    let mut sent = 0;
    let refusal = loop {
        match client.connection.outbox.send(message(Kind::Binary, vec![0; 64 * KIB])) {
            Ok(()) => sent += 1,
            Err(refusal) => break refusal,
        }
    };
    assert!(matches!(refusal, Refusal::Full(held) if held >= options.max_buffered), "{refusal:?}");
    assert!(sent >= 300);
    let reader = thread::spawn(move || {
        for _ in 0..sent {
            assert_eq!(peer.hear().1.len(), 64 * KIB);
        }
        peer
    });
    assert_eq!(client.flush(crate::support::PATIENCE), Some(Progress::Written));
    assert_eq!(client.connection.outbox.buffered(), 0);
    let mut peer = reader.join().unwrap();
    client.send(b"again");
    assert_eq!(peer.hear(), (BINARY, b"again".to_vec()));
}
