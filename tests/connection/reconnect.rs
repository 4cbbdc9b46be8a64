//! Connections that are opened again: which ends heal, what becomes of messages, and how the script ends it.

use std::time::{Duration, Instant};

use crate::support::client::{Client, message};
use crate::support::peer::{BINARY, Door, Peer, close, frame};
use websocket_core::connection::{Answer, Refusal, Wish};
use websocket_core::error::ErrorCode;
use websocket_core::event::{Event, Kind, Reconnecting};
use websocket_core::options::{Options, Reconnect};

const KIB: usize = 1024;

/// Options with which the attempts follow each other quickly.
fn quick() -> Options {
    let delay = Duration::from_millis(10);
    Options {
        reconnect: Some(Reconnect { min_delay: delay, max_delay: delay, ..Reconnect::default() }),
        ..Options::default()
    }
}

fn with(change: impl FnOnce(&mut Reconnect)) -> Options {
    let mut options = quick();
    change(options.reconnect.as_mut().unwrap());
    options
}

/// Waits until the connection is to be opened again; messages and the peer's Close may come before.
fn reconnecting(client: &mut Client) -> Reconnecting {
    loop {
        match client.next() {
            Event::Reconnecting(reconnecting) => return *reconnecting,
            Event::Message(..) | Event::Closing { .. } => {}
            event => panic!("not reconnecting: {event:?}"),
        }
    }
}

#[test]
fn opens_again_after_each_loss_and_sends_what_was_sent_meanwhile() {
    let door = Door::new();
    let mut client = Client::start(&door.url(), &quick());
    client.send("before open");
    let mut peer = door.peer();
    client.opened();
    assert_eq!(peer.hear().1, b"before open");
    for round in 1..=3 {
        drop(peer);
        let Reconnecting { attempt, error, code, lost, .. } = reconnecting(&mut client);
        assert_eq!((attempt, error, code, lost.count), (round, None, 1006, 0));
        client.send(format!("while away {round}"));
        peer = door.peer();
        client.opened();
        client.send(format!("again {round}"));
        assert_eq!(peer.hear().1, format!("while away {round}").into_bytes());
        assert_eq!(peer.hear().1, format!("again {round}").into_bytes());
        peer.say(&frame(BINARY, b"hello"));
        assert_eq!(client.message(), b"hello");
    }
    client.close(1000, "");
    assert_eq!(peer.hear_close().0, 1000);
    peer.say(&close(1000, ""));
    assert_eq!(client.closing().0, 1000);
    assert!(client.end().clean);
}

#[test]
fn opens_again_after_codes_that_heal_and_ends_after_the_others() {
    for (code, heals) in [
        (1000, false),
        (1001, true),
        (1003, false),
        (1008, false),
        (1011, true),
        (1012, true),
        (1013, true),
        (1014, true),
        (4000, false),
    ] {
        let door = Door::new();
        let mut client = Client::start(&door.url(), &quick());
        let mut peer = door.peer();
        client.opened();
        peer.say(&close(code, "why"));
        assert_eq!(peer.hear_close().0, code);
        drop(peer);
        if heals {
            let again = reconnecting(&mut client);
            assert_eq!((again.code, &*again.reason, again.error), (code, "why", None));
            assert_eq!(again.text, format!("the peer closed the connection with {code}"));
            let _peer = door.peer();
            client.opened();
        } else {
            assert_eq!(client.closing().0, code);
            assert_eq!(client.end().code, code);
        }
    }
}

#[test]
fn ends_after_a_violation() {
    let door = Door::new();
    let mut client = Client::start(&door.url(), &quick());
    let mut peer = door.peer();
    client.opened();
    peer.say(&[0x83, 0]);
    assert_eq!(peer.hear_close().0, 1002);
    drop(peer);
    assert!(client.end().violation);
}

#[test]
fn a_message_that_was_cut_is_lost_and_counted_and_those_after_it_arrive_in_order() {
    // Where the transport's end falls between two messages, none is cut.
    assert!((0..20).any(|_| cuts_a_message()));
}

