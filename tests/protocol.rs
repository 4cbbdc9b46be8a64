//! Tests of the frame codec on hand-made byte streams: every rule with its close code, wherever the stream is cut.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/codec.rs"]
mod codec;

use websocket_core::close::{CloseCode, CloseFrame};
use websocket_core::event::Kind;
use websocket_core::protocol::{Incoming, Limits};

use codec::{decode, frame};

const LIMITS: Limits = Limits { max_message_size: 65_536, max_fragments: 100 };

/// Asserts that a stream breaks the protocol with this code, and that what follows is ignored.
#[track_caller]
fn assert_violation(stream: &[u8], code: u16, text: &str) {
    let followed = [stream, &frame(0x81, b"ignored"), &frame(0x88, b""), b"\xff\xff\xff"].concat();
    let (incoming, violation) = codec::decode_every_way(None, LIMITS, &followed);
    let violation = violation.expect("no violation");
    assert_eq!((violation.code.get(), violation.text.as_str()), (code, text));
    assert_eq!(incoming, [], "nothing comes before or after");
}

#[track_caller]
fn assert_incoming(stream: &[u8], expected: &[Incoming]) {
    let (incoming, violation) = codec::decode_every_way(None, LIMITS, stream);
    assert_eq!((incoming.as_slice(), violation), (expected, None));
}

fn text(payload: &str) -> Incoming {
    Incoming::Message(Kind::Text, payload.as_bytes().to_vec())
}

fn close(code: u16, reason: &str) -> Incoming {
    Incoming::Close(Some(CloseFrame { code: CloseCode::new(code).unwrap(), reason: reason.to_owned() }))
}

#[test]
fn answers_a_masked_frame_with_1002() {
    assert_violation(b"\x81\x81\x01\x02\x03\x04\x60", 1002, "masked frame from the server");
    assert_violation(b"\x88\x80\x01\x02\x03\x04", 1002, "masked frame from the server");
}

#[test]
fn answers_reserved_bits_with_1002() {
    for (bit, name) in [(0x40, "0x40"), (0x20, "0x20"), (0x10, "0x10")] {
        for first in [0x81, 0x82, 0x01, 0x88, 0x89, 0x8a] {
            assert_violation(&frame(first | bit, b""), 1002, &format!("reserved bits set: {name}"));
        }
    }
    assert_violation(&[frame(0x01, b"a"), frame(0xc0, b"b")].concat(), 1002, "reserved bits set: 0x40");
}

#[test]
fn answers_reserved_opcodes_with_1002() {
    for opcode in (3..=7).chain(11..=15) {
        assert_violation(&frame(0x80 | opcode, b"x"), 1002, &format!("reserved opcode: 0x{opcode:x}"));
    }
}

#[test]
fn answers_a_control_frame_over_125_bytes_with_1002() {
    for opcode in [0x88, 0x89, 0x8a] {
        for length in [126, 70_000] {
            let stream = frame(opcode, &vec![b'x'; length]);
            assert_violation(&stream, 1002, "control frame with an extended length, limit 125 bytes");
        }
    }
}

#[test]
fn answers_a_fragmented_control_frame_with_1002() {
    for opcode in [0x08, 0x09, 0x0a] {
        assert_violation(&frame(opcode, b""), 1002, "fragmented control frame");
    }
}

#[test]
fn answers_a_continuation_without_a_start_with_1002() {
    let reason = "continuation frame without a message to continue";
    assert_violation(&frame(0x00, b"x"), 1002, reason);
    assert_violation(&frame(0x80, b"x"), 1002, reason);
    let stream = [frame(0x01, b"a"), frame(0x80, b"b"), frame(0x80, b"c")].concat();
    let (incoming, violation) = codec::decode_every_way(None, LIMITS, &stream);
    assert_eq!((incoming, violation.unwrap().text.as_str()), (vec![text("ab")], reason));
}

#[test]
fn answers_a_new_message_inside_a_fragmented_one_with_1002() {
    for first in [0x81, 0x01, 0x82, 0x02] {
        let stream = [frame(0x01, b"a"), frame(first, b"b")].concat();
        assert_violation(&stream, 1002, "new message inside a fragmented message");
    }
}

#[test]
fn answers_a_length_that_is_not_in_its_shortest_form_with_1002() {
    assert_violation(b"\x82\x7e\x00\x7d", 1002, "frame length not in its shortest form: 125");
    assert_violation(b"\x89\x7e\x00\x05hello", 1002, "control frame with an extended length, limit 125 bytes");
    assert_violation(b"\x82\x7f\0\0\0\0\0\0\xff\xff", 1002, "frame length not in its shortest form: 65535");
}

