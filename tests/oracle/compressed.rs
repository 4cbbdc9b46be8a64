//! Compares the codec with zlib, as Python has it. We inflate what zlib deflates at every level, strategy, window and kind
//! of flush, and refuse damaged data where zlib refuses it; zlib inflates what we deflate.

use std::io::Write;
use std::process::{Command, Stdio};

use data_encoding::HEXLOWER;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use websocket_core::close::CloseCode;
use websocket_core::event::Kind;
use websocket_core::extension::{Agreed, Compression};
use websocket_core::protocol::{Coding, Decoder, Deflated, Deflater, Deflating, Encoder, Incoming, Inflater, Limits};

use super::decode;
use super::streams::cuts;

const LIMITS: Limits = Limits { max_message_size: 1024 * 1024, max_fragments: usize::MAX };

/// Runs the Python side, and returns the lines that it prints.
fn zlib(arguments: &[&str], input: &str) -> Vec<String> {
    let mut python = Command::new("python3")
        .arg("tests/oracle/zlib_oracle.py")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is needed");
    // It reads all its input before it writes.
    python.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// An agreement with the same window and takeover for both directions.
fn agreed(takeover: bool, bits: u8) -> Agreed {
    Agreed {
        client_no_context_takeover: !takeover,
        server_no_context_takeover: !takeover,
        client_max_window_bits: bits,
        server_max_window_bits: bits,
        answer: String::new(),
    }
}

/// Parses `opcode:payload`.
fn message(word: &str) -> Incoming {
    let (opcode, payload) = word.split_once(':').unwrap();
    let kind = if opcode == "1" { Kind::Text } else { Kind::Binary };
    Incoming::Message(kind, HEXLOWER.decode(payload.as_bytes()).unwrap())
}

#[test]
fn inflates_what_zlib_deflates_and_refuses_what_it_refuses() {
    const CONVERSATIONS: &str = "200";
    let seed: u32 = rand::random();
    let mut runner = TestRunner::default();
    let (mut messages, mut refused) = (0, 0);
    for (at, line) in zlib(&["write", &seed.to_string(), CONVERSATIONS], "").iter().enumerate() {
        let [takeover, bits, stream, outcome, words @ ..] = &line.split(' ').collect::<Vec<_>>()[..] else { panic!() };
        let agreed = agreed(*takeover == "1", bits.parse().unwrap());
        let stream = HEXLOWER.decode(stream.as_bytes()).unwrap();
        let expected: Vec<Incoming> = words.iter().map(|word| message(word)).collect();
        for cuts in [vec![usize::MAX], cuts().new_tree(&mut runner).unwrap().current()] {
            let decoder = Decoder::new(LIMITS, Some(Inflater::new(&agreed)));
            let (mut incoming, violation) = decode(decoder, &stream, &cuts);
            incoming.retain(|event| !matches!(event, Incoming::Ping(_)));
            let code = violation.map(|violation| violation.code);
            let expected_code = (*outcome == "corrupt").then_some(CloseCode::INVALID_DATA);
            assert!(incoming == expected && code == expected_code, "seed {seed}, line {at}: {code:?}, cut {cuts:?}");
        }
        messages += expected.len();
        refused += usize::from(*outcome == "corrupt");
    }
    assert!(messages > 500 && refused > 5, "{messages} messages, {refused} conversations refused");
}

/// A client's conversation: what was agreed, the level, and messages.
fn conversation() -> impl Strategy<Value = (Agreed, u8, Vec<(Kind, Vec<u8>)>)> {
    let message = prop_oneof![
        40 => "(price|[0-9]{1,3}|\\{\"symbol\": \"BTC\"|é){0,200}".prop_map(|text| (Kind::Text, text.into_bytes())),
        10 => Just((Kind::Text, Vec::new())),
        10 => prop::collection::vec(any::<u8>(), 0..2000).prop_map(|bytes| (Kind::Binary, bytes)),
        10 => (any::<u8>(), 0..20_000_usize).prop_map(|(byte, length)| (Kind::Binary, vec![byte; length])),
        // Deflated in more than one step.
        1 => (0..64_usize, 260_000..530_000_usize)
            .prop_map(|(seed, length)| (Kind::Binary, (0..length).map(|at| ((at * seed) >> 12) as u8).collect())),
    ];
    (any::<bool>(), 9..=15_u8, 1..=9_u8, prop::collection::vec(message, 1..8))
        .prop_map(|(takeover, bits, level, messages)| (agreed(takeover, bits), level, messages))
}

/// Deflates a whole message; `None` if it is to be sent uncompressed.
fn deflate(deflater: &mut Deflater, payload: &[u8]) -> Option<Vec<u8>> {
    let mut deflating = Deflating::default();
    loop {
        match deflater.advance(payload, deflating) {
            Deflated::Part(part) => deflating = part,
            Deflated::Whole(compressed) => return Some(compressed),
            Deflated::Plain => return None,
        }
    }
}

#[test]
fn deflates_what_zlib_inflates() {
    let mut runner = TestRunner::default();
    let conversations = prop::collection::vec(conversation(), 100).new_tree(&mut runner).unwrap().current();
    let mut input = String::new();
    for (agreed, level, messages) in &conversations {
        let compression = Compression { threshold: 20, level: *level, ..Compression::default() };
        let mut deflater = Deflater::new(agreed, &compression);
        let (mut encoder, mut stream) = (Encoder::new(), Vec::new());
        for (kind, payload) in messages {
            match deflate(&mut deflater, payload) {
                Some(deflated) => encoder.message(&mut stream, *kind, Coding::Deflated, &deflated),
                None => encoder.message(&mut stream, *kind, Coding::Plain, payload),
            }
        }
        let takeover = u8::from(!agreed.client_no_context_takeover);
        input += &format!("{takeover} {} {}\n", agreed.client_max_window_bits, HEXLOWER.encode(&stream));
    }
    let lines = zlib(&["read"], &input);
    assert_eq!(lines.len(), conversations.len());
    for (line, conversation) in lines.iter().zip(&conversations) {
        let read: Vec<Incoming> = line.split(' ').map(message).collect();
        let sent: Vec<Incoming> =
            conversation.2.iter().map(|(kind, payload)| Incoming::Message(*kind, payload.clone())).collect();
        assert!(read == sent, "{conversation:?}");
    }
}