/// Loses a connection while its transport is full; returns whether that has cut a message.
fn cuts_a_message() -> bool {
    const COUNT: u32 = 200;
    let door = Door::narrow();
    let mut client = Client::start(&door.url(), &Options { max_buffered: usize::MAX, ..quick() });
    let peer = door.peer();
    client.opened();
    for number in 0..COUNT {
        let mut payload = vec![7; 64 * KIB + number as usize];
        payload[..4].copy_from_slice(&number.to_be_bytes());
        client.send(payload);
    }
    // Wait until the transport is full: the count does not change any more.
    let mut known = usize::MAX;
    while client.connection.outbox.buffered() != known {
        known = client.connection.outbox.buffered();
        client.expect_no_event_for(Duration::from_millis(300));
    }
    peer.reset();
    let Reconnecting { lost, .. } = reconnecting(&mut client);
    assert!(lost.count <= 1, "{lost:?}");
    let mut peer = door.peer();
    client.opened();
    let first = u32::from_be_bytes(peer.hear().1[..4].try_into().unwrap());
    assert!(first > 0);
    if lost.count == 1 {
        assert_eq!(lost.bytes, 64 * KIB + first as usize - 1);
    }
    for number in first + 1..COUNT {
        let payload = peer.hear().1;
        assert_eq!((&payload[..4], payload.len()), (&number.to_be_bytes()[..], 64 * KIB + number as usize));
    }
    client.is_down_to(0);
    lost.count == 1
}

#[test]
fn what_was_not_written_stays_counted_where_no_attempt_follows() {
    let door = Door::narrow();
    let mut client = Client::start(&door.url(), &Options { max_buffered: usize::MAX, ..quick() });
    let peer = door.peer();
    client.opened();
    client.send(vec![7; 64 * 1024 * KIB]);
    let mut known = usize::MAX;
    while client.connection.outbox.buffered() != known {
        known = client.connection.outbox.buffered();
        client.expect_no_event_for(Duration::from_millis(300));
    }
    assert!(known > 0 && known < 64 * 1024 * KIB);
    client.connection.outbox.end_by(Wish::Terminate);
    client.end();
    assert_eq!(client.connection.outbox.buffered(), known);
    drop(peer);
}

#[test]
fn messages_that_wait_when_the_peer_goes_away_are_kept_for_the_next_connection() {
    const COUNT: u32 = 200;
    let door = Door::narrow();
    let mut client = Client::start(&door.url(), &Options { max_buffered: usize::MAX, ..quick() });
    let mut peer = door.peer();
    client.opened();
    for number in 0..COUNT {
        let mut payload = vec![7; 64 * KIB];
        payload[..4].copy_from_slice(&number.to_be_bytes());
        client.send(payload);
    }
    peer.say(&close(1012, ""));
    assert_eq!(client.closing().0, 1012);
    let mut next = 0_u32;
    let mut hear = |peer: &mut Peer| {
        let (first, payload) = peer.hear();
        if first == 0x88 {
            return false;
        }
        assert_eq!((&payload[..4], payload.len()), (&next.to_be_bytes()[..], 64 * KIB));
        next += 1;
        true
    };
    while hear(&mut peer) {}
    drop(peer);
    assert_eq!(reconnecting(&mut client).lost.count, 0);
    let mut peer = door.peer();
    client.opened();
    client.close(1000, "");
    while hear(&mut peer) {}
    assert_eq!(next, COUNT);
}

#[test]
fn attempts_that_fail_are_counted_and_the_last_one_is_the_end() {
    let door = Door::new();
    let url = door.url();
    let mut client = Client::start(&url, &with(|reconnect| reconnect.max_retries = Some(2)));
    let peer = door.peer();
    client.opened();
    drop(door);
    drop(peer);
    for attempt in 1..=2 {
        assert_eq!(reconnecting(&mut client).attempt, attempt);
    }
    assert_eq!(client.end().error, Some(ErrorCode::Connect));
    assert_eq!(client.connection.outbox.send(message(Kind::Text, "x")), Err(Refusal::Closed));
}

#[test]
fn the_script_ends_it_during_a_delay() {
    for wish in [Wish::Close(None), Wish::Terminate, Wish::Leave(None)] {
        let door = Door::new();
        let slow = with(|reconnect| {
            reconnect.min_delay = Duration::from_secs(3600);
            reconnect.max_delay = Duration::from_secs(3600);
        });
        let mut client = Client::start(&door.url(), &slow);
        drop(door.peer());
        client.opened();
        let delay = reconnecting(&mut client).delay;
        assert!(delay >= Duration::from_secs(1800) && delay <= Duration::from_secs(3600), "{delay:?}");
        client.connection.outbox.end_by(wish);
        let end = client.end();
        assert_eq!((end.code, end.error), (1006, None));
    }
}