#[test]
fn answers_a_length_over_63_bits_with_1002() {
    assert_violation(b"\x82\x7f\x80\0\0\0\0\0\0\0", 1002, "frame length over 63 bits: 9223372036854775808");
}

#[test]
fn delivers_a_message_whole_around_control_frames() {
    let stream = [
        frame(0x01, "Grü".as_bytes()),
        frame(0x89, b"are you there"),
        frame(0x00, b""),
        frame(0x8a, b""),
        frame(0x80, "ße".as_bytes()),
    ]
    .concat();
    let expected = [Incoming::Ping(b"are you there".to_vec()), Incoming::Pong(Vec::new()), text("Grüße")];
    assert_incoming(&stream, &expected);
}

#[test]
fn delivers_control_frames_of_125_bytes() {
    let payload = [7; 125];
    assert_incoming(&frame(0x89, &payload), &[Incoming::Ping(payload.to_vec())]);
    assert_incoming(&frame(0x8a, &payload), &[Incoming::Pong(payload.to_vec())]);
    assert_incoming(&frame(0x88, &[b"\x03\xe8", &[b'x'; 123][..]].concat()), &[close(1000, &"x".repeat(123))]);
}

#[test]
fn decodes_each_form_of_length() {
    for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
        let payload: Vec<u8> = (0..length).map(|i| i as u8).collect();
        assert_incoming(&frame(0x82, &payload), &[Incoming::Message(Kind::Binary, payload)]);
    }
}

#[test]
fn delivers_text_whose_characters_are_cut_by_fragments() {
    let payload = "κόσμε 𝄞 \u{10ffff}";
    let bytes = payload.as_bytes();
    let mut stream = frame(0x01, b"");
    for byte in bytes {
        stream.extend(frame(0x00, &[*byte]));
    }
    stream.extend(frame(0x80, b""));
    assert_incoming(&stream, &[text(payload)]);
}

#[test]
fn answers_text_that_is_not_utf8_with_1007() {
    for (bad, what) in [
        (&b"\xff"[..], "no such byte"),
        (b"\x80", "continuation without a start"),
        (b"\xed\xa0\x80", "surrogate"),
        (b"\xc0\xaf", "overlong in two bytes"),
        (b"\xe0\x80\xaf", "overlong in three bytes"),
        (b"\xf0\x80\x80\xaf", "overlong in four bytes"),
        (b"\xf4\x90\x80\x80", "above U+10FFFF"),
        (b"\xe2\x82", "unfinished at the end"),
    ] {
        for length in [2, 200, 70] {
            let payload = [&vec![b'x'; length][..], bad].concat();
            let expected = format!("text is not valid UTF-8 at byte {}", length + 1);
            assert_violation(&frame(0x81, &payload), 1007, &expected);
            let fragments = [frame(0x01, &payload[..=length]), frame(0x80, &payload[length + 1..])].concat();
            assert_violation(&fragments, 1007, &expected);
            let (incoming, violation) = codec::decode_every_way(None, LIMITS, &frame(0x82, &payload));
            assert_eq!((incoming.len(), violation), (1, None), "{what} is fine in a binary message");
        }
    }
}

#[test]
fn answers_bad_text_at_its_first_bad_byte_inside_an_unfinished_frame() {
    // "κόσμε", then the second byte of a surrogate: nothing after it can make the text valid.
    let stream = [&b"\x01\x7e\x10\x00"[..], "κόσμε".as_bytes(), b"\xed\xa0"].concat();
    let (_, violation) = decode(None, LIMITS, stream.chunks(1));
    let (violation, taken) = violation.expect("no violation");
    assert_eq!((violation.code, taken), (CloseCode::INVALID_DATA, stream.len()));
    let (_, violation) = decode(None, LIMITS, stream[..stream.len() - 1].chunks(1));
    assert_eq!(violation, None, "one byte earlier it could still have become a character");
}

#[test]
fn reads_the_body_of_a_close_frame() {
    assert_incoming(&frame(0x88, b""), &[Incoming::Close(None)]);
    for code in [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999_u16] {
        let body = [&code.to_be_bytes()[..], "Grüße".as_bytes()].concat();
        assert_incoming(&frame(0x88, &body), &[close(code, "Grüße")]);
        assert_incoming(&frame(0x88, &body[..2]), &[close(code, "")]);
    }
}

#[test]
fn answers_a_close_body_of_one_byte_with_1002() {
    assert_violation(&frame(0x88, b"\x03"), 1002, "close frame with a body of 1 byte");
}

#[test]
fn answers_close_codes_that_must_not_be_sent_with_1002() {
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535_u16] {
        assert_violation(&frame(0x88, &code.to_be_bytes()), 1002, &format!("invalid close code: {code}"));
    }
}

