//! An open connection: messages in both directions and in order, pings, keepalive, and connections that do not interfere.

use std::collections::HashMap;
use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::support::client::{Client, Host, message};
use crate::support::peer::{BINARY, CLOSE, Door, PING, PONG, Peer, TEXT, close, frame};
use crate::support::plan;
use tokio_tungstenite::tungstenite;
use websocket_core::connection::{Outgoing, Refusal};
use websocket_core::error::ErrorCode;
use websocket_core::event::{EndedBy, Event, Kind};
use websocket_core::options::Options;
use websocket_core::transport::resolver;

/// Echoes every message with tungstenite's WebSocket, until the client closes.
fn echo(door: Door, connections: usize) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let serving: Vec<_> = (0..connections)
            .map(|_| {
                let mut socket = tungstenite::accept(door.socket()).unwrap();
                thread::spawn(move || {
                    while let Ok(message) = socket.read() {
                        if message.is_text() || message.is_binary() {
                            socket.send(message).unwrap();
                        }
                    }
                })
            })
            .collect();
        for thread in serving {
            thread.join().unwrap();
        }
    })
}

#[test]
fn carries_messages_of_all_sizes_both_ways_in_order() {
    let door = Door::new();
    let mut client = Client::start(&door.url(), &Options::default());
    let server = echo(door, 1);
    let sizes = [0, 1, 125, 126, 16_384, 16_385, 65_535, 65_536, 300_000, 0, 7];
    let sent: Vec<(Kind, Vec<u8>)> = (0..5 * sizes.len())
        .map(|number| {
            let kind = if number % 3 == 0 { Kind::Binary } else { Kind::Text };
            (kind, vec![b'a' + number as u8 % 26; sizes[number % sizes.len()]])
        })
        .collect();
    // The first ones are sent before the connection is open.
    for (kind, payload) in &sent {
        client.connection.outbox.send(message(*kind, payload.clone())).unwrap();
    }
    client.opened();
    for (number, expected) in sent.iter().enumerate() {
        match client.next() {
            Event::Message(kind, payload) => assert!((kind, payload) == *expected, "message {number}"),
            event => panic!("{event:?}"),
        }
    }
    client.close(1000, "");
    assert_eq!(client.closing().0, 1000);
    assert!(client.end().clean);
    server.join().unwrap();
}

