//! What is sent and what is printed.

use std::io::ErrorKind;
use std::thread;
use std::time::{Duration, Instant};

use super::program::{Ended, Program, answer_close, close_with};
use super::support::peer::{BINARY, Door, Peer, TEXT, frame};

#[test]
fn sends_each_line_of_a_pipe_prints_the_answers_and_closes_in_order() {
    let door = Door::new();
    let mut program = Program::start(&[&door.url()]);
    let mut peer = door.peer();
    program.write(b"one\r\n\n  two \nlast");
    drop(program.child.stdin.take());
    for line in ["one", "", "  two ", "last"] {
        assert_eq!(peer.hear(), (TEXT, line.into()));
        peer.say(&frame(TEXT, format!("<{line}>").as_bytes()));
    }
    answer_close(peer, 1000, b"");
    assert_eq!(program.wait(), Ended::well("<one>\n<>\n<  two >\n<last>\n"));
}

#[test]
fn prints_what_arrives_while_lines_are_typed() {
    let door = Door::new();
    let mut program = Program::start(&[&door.url()]);
    let mut peer = door.peer();
    peer.say(&frame(TEXT, "gr\u{fc}\u{df} dich".as_bytes()));
    assert_eq!(program.line(), "gr\u{fc}\u{df} dich");
    program.write(b"hello\n");
    assert_eq!(peer.hear(), (TEXT, b"hello".to_vec()));
    close_with(peer, &[frame(TEXT, b"a\nb"), frame(BINARY, b"\x00\xff")].concat(), 1000);
    assert_eq!(program.wait(), Ended::well("a\nb\n00ff\n"));
}

#[test]
fn stays_after_the_end_of_the_input_for_as_long_as_wait_says() {
    let door = Door::new();
    let program = Program::start(&[&door.url(), "--wait", "forever"]);
    let peer = door.peer();
    let waiting = thread::spawn(move || program.end());
    close_with(peer, &frame(TEXT, b"news"), 1001);
    assert_eq!(waiting.join().unwrap(), Ended::well("news\n"));

    let door = Door::new();
    let program = Program::start(&[&door.url(), "--wait=0"]);
    let peer = door.peer();
    let waiting = thread::spawn(move || program.end());
    answer_close(peer, 1000, &frame(TEXT, b"on its way"));
    assert_eq!(waiting.join().unwrap(), Ended::well("on its way\n"));
}

#[test]
fn stays_after_the_end_of_the_input_while_messages_arrive() {
    let door = Door::new();
    let program = Program::start(&[&door.url(), "--wait=2"]);
    let mut peer = door.peer();
    let waiting = thread::spawn(move || program.end());
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(2500) {
        peer.say(&frame(TEXT, b"tick"));
        thread::sleep(Duration::from_millis(50));
    }
    peer.stream.set_nonblocking(true).unwrap();
    let heard = peer.stream.peek(&mut [0]).unwrap_err();
    assert_eq!(heard.kind(), ErrorKind::WouldBlock);
    peer.stream.set_nonblocking(false).unwrap();
    close_with(peer, b"", 1000);
    assert_eq!(waiting.join().unwrap().status, Some(0));
}

#[test]
fn sends_each_message_of_x_after_the_answer_to_that_before_and_exits() {
    let door = Door::new();
    let program = Program::start(&["-x", "one", "-x", "two", &door.url()]);
    // What the server says first is no answer.
    let mut peer = Peer::shake_hands_and_say(door.socket(), &frame(TEXT, b"welcome"));
    assert_eq!(program.line(), "welcome");
    assert_eq!(peer.hear(), (TEXT, b"one".to_vec()));
    peer.say(&frame(TEXT, b"1"));
    assert_eq!(program.line(), "1");
    assert_eq!(peer.hear(), (TEXT, b"two".to_vec()));
    peer.say(&frame(TEXT, b"2"));
    assert_eq!(peer.hear_close().0, 1000);
    drop(peer);
    assert_eq!(program.wait(), Ended::well("2\n"));
}

#[test]
fn takes_an_answer_that_comes_together_with_the_end() {
    let door = Door::new();
    let program = Program::start(&[&door.url(), "-x", "hello"]);
    let mut peer = door.peer();
    assert_eq!(peer.hear(), (TEXT, b"hello".to_vec()));
    peer.say(&frame(TEXT, b"answer"));
    drop(peer);
    assert_eq!(program.wait(), Ended::well("answer\n"));
}

#[test]
fn x_says_when_no_answer_comes_in_time() {
    let door = Door::new();
    let program = Program::start(&[&door.url(), "-x", "hello", "--wait", "0.05"]);
    let mut peer = door.peer();
    assert_eq!(peer.hear(), (TEXT, b"hello".to_vec()));
    assert_eq!(program.note(), "websocket: no answer within 0.05 s");
    answer_close(peer, 1000, b"");
    let ended = program.wait();
    assert_eq!((ended.status, &*ended.stdout), (Some(4), ""));
}

#[test]
fn binary_sends_the_bytes_that_the_digits_stand_for() {
    let door = Door::new();
    let mut program = Program::start(&[&door.url(), "--binary"]);
    let mut peer = door.peer();
    program.write(b"00 01 FE ff\n\n");
    assert_eq!(peer.hear(), (BINARY, vec![0, 1, 254, 255]));
    assert_eq!(peer.hear(), (BINARY, Vec::new()));
    close_with(peer, &[frame(BINARY, &[0xab; 40_000]), frame(TEXT, b"text")].concat(), 1000);
    assert_eq!(program.wait(), Ended::well(&format!("{}\ntext\n", "ab".repeat(40_000))));
}

#[test]
fn json_lays_out_what_is_json_and_prints_the_rest_as_it_is() {
    let door = Door::new();
    let program = Program::start(&[&door.url(), "--json"]);
    let large = br#"{"z":12345678901234567890,"a":[]}"#;
    let frames = [frame(TEXT, large), frame(TEXT, b"no {json"), frame(BINARY, b"{}")].concat();
    close_with(door.peer(), &frames, 1000);
    let expected = "{\n  \"z\": 12345678901234567890,\n  \"a\": []\n}\nno {json\n7b7d\n";
    assert_eq!(program.wait(), Ended::well(expected));
}

#[test]
fn a_line_that_is_no_message_ends_a_pipe_after_what_stands_before_it() {
    for (option, input, sent, text) in [
        ("--json", &b"good\n\xff\nnever\n"[..], &b"good"[..], "line 2 is not valid UTF-8 at byte 1"),
        ("--binary", b"00\nxy\n11\n", b"\0", "line 2 has something else than a hexadecimal digit at byte 1"),
    ] {
        let door = Door::new();
        let mut program = Program::start(&[&door.url(), option]);
        let mut peer = door.peer();
        program.write(input);
        assert_eq!(peer.hear().1, sent);
        answer_close(peer, 1000, b"");
        let ended = program.wait();
        assert_eq!((ended.status, &*ended.stdout), (Some(2), ""));
        assert!(ended.stderr.starts_with(&format!("websocket: {text}")), "{}", ended.stderr);
    }
}