#[test]
fn answers_a_close_reason_that_is_not_utf8_with_1007() {
    assert_violation(&frame(0x88, b"\x03\xe8ab\xff"), 1007, "close reason is not valid UTF-8 at byte 3");
    assert_violation(&frame(0x88, b"\x03\xe8\xe2\x82"), 1007, "close reason is not valid UTF-8 at byte 1");
}

#[test]
fn ignores_everything_after_a_close() {
    let stream = [frame(0x88, b"\x03\xe8"), frame(0x81, b"late"), frame(0x88, b"\x03"), vec![0xff; 50]].concat();
    assert_incoming(&stream, &[close(1000, "")]);
}

#[test]
fn accepts_a_close_inside_a_fragmented_message() {
    assert_incoming(&[frame(0x01, b"never whole"), frame(0x88, b"\x03\xe9")].concat(), &[close(1001, "")]);
}

#[test]
fn answers_a_frame_over_the_limit_with_1009_as_soon_as_its_header_has_arrived() {
    let (_, violation) = decode(None, LIMITS, b"\x82\x7f\0\0\0\0\0\x01\0\x01".chunks(1));
    let (violation, taken) = violation.expect("no violation");
    assert_eq!((violation.code, taken), (CloseCode::TOO_BIG, 10));
    assert_eq!(violation.text, "message too big: 65537 bytes, limit 65536");
    let huge = b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff";
    assert_violation(huge, 1009, "message too big: 9223372036854775807 bytes, limit 65536");
}

#[test]
fn answers_fragments_over_the_limit_with_1009_as_soon_as_a_header_shows_it() {
    let stream = [&frame(0x02, &[0; 40_000])[..], &frame(0x00, &[0; 25_000]), b"\x80\x7e\x02\x19"].concat();
    assert_violation(&stream, 1009, "message too big: 65537 bytes, limit 65536");
    let fits = [frame(0x02, &[0; 40_000]), frame(0x80, &[0; 25_536])].concat();
    assert_incoming(&fits, &[Incoming::Message(Kind::Binary, vec![0; 65_536])]);
}

#[test]
fn applies_small_limits_to_small_messages() {
    let limits = Limits { max_message_size: 5, max_fragments: 1 };
    assert_eq!(codec::decode_every_way(None, limits, &frame(0x81, b"12345")), (vec![text("12345")], None));
    let (incoming, violation) = codec::decode_every_way(None, limits, &frame(0x81, b"123456"));
    assert_eq!((incoming, violation.unwrap().code), (vec![], CloseCode::TOO_BIG));
}

#[test]
fn answers_endless_empty_fragments_with_1009() {
    let mut stream = frame(0x01, b"");
    for _ in 0..99 {
        stream.extend(frame(0x00, b""));
    }
    assert_incoming(&stream, &[]);
    let whole = [&stream[..200 - 2], &frame(0x80, b"")].concat();
    assert_incoming(&whole, &[text("")]);
    stream.extend(frame(0x80, b""));
    assert_violation(&stream, 1009, "message in too many fragments: limit 100");
}

#[test]
fn counts_the_fragments_of_each_message_separately() {
    let mut stream = Vec::new();
    for _ in 0..200 {
        stream.extend([frame(0x01, b"a"), frame(0x89, b""), frame(0x80, b"b")].concat());
    }
    let (incoming, violation) = codec::decode_every_way(None, LIMITS, &stream);
    assert_eq!((incoming.len(), violation), (400, None));
}

#[test]
fn reads_large_messages_in_place_with_the_same_outcome() {
    let limits = Limits { max_message_size: 1_500_000, max_fragments: 3 };
    let long = "12345678\u{20ac}".repeat(100_000);
    let half = long.len() / 2 + 1;
    let mut bad = long.clone().into_bytes();
    bad[900_001] = 0xff;
    let streams = [
        [frame(0x81, long.as_bytes()), frame(0x82, b"short"), frame(0x81, long.as_bytes())].concat(),
        [frame(0x01, &long.as_bytes()[..half]), frame(0x89, b"p"), frame(0x80, &long.as_bytes()[half..])].concat(),
        frame(0x82, &bad),
        [frame(0x81, &bad), frame(0x81, long.as_bytes())].concat(),
        frame(0x81, &long.as_bytes()[..half]),
        [frame(0x02, &bad), frame(0x80, &bad)].concat(),
    ];
    for (number, stream) in streams.iter().enumerate() {
        let (incoming, violation) = decode(None, limits, std::iter::once(&stream[..]));
        for size in [1_000, 40_000, 300_000] {
            let in_place = codec::decode_in_place(limits, stream.chunks(size));
            assert!(
                in_place == (incoming.clone(), violation.clone().map(|(violation, _)| violation)),
                "{number}, {size}"
            );
        }
    }
}