#[test]
fn the_end_names_the_server_that_was_reached() {
    let (first, second) = (Door::new(), Door::new());
    let location = format!("http://{}/", second.address());
    let redirect = format!("HTTP/1.1 302 Go\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    let mut client = Client::start(&first.url(), &Options { max_redirects: 1, ..Options::default() });
    let mut redirecting = first.socket();
    redirecting.write_all(redirect.as_bytes()).unwrap();
    let peer = second.peer();
    client.opened();
    drop(peer);
    let end = client.end();
    assert!(end.text.ends_with(&format!(": connection to {}", second.address())), "{}", end.text);
}

#[test]
fn delivers_frames_that_came_with_the_response() {
    let door = Door::new();
    let mut client = Client::start(&door.url(), &Options::default());
    let frames = [frame(TEXT, b"one"), frame(BINARY, b"two"), close(1000, "")].concat();
    let mut peer = Peer::shake_hands_and_say(door.socket(), &frames);
    client.opened();
    assert_eq!((client.message(), client.message()), (b"one".to_vec(), b"two".to_vec()));
    assert_eq!(client.closing().0, 1000);
    assert_eq!(peer.hear_close().0, 1000);
    drop(peer);
    assert!(client.end().clean);
}

#[test]
fn answers_pings_between_fragments_without_the_script() {
    let door = Door::new();
    let mut client = Client::start(&door.url(), &Options::default());
    let mut peer = door.peer();
    peer.say(&[frame(0x01, b"a"), frame(PING, b"p"), frame(0x80, b"b")].concat());
    assert_eq!(peer.hear(), (PONG, b"p".to_vec()));
    client.opened();
    assert_eq!(client.message(), b"ab");
    peer.say(&frame(PONG, b"unasked"));
    assert!(matches!(client.next(), Event::Pong(payload) if payload == b"unasked"));
}

#[test]
fn delivers_pings_with_report_pings() {
    let door = Door::new();
    let mut client = Client::start(&door.url(), &Options { report_pings: true, ..Options::default() });
    let mut peer = door.peer();
    peer.say(&frame(PING, b"p"));
    client.opened();
    assert!(matches!(client.next(), Event::Ping(payload) if payload == b"p"));
    assert_eq!(peer.hear(), (PONG, b"p".to_vec()));
}

#[test]
fn keeps_events_of_several_hosts_and_connections_apart() {
    let door = Door::new();
    let url = door.url();
    let server = echo(door, 40);
    let hosts: Vec<_> = (0..4_u64)
        .map(|name| {
            let url = url.clone();
            thread::spawn(move || {
                let mut host = Host::new();
                let options = Options::default();
                let connections: HashMap<_, _> =
                    (0..10).map(|id| (id, host.start(plan(&url, &options), &options, id))).collect();
                let payload = |id: u64, number: u64| format!("{name} {id} {number}").into_bytes();
                for (id, connection) in &connections {
                    for number in 0..20 {
                        connection.outbox.send(message(Kind::Text, payload(*id, number))).unwrap();
                    }
                }
                let (mut counts, mut ended) = (HashMap::new(), 0);
                while ended < connections.len() {
                    match host.next_charged() {
                        (id, Event::Message(_, message), _) => {
                            let count = counts.entry(id).or_insert(0);
                            assert_eq!(message, payload(id, *count));
                            *count += 1;
                            if *count == 20 {
                                connections[&id].outbox.end_by(websocket_core::connection::Wish::Close(None));
                            }
                        }
                        (_, Event::End(end), _) => {
                            assert!(end.clean, "{end:?}");
                            ended += 1;
                        }
                        _ => {}
                    }
                }
                assert!(counts.values().all(|count| *count == 20));
            })
        })
        .collect();
    for host in hosts {
        host.join().unwrap();
    }
    server.join().unwrap();
}

#[test]
fn reports_a_panic_as_internal_while_other_connections_live() {
    let door = Door::new();
    let options = Options::default();
    let mut alive = Client::start(&door.url(), &options);
    let mut peer = door.peer();
    alive.opened();

    let panicking = resolver(|_, _| async { panic!("on purpose, by a test") });
    let mut client = Client::planned(plan("ws://host.example/", &options).with_resolver(panicking), &options);
    let end = client.end();
    assert_eq!((end.error, end.code, end.clean), (Some(ErrorCode::Internal), 1006, false));
    let refused = client.connection.outbox.send(Outgoing::Ping(Vec::new()));
    assert_eq!(refused, Err(Refusal::Closed));

    peer.say(&frame(TEXT, b"still here"));
    assert_eq!(alive.message(), b"still here");
    alive.send(b"me too");
    assert_eq!(peer.hear().1, b"me too");
}

#[test]
fn fails_by_keepalive_if_the_peer_is_silent() {
    let door = Door::new();
    let options = Options {
        ping_interval: Some(Duration::from_millis(50)),
        ping_timeout: Some(Duration::from_millis(100)),
        ..Options::default()
    };
    let mut client = Client::start(&door.url(), &options);
    let mut peer = door.peer();
    client.opened();
    let (first, payload) = peer.hear();
    assert_eq!((first, payload.len()), (PING, 8));
    let end = client.end();
    assert_eq!((end.error, end.by, end.code), (Some(ErrorCode::Keepalive), EndedBy::Timeout, 1006));
    peer.hears_the_end();
}

#[test]
fn stays_open_if_the_peer_answers_a_keepalive_ping_with_anything() {
    let door = Door::new();
    let options = Options {
        ping_interval: Some(Duration::from_millis(20)),
        ping_timeout: Some(Duration::from_secs(5)),
        ..Options::default()
    };
    let mut client = Client::start(&door.url(), &options);
    let mut peer = door.peer();
    client.opened();
    assert_eq!(client.connection.latency(), None);
    let mut payloads = Vec::new();
    for number in 0..6 {
        let (first, payload) = peer.hear();
        assert_eq!(first, PING);
        // A message is also a sign of life.
        peer.say(&if number % 2 == 0 { frame(PONG, &payload) } else { frame(TEXT, b"alive") });
        payloads.push(payload);
    }
    payloads.dedup();
    assert_eq!(payloads.len(), 6, "each ping has its own payload");
    for _ in 0..3 {
        assert_eq!(client.message(), b"alive", "and no pong of the keepalive is delivered");
    }
    assert!(client.connection.latency().unwrap() < Duration::from_secs(5));
    client.close(1000, "");
    while peer.hear().0 != CLOSE {}
}
