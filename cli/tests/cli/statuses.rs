//! How the program ends, and what it says then.

use std::io::Write;

use super::program::{Ended, Program, answer_close, close_with};
use super::support::peer::{Door, TEXT, close, frame};

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

#[test]
fn an_end_in_order_is_status_0() {
    for code in [1000, 1001] {
        let door = Door::new();
        let program = Program::start(&[&door.url()]);
        close_with(door.peer(), b"", code);
        assert_eq!(program.wait(), Ended::well(""));
    }
}

#[test]
fn a_connection_that_does_not_open_or_is_lost_is_status_1() {
    let door = Door::new();
    let address = door.address();
    drop(door);
    let refused = Program::run(&[&format!("ws://{address}/?token=secret")], b"hello\n");
    assert_eq!(refused.status, Some(1));
    assert!(refused.stderr.contains("connection refused") && !refused.stderr.contains("secret"), "{}", refused.stderr);

    let door = Door::new();
    let program = Program::start(&[&door.url()]);
    let mut socket = door.socket();
    socket.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").unwrap();
    let forbidden = program.wait();
    assert_eq!(forbidden.status, Some(1));
    assert!(forbidden.stderr.contains("403"), "{}", forbidden.stderr);

    let door = Door::new();
    let program = Program::start(&[&door.url()]);
    let mut peer = door.peer();
    peer.say(&frame(TEXT, b"last words"));
    drop(peer);
    let lost = program.wait();
    assert_eq!((lost.status, &*lost.stdout), (Some(1), "last words\n"));
    assert!(lost.stderr.starts_with("websocket: ") && lost.stderr.lines().count() == 1, "{}", lost.stderr);
}

#[test]
fn a_server_that_breaks_the_protocol_is_status_1() {
    let door = Door::new();
    let program = Program::start(&[&door.url()]);
    let mut peer = door.peer();
    peer.say(&frame(TEXT, b"\xff"));
    assert_eq!(peer.hear_close().0, 1007);
    drop(peer);
    let ended = program.wait();
    assert_eq!(ended.status, Some(1));
    assert!(ended.stderr.contains("UTF-8"), "{}", ended.stderr);
}

#[test]
fn a_close_that_tells_of_an_error_is_status_3_with_its_code_and_reason() {
    let door = Door::new();
    let program = Program::start(&[&door.url()]);
    let mut peer = door.peer();
    peer.say(&close(4003, "go \u{1b}[31maway"));
    assert_eq!(peer.hear_close().0, 4003);
    drop(peer);
    let text = "closed by the server with 4003: \"go \\x1b[31maway\"";
    assert_eq!(program.wait(), Ended::badly(3, "", text));
}

#[test]
fn a_close_in_order_in_place_of_the_answer_is_status_4() {
    let door = Door::new();
    let program = Program::start(&[&door.url(), "-x", "hello"]);
    let mut peer = door.peer();
    assert_eq!(peer.hear().1, b"hello");
    close_with(peer, b"", 1000);
    assert_eq!(program.wait(), Ended::badly(4, "", "closed by the server with 1000 before it has answered"));
}

#[test]
fn arguments_that_cannot_be_used_are_status_2() {
    let ended = Program::run(&["ws://127.0.0.1:1/", "--wait", "soon"], b"");
    let text = "--wait must be a number of seconds from 0 to 1000000000, or \"forever\", got \"soon\"";
    assert_eq!(ended, Ended::badly(2, "", text));
    let missing = Program::run(&["wss://127.0.0.1:1/", "--ca", "/does/not/exist.pem"], b"");
    assert_eq!(missing.status, Some(2));
    assert!(missing.stderr.contains("--ca \"/does/not/exist.pem\""), "{}", missing.stderr);
}

#[test]
fn prints_its_usage_and_its_version() {
    let usage = Program::run(&["ws://host", "--help"], b"");
    assert_eq!((usage.status, &*usage.stderr), (Some(0), ""));
    assert!(usage.stdout.starts_with("Usage: websocket [OPTIONS] URL\n"), "{}", usage.stdout);
    let version = format!("websocket {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(Program::run(&["-V"], b""), Ended::well(&version));
}

#[test]
fn gives_up_at_ctrl_c_while_it_connects_and_while_it_waits_to_connect_again() {
    let door = Door::new();
    let program = Program::start(&[&door.url(), "-v"]);
    let _silent = door.socket();
    program.signal_after("debug opening handshake", "INT");
    assert_eq!(program.wait().signal, Some(SIGINT));

    let door = Door::new();
    let url = door.url();
    drop(door);
    let program = Program::start(&[&url, "--reconnect"]);
    program.signal_after("reconnecting in", "TERM");
    assert_eq!(program.wait().signal, Some(SIGTERM));
}

#[test]
fn waits_for_no_answer_to_its_close_at_ctrl_c() {
    let door = Door::new();
    let program = Program::start(&[&door.url(), "-x", "hello"]);
    let mut peer = door.peer();
    peer.hear();
    peer.say(&frame(TEXT, b"answer"));
    assert_eq!(peer.hear_close().0, 1000);
    program.signal("INT");
    let ended = program.wait();
    assert_eq!((ended.signal, &*ended.stdout), (Some(SIGINT), "answer\n"));
}

#[test]
fn closes_in_order_at_the_first_ctrl_c_and_ends_at_once_at_the_second() {
    for answers in [true, false] {
        let door = Door::new();
        let program = Program::start(&[&door.url()]);
        let mut peer = door.peer();
        peer.say(&frame(TEXT, b"ready"));
        assert_eq!(program.line(), "ready");
        program.signal("INT");
        if answers {
            answer_close(peer, 1001, b"");
        } else {
            assert_eq!(peer.hear_close().0, 1001);
            program.signal("INT");
        }
        let ended = program.wait();
        assert_eq!((ended.status, ended.signal), (None, Some(SIGINT)));
    }
}