#[test]
fn ends_if_the_script_has_closed_when_the_connection_is_lost() {
    let door = Door::new();
    let mut client = Client::start(&door.url(), &quick());
    let mut peer = door.peer();
    client.opened();
    client.close(1000, "");
    peer.hear_close();
    drop(peer);
    assert_eq!(client.end().code, 1006);
}

#[test]
fn the_script_plans_each_attempt() {
    let doors = [Door::new(), Door::new()];
    let mut client = Client::start(&doors[0].url(), &with(|reconnect| reconnect.before = true));
    drop(doors[0].peer());
    client.opened();
    assert_eq!(reconnecting(&mut client).attempt, 1);
    assert!(matches!(client.next(), Event::Preparing(1)));
    client.connection.preparation.answer(Answer::Failed);
    let again = reconnecting(&mut client);
    let cause = "reconnect.before gave no plan; before that: the peer ended the stream";
    assert!(again.attempt == 2 && again.text.starts_with(cause), "{}", again.text);
    assert!(matches!(client.next(), Event::Preparing(2)));
    let plan = crate::support::plan(&doors[1].url(), &Options::default());
    client.connection.preparation.answer(Answer::New(plan.into()));
    drop(doors[1].peer());
    client.opened();
    assert_eq!(reconnecting(&mut client).attempt, 3);
    assert!(matches!(client.next(), Event::Preparing(3)));
    client.connection.preparation.answer(Answer::Same);
    let _peer = doors[1].peer();
    client.opened();
}

#[test]
fn no_attempt_begins_while_the_script_takes_nothing() {
    let door = Door::new();
    let mut client = Client::start(&door.url(), &Options { max_queue: 1, ..quick() });
    drop(door.peer());
    client.opened();
    let (_, event, charge) = client.host.next_charged();
    assert!(matches!(event, Event::Reconnecting(_)));
    client.expect_no_event_for(Duration::from_millis(100));
    drop(charge);
    let _peer = door.peer();
    client.opened();
}

#[test]
fn the_delay_passes_before_an_attempt() {
    let door = Door::new();
    let mut client = Client::start(
        &door.url(),
        &with(|reconnect| {
            reconnect.min_delay = Duration::from_millis(200);
            reconnect.max_delay = Duration::from_millis(200);
            reconnect.jitter = 0.0;
        }),
    );
    let peer = door.peer();
    client.opened();
    let since = Instant::now();
    drop(peer);
    reconnecting(&mut client);
    let _peer = door.peer();
    assert!(since.elapsed() >= Duration::from_millis(200), "{:?}", since.elapsed());
}

#[test]
fn tells_that_messages_are_accepted_again() {
    let door = Door::narrow();
    let options = Options { max_buffered: 100 * KIB, report_drain: true, ..Options::default() };
    let mut client = Client::start(&door.url(), &options);
    let mut peer = door.peer();
    client.opened();
    let mut count = 0;
    loop {
        while client.connection.outbox.send(message(Kind::Binary, vec![1; 10 * KIB])).is_ok() {
            count += 1;
        }
        // The transport may still take some.
        match client.host.next_before(Duration::from_millis(300)) {
            Some((_, Event::Drain, _)) => {}
            Some((_, event, _)) => panic!("{event:?}"),
            None => break,
        }
    }
    for _ in 0..count {
        peer.hear();
    }
    assert!(matches!(client.next(), Event::Drain));
    client.expect_no_event_for(Duration::from_millis(50));
}

#[test]
fn reads_nothing_during_a_pause() {
    let door = Door::new();
    let mut client = Client::start(&door.url(), &Options::default());
    let mut peer = door.peer();
    client.opened();
    client.connection.budget.pause();
    for number in 0..10 {
        peer.say(&frame(BINARY, &[number]));
    }
    client.expect_no_event_for(Duration::from_millis(100));
    client.connection.budget.resume();
    for number in 0..10 {
        assert_eq!(client.message(), [number]);
    }
}
