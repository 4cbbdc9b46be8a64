//! The ways in which a connection ends, and the end that is reported for each.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::client::{Client, body};
use crate::support::peer::{BINARY, CLOSE, Door, PING, TEXT, close, frame};
use websocket_core::connection::{Outgoing, Progress, Refusal, Wish};
use websocket_core::error::ErrorCode;
use websocket_core::event::{EndedBy, Event};
use websocket_core::options::Options;

/// An open connection and its peer.
fn opened(options: &Options) -> (Client, crate::support::peer::Peer) {
    let door = Door::new();
    let mut client = Client::start(&door.url(), options);
    let peer = door.peer();
    client.opened();
    (client, peer)
}

#[test]
fn closes_with_code_and_reason_after_what_was_sent() {
    let (mut client, mut peer) = opened(&Options::default());
    client.send(b"last words");
    client.close(3000, "enough");
    assert_eq!(client.connection.outbox.send(Outgoing::Ping(Vec::new())), Err(Refusal::Closed));
    assert_eq!(peer.hear(), (BINARY, b"last words".to_vec()));
    assert_eq!(peer.hear_close(), (3000, "enough".to_owned()));
    // What comes before the peer's Close is still delivered.
    peer.say(&[frame(TEXT, b"yours"), close(4999, "so be it"), frame(TEXT, b"nobody's")].concat());
    drop(peer);
    assert_eq!(client.message(), b"yours");
    assert_eq!(client.closing(), (4999, "so be it".to_owned()));
    let end = client.end();
    assert_eq!((end.clean, end.by, end.code, &*end.reason), (true, EndedBy::Us, 4999, "so be it"));
    assert_eq!((end.sent_code, end.received_code, end.error), (Some(3000), Some(4999), None));
}

#[test]
fn echoes_the_peers_close_and_drops_messages_that_wait() {
    let (mut client, mut peer) = opened(&Options::default());
    peer.say(&close(1012, "restart"));
    assert_eq!(client.closing(), (1012, "restart".to_owned()));
    assert_eq!(client.connection.outbox.send(Outgoing::Ping(Vec::new())), Err(Refusal::Closed));
    assert_eq!(peer.hear_close(), (1012, String::new()));
    drop(peer);
    let end = client.end();
    assert_eq!((end.clean, end.by, end.code, &*end.reason), (true, EndedBy::Peer, 1012, "restart"));
    assert_eq!((end.sent_code, end.received_code), (Some(1012), Some(1012)));
}

#[test]
fn answers_a_close_without_a_body_with_the_same() {
    let (mut client, mut peer) = opened(&Options::default());
    peer.say(&frame(CLOSE, b""));
    assert_eq!(peer.hear(), (CLOSE, Vec::new()));
    drop(peer);
    assert_eq!(client.closing(), (1005, String::new()));
    let end = client.end();
    assert_eq!((end.clean, end.code, end.sent_code), (true, 1005, Some(1005)));
}

#[test]
fn is_clean_if_close_and_end_of_stream_come_together() {
    for _ in 0..20 {
        let (mut client, mut peer) = opened(&Options::default());
        peer.say(&[frame(TEXT, b"a"), frame(TEXT, b"b"), close(1001, "")].concat());
        peer.stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!((client.message(), client.message()), (b"a".to_vec(), b"b".to_vec()));
        assert_eq!(client.closing().0, 1001);
        let end = client.end();
        assert_eq!((end.clean, end.by, end.code), (true, EndedBy::Peer, 1001));
        assert_eq!(peer.hear_close().0, 1001);
        peer.hears_the_end();
    }
}

#[test]
fn reports_an_end_of_stream_without_close_as_closed_1006() {
    let (mut client, mut peer) = opened(&Options::default());
    peer.say(&[frame(TEXT, b"whole"), frame(0x01, b"half")].concat());
    drop(peer);
    assert_eq!(client.message(), b"whole");
    let end = client.end();
    assert_eq!((end.error, end.clean, end.by, end.code), (None, false, EndedBy::Transport, 1006));
    assert_eq!((end.sent_code, end.received_code), (None, None));
}

#[test]
fn fails_if_a_reset_comes_before_the_peers_close() {
    let (mut client, peer) = opened(&Options::default());
    client.send(b"unread");
    peer.reset();
    let end = client.end();
    assert_eq!((end.error, end.by, end.code), (Some(ErrorCode::Reset), EndedBy::Transport, 1006));
    assert!(end.text.contains("connection to 127.0.0.1:"), "{}", end.text);
}

#[test]
fn reports_the_peers_code_if_the_reset_comes_after_its_close() {
    let (mut client, mut peer) = opened(&Options::default());
    peer.say(&close(4000, "x"));
    // Our answer stays unread, so closing the socket resets the connection.
    peer.reset();
    assert_eq!(client.closing().0, 4000);
    let end = client.end();
    assert_eq!((end.error, end.clean, end.code, &*end.reason), (None, true, 4000, "x"));
}

#[test]
fn times_out_if_the_peer_does_not_answer_our_close() {
    let options = Options { close_timeout: Duration::from_millis(300), ..Options::default() };
    let (mut client, mut peer) = opened(&options);
    let begin = Instant::now();
    client.close(1000, "");
    assert_eq!(peer.hear_close().0, 1000);
    let end = client.end();
    assert!(begin.elapsed() >= Duration::from_millis(300));
    assert_eq!((end.error, end.clean, end.by, end.code), (None, false, EndedBy::Timeout, 1006));
    assert_eq!((end.sent_code, end.received_code), (Some(1000), None));
    assert!(end.text.starts_with("no Close frame from the peer within 0.3 s"), "{}", end.text);
    peer.hears_the_end();
}

#[test]
fn drops_a_peer_that_keeps_the_stream_open_after_both_close_frames() {
    let (mut client, mut peer) = opened(&Options::default());
    let begin = Instant::now();
    peer.say(&close(1000, ""));
    assert_eq!(peer.hear_close().0, 1000);
    assert_eq!(client.closing().0, 1000);
    assert!(client.end().clean);
    // It had time to end the stream itself (RFC 6455 section 7.1.1), but not more than two seconds.
    assert!((2000..9000).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
}

#[test]
fn lets_the_script_answer_what_came_before_a_violation() {
    let (mut client, mut peer) = opened(&Options::default());
    // No server may send a masked frame (RFC 6455 section 5.1).
    peer.say(&[frame(TEXT, b"a"), frame(TEXT, b"b"), b"\x81\x81\0\0\0\0x".to_vec()].concat());
    let (_, first, charge) = client.host.next_charged();
    assert!(matches!(first, Event::Message(_, payload) if payload == b"a"));
    drop(charge);
    let (_, second, charge) = client.host.next_charged();
    assert!(matches!(second, Event::Message(_, payload) if payload == b"b"));
    client.send(b"answer");
    drop(charge);
    assert_eq!(peer.hear(), (BINARY, b"answer".to_vec()));
    let (code, reason) = peer.hear_close();
    assert_eq!(code, 1002);
    drop(peer);
    let end = client.end();
    assert!(end.violation && !end.clean && end.error.is_none());
    assert_eq!((end.by, end.code, end.sent_code), (EndedBy::Us, 1002, Some(1002)));
    assert_eq!((&*end.reason, &*end.text), (&*reason, &*reason));
}

#[test]
fn waits_two_seconds_for_a_script_that_does_not_take_what_came_before_a_violation() {
    let (mut client, mut peer) = opened(&Options::default());
    let begin = Instant::now();
    peer.say(&[frame(TEXT, b"a"), b"\x83\0".to_vec()].concat());
    let (_, _, _charge) = client.host.next_charged();
    // The peer goes on sending, which is ignored, and must not put off the end.
    let mut chatter = peer.stream.try_clone().unwrap();
    let chatting = thread::spawn(move || {
        for _ in 0..10 {
            std::io::Write::write_all(&mut chatter, &frame(TEXT, b"more")).unwrap();
            thread::sleep(Duration::from_millis(20));
        }
    });
    assert_eq!(peer.hear_close().0, 1002);
    chatting.join().unwrap();
    // It does not end the stream either.
    let end = client.end();
    assert!((4000..15_000).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
    assert_eq!((end.violation, end.code), (true, 1002));
}

#[test]
fn terminates_at_once_and_delivers_what_was_received() {
    let (mut client, mut peer) = opened(&Options::default());
    peer.say(&[frame(TEXT, b"received"), frame(PING, b"")].concat());
    // The answer to the ping shows that the message has arrived.
    peer.hear();
    client.connection.outbox.end_by(Wish::Terminate);
    assert_eq!(client.message(), b"received");
    let end = client.end();
    assert_eq!((end.error, end.clean, end.by, end.code, end.sent_code), (None, false, EndedBy::Us, 1006, None));
    peer.hears_the_end();
    assert_eq!(client.flush(Duration::ZERO), Some(Progress::Written));
}

#[test]
fn is_closed_1006_if_the_script_ends_the_connection_before_it_is_open() {
    for wish in [Wish::Close(body(1000, "")), Wish::Leave(body(1001, "")), Wish::Terminate] {
        let door = Door::new();
        let mut client = Client::start(&door.url(), &Options::default());
        let mut socket = door.socket();
        client.send(b"never");
        client.connection.outbox.end_by(wish);
        let end = client.end();
        assert_eq!((end.error, end.by, end.code), (None, EndedBy::Us, 1006));
        assert_eq!(client.flush(Duration::from_secs(10)), Some(Progress::Ended));
        // Perhaps the request arrives, and then the end of the stream.
        std::io::copy(&mut socket, &mut std::io::sink()).unwrap();
    }
}

#[test]
fn leaves_with_1001_after_what_waits_and_delivers_no_more_messages() {
    let (mut client, mut peer) = opened(&Options::default());
    for number in 0..100_u8 {
        client.send([number]);
    }
    client.connection.outbox.end_by(Wish::Leave(body(1001, "")));
    for number in 0..100_u8 {
        assert_eq!(peer.hear(), (BINARY, vec![number]));
    }
    assert_eq!(peer.hear_close().0, 1001);
    peer.say(&[frame(TEXT, b"for nobody"), close(1001, "")].concat());
    drop(peer);
    let end = client.end();
    assert_eq!((end.clean, end.code, end.sent_code), (true, 1001, Some(1001)));
}

#[test]
fn does_not_time_out_while_a_slow_peer_still_reads() {
    let options = Options { close_timeout: Duration::from_secs(2), ..Options::default() };
    let door = Door::narrow();
    let mut client = Client::start(&door.url(), &options);
    let mut peer = door.peer();
    client.opened();
    let begin = Instant::now();
    // More than all buffers hold, so that the last bytes are sent late.
    for _ in 0..250 {
        client.send(vec![7; 64 * 1024]);
    }
    client.close(1000, "");
    for _ in 0..250 {
        assert_eq!(peer.hear().1.len(), 64 * 1024);
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(peer.hear_close().0, 1000);
    assert!(begin.elapsed() > 2 * options.close_timeout);
    peer.say(&close(1000, ""));
    drop(peer);
    client.closing();
    assert!(client.end().clean);
}
