//! Tests of permessage-deflate in the codec: the examples of RFC 7692, every window, and hostile data.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/codec.rs"]
mod codec;

use std::time::Instant;

use codec::{decode, decode_every_way, deflate, frame};
use websocket_core::event::Kind;
use websocket_core::extension::{self, Agreed, Compression};
use websocket_core::protocol::{Deflater, Incoming, Limits};
use zlib_rs::{Deflate, DeflateFlush};

const MIB: usize = 1024 * 1024;
const LIMITS: Limits = Limits { max_message_size: MIB, max_fragments: 100 };
const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

fn agreed(answer: &str) -> Agreed {
    let offer = Compression::default();
    extension::agree(Some(&offer), [answer.as_bytes()].into_iter()).unwrap().expect("an agreement")
}

fn agreed_as_offered() -> Agreed {
    agreed("permessage-deflate")
}

fn text(payload: &str) -> Incoming {
    Incoming::Message(Kind::Text, payload.as_bytes().to_vec())
}

#[track_caller]
fn assert_incoming(stream: &[u8], expected: &[Incoming]) {
    let (incoming, violation) = decode_every_way(Some(&agreed_as_offered()), LIMITS, stream);
    assert_eq!((incoming.as_slice(), violation), (expected, None));
}

#[track_caller]
fn assert_violation(stream: &[u8], code: u16, text: &str) {
    let (incoming, violation) = decode_every_way(Some(&agreed_as_offered()), LIMITS, stream);
    let violation = violation.expect("no violation");
    assert_eq!((violation.code.get(), violation.text.as_str()), (code, text));
    assert_eq!(incoming, []);
}

/// Compresses as a server does, up to a flush of this kind, and keeps the tail.
fn compressed(stream: &mut Deflate, payload: &[u8], flush: DeflateFlush) -> Vec<u8> {
    let before = stream.total_out();
    let mut out = vec![0; payload.len() + payload.len() / 100 + 1000];
    stream.compress(payload, &mut out, flush).unwrap();
    out.truncate((stream.total_out() - before) as usize);
    out
}

fn without_tail(mut out: Vec<u8>) -> Vec<u8> {
    assert!(out.ends_with(&[0, 0, 0xff, 0xff]));
    out.truncate(out.len() - 4);
    out
}

/// Bytes that compress to between a tenth and a half of their length, and do not repeat.
fn prose(length: usize, mut seed: u32) -> Vec<u8> {
    let words: [&[u8]; 8] = [b"price", b"{\"symbol\":", b"BTC", b"12.5", b", ", b"0.", b"time", b"\"},"];
    let mut bytes = Vec::with_capacity(length + 16);
    while bytes.len() < length {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes.extend_from_slice(words[(seed >> 20) as usize % words.len()]);
        bytes.push(b'0' + (seed >> 24) as u8 % 10);
    }
    bytes.truncate(length);
    bytes
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut seed = 1_u64;
    std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 56) as u8
    })
    .take(length)
    .collect()
}

// RFC 7692 section 7.2.3

#[test]
fn inflates_the_examples_of_the_rfc() {
    let hello = text("Hello");
    assert_incoming(&frame(0xc1, &HELLO), std::slice::from_ref(&hello));
    let fragmented = [frame(0x41, &HELLO[..3]), frame(0x80, &HELLO[3..])].concat();
    assert_incoming(&fragmented, std::slice::from_ref(&hello));
    let shared_window = [frame(0xc1, &HELLO), frame(0xc1, &[0xf2, 0x00, 0x11, 0x00, 0x00])].concat();
    assert_incoming(&shared_window, &[hello.clone(), hello.clone()]);
    let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
    assert_incoming(&frame(0xc1, &stored), std::slice::from_ref(&hello));
    let last_block = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    assert_incoming(&frame(0xc1, &last_block), std::slice::from_ref(&hello));
    let two_blocks = [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
    assert_incoming(&frame(0xc1, &two_blocks), std::slice::from_ref(&hello));
    assert_incoming(&frame(0xc1, &[0x00]), &[text("")]);
}

#[test]
fn continues_after_a_final_block() {
    let last_block = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let twice = [&last_block[..], &last_block, &[0x00]].concat();
    let stream = [frame(0xc1, &twice), frame(0xc1, &last_block), frame(0xc1, &HELLO)].concat();
    assert_incoming(&stream, &[text("HelloHello"), text("Hello"), text("Hello")]);
}

#[test]
fn inflates_empty_messages() {
    let empty_blocks = [0x00, 0x00, 0x00, 0xff, 0xff].repeat(1000);
    let stream = [
        frame(0xc1, b""),
        frame(0xc1, &[&empty_blocks[..], &[0x00]].concat()),
        frame(0x41, b""),
        frame(0x00, &HELLO),
        frame(0x80, b""),
        frame(0xc1, &HELLO),
    ];
    assert_incoming(&stream.concat(), &[text(""), text(""), text("Hello"), text("Hello")]);
}

// Each block is a step of the inflater and brings nothing, and after a final one the inflater is reset.
#[test]
fn inflates_empty_blocks_in_time_that_is_linear_in_their_number() {
    let blocks = [("stored", &[0x00, 0x00, 0x00, 0xff, 0xff][..]), ("final", &[0x03, 0x00])];
    for (name, block) in blocks {
        for piece in [1, 16 * 1024] {
            let time = |count| {
                let stream = [frame(0xc1, &[&block.repeat(count)[..], &[0x00]].concat()), frame(0xc1, &HELLO)].concat();
                let begun = Instant::now();
                let (incoming, violation) = decode(Some(&agreed_as_offered()), LIMITS, stream.chunks(piece));
                let passed = begun.elapsed();
                assert_eq!((incoming, violation), (vec![text(""), text("Hello")], None));
                passed
            };
            // Quadratic work would take 256 times as long. A busy machine may delay any single try.
            let linear = (0..10).any(|_| time(32_000) < 64 * time(2_000));
            assert!(linear, "{name} blocks in pieces of {piece} bytes");
        }
    }
}

#[test]
fn decodes_compressed_and_plain_messages_in_turn_with_control_frames_between_fragments() {
    let stream = [
        frame(0x81, b"plain"),
        frame(0xc1, &HELLO),
        frame(0x01, b"pl"),
        frame(0x80, b"ain"),
        frame(0x41, &HELLO[..2]),
        frame(0x89, b"ping"),
        frame(0x80, &HELLO[2..]),
    ];
    let ping = Incoming::Ping(b"ping".to_vec());
    assert_incoming(&stream.concat(), &[text("plain"), text("Hello"), text("plain"), ping, text("Hello")]);
}

#[test]
fn refuses_the_compression_bit_where_it_is_not_allowed() {
    let reserved = "reserved bits set: 0x40";
    assert_violation(&frame(0xc9, b""), 1002, reserved);
    assert_violation(&frame(0xc8, b""), 1002, reserved);
    assert_violation(&[frame(0x41, &HELLO[..3]), frame(0xc0, &HELLO[3..])].concat(), 1002, reserved);
    let (_, violation) = decode_every_way(None, LIMITS, &frame(0xc1, &HELLO));
    assert_eq!(violation.expect("no violation").text, reserved);
}

// Both directions

#[test]
fn inflates_what_it_deflated_in_every_window_with_and_without_takeover() {
    let messages: Vec<Vec<u8>> = [0, 0, 1, 5, 200, 2_000, 40_000, 200_000, 3, 0, 0]
        .iter()
        .zip(1..)
        .map(|(length, seed)| prose(*length, seed))
        .collect();
    for bits in 9..=15 {
        for takeover in ["", "; client_no_context_takeover; server_no_context_takeover"] {
            for level in [1, 6, 9] {
                let answer = format!(
                    "permessage-deflate; client_max_window_bits={bits}; server_max_window_bits={bits}{takeover}"
                );
                let agreed = agreed(&answer);
                let compression = Compression { threshold: 0, level, ..Compression::default() };
                let mut deflater = Deflater::new(&agreed, &compression);
                let mut stream = Vec::new();
                for message in &messages {
                    stream.extend(frame(0xc2, &deflate(&mut deflater, message).expect("a compressed message")));
                }
                let plain: usize = messages.iter().map(Vec::len).sum();
                assert!(stream.len() < plain * 2 / 3, "{} of {plain} bytes at {answer}", stream.len());
                let (incoming, violation) = decode(Some(&agreed), LIMITS, stream.chunks(1000));
                assert_eq!(violation, None, "{answer}");
                let expected: Vec<_> =
                    messages.iter().map(|message| Incoming::Message(Kind::Binary, message.clone())).collect();
                assert!(incoming == expected, "{answer}");
            }
        }
    }
}

#[test]
fn compresses_similar_messages_better_with_context_takeover() {
    let length = |answer| {
        let mut deflater = Deflater::new(&agreed(answer), &Compression::default());
        let message = prose(500, 1);
        (0..10).map(|_| deflate(&mut deflater, &message).expect("a compressed message").len()).sum::<usize>()
    };
    let (with, without) = (length("permessage-deflate"), length("permessage-deflate; client_no_context_takeover"));
    assert!(with < without / 3, "{with} and {without} bytes");
}

#[test]
fn deflates_neither_below_the_threshold_nor_for_a_window_of_8_bits() {
    let compression = Compression { threshold: 100, ..Compression::default() };
    let mut deflater = Deflater::new(&agreed_as_offered(), &compression);
    assert_eq!(deflate(&mut deflater, &[7; 99]), None);
    assert!(deflate(&mut deflater, &[7; 100]).is_some());
    let mut deflater = Deflater::new(&agreed("permessage-deflate; client_max_window_bits=8"), &Compression::default());
    assert_eq!(deflate(&mut deflater, &[7; 10_000]), None);
}

#[test]
fn keeps_within_the_window_that_was_agreed() {
    let noise = noise(700);
    let twice = [&noise[..], &noise].concat();
    for (bits, again) in [(9, 700..2_000), (15, 0..100)] {
        let agreed = agreed(&format!("permessage-deflate; client_max_window_bits={bits}"));
        // This leaves a spare stream with the other window behind.
        let other = self::agreed(&format!(
            "permessage-deflate; client_no_context_takeover; client_max_window_bits={}",
            24 - bits
        ));
        assert!(deflate(&mut Deflater::new(&other, &Compression::default()), &noise).is_some());
        let mut deflater = Deflater::new(&agreed, &Compression::default());
        let first = deflate(&mut deflater, &noise).expect("a compressed message").len();
        let second = deflate(&mut deflater, &noise).expect("a compressed message").len();
        let in_one = deflate(&mut deflater, &twice).expect("a compressed message").len();
        // A window of 512 bytes does not reach back 700 bytes.
        assert!(first >= 700 && again.contains(&second), "{bits} bits: {first}, {second}");
        assert_eq!(bits == 15, in_one < 700, "{bits} bits: {in_one}");
    }
}

#[test]
fn compresses_better_at_a_higher_level() {
    let [fast, usual, small] = [1, 6, 9].map(|level| {
        let mut deflater = Deflater::new(&agreed_as_offered(), &Compression { level, ..Compression::default() });
        deflate(&mut deflater, &prose(20_000, 1)).expect("a compressed message").len()
    });
    assert!(small <= usual && usual < fast, "{small}, {usual} and {fast} bytes");
}

#[test]
fn deflates_data_that_does_not_compress() {
    let noise = noise(300_000);
    let mut deflater = Deflater::new(&agreed_as_offered(), &Compression::default());
    let payload = deflate(&mut deflater, &noise).expect("a compressed message");
    assert!(payload.len() < noise.len() + noise.len() / 1000 + 100);
    let (incoming, violation) = decode(Some(&agreed_as_offered()), LIMITS, std::iter::once(&frame(0xc2, &payload)[..]));
    assert_eq!(violation, None);
    assert!(incoming == [Incoming::Message(Kind::Binary, noise)]);
}

// Hostile data

#[test]
fn stops_a_bomb_at_the_limit_and_inflates_nothing_after_it() {
    // 1 GiB of zeros in 1 MiB.
    let mut stream = Deflate::new(9, false, 15);
    let mut bomb = compressed(&mut stream, &vec![0; MIB], DeflateFlush::SyncFlush);
    // From the second message on the window is full of zeros, so all compressed messages are equal.
    bomb.extend(compressed(&mut stream, &vec![0; MIB], DeflateFlush::SyncFlush).repeat(1023));
    assert!(bomb.len() < MIB + MIB / 8, "{} bytes", bomb.len());
    let frames = [frame(0xc2, &without_tail(bomb)), frame(0xc1, &HELLO)].concat();
    let (incoming, violation) = decode(Some(&agreed_as_offered()), LIMITS, frames.chunks(65_536));
    let (violation, taken) = violation.expect("no violation");
    assert_eq!((violation.code.get(), incoming.len()), (1009, 0));
    assert_eq!(violation.text, "message too big: inflates to over the limit 1048576");
    assert_eq!(taken, 65_536, "bytes that were read before it");
}

#[test]
fn accepts_a_message_of_exactly_the_limit_and_none_that_is_a_byte_longer() {
    for (length, expected) in [(MIB, None), (MIB + 1, Some(1009))] {
        let mut stream = Deflate::new(6, false, 15);
        let payload = without_tail(compressed(&mut stream, &prose(length, 1), DeflateFlush::SyncFlush));
        let (incoming, violation) = decode_every_way(Some(&agreed_as_offered()), LIMITS, &frame(0xc2, &payload));
        assert_eq!(violation.map(|violation| violation.code.get()), expected);
        assert_eq!(incoming.len(), usize::from(expected.is_none()));
    }
}

#[test]
fn accepts_a_message_whose_compressed_form_is_longer_than_the_limit() {
    let limits = Limits { max_message_size: 10, max_fragments: 1 };
    let empty_blocks = [0x00, 0x00, 0x00, 0xff, 0xff].repeat(100);
    let stream = frame(0xc1, &[&empty_blocks[..], &HELLO].concat());
    assert_eq!(decode_every_way(Some(&agreed_as_offered()), limits, &stream), (vec![text("Hello")], None));
}

#[test]
fn refuses_data_that_is_not_deflate() {
    assert_violation(&frame(0xc1, &[0x06]), 1007, "corrupt compressed data: data error");
    // A distance that reaches back beyond the beginning.
    assert_violation(&frame(0xc1, &[0xf2, 0x00, 0x11, 0x00, 0x00]), 1007, "corrupt compressed data: data error");
    // Without takeover on the server's side the window is empty again.
    let alone = agreed("permessage-deflate; server_no_context_takeover");
    let stream = [frame(0xc1, &HELLO), frame(0xc1, &[0xf2, 0x00, 0x11, 0x00, 0x00])].concat();
    let (incoming, violation) = decode_every_way(Some(&alone), LIMITS, &stream);
    assert_eq!((incoming, violation.expect("no violation").code.get()), (vec![text("Hello")], 1007));
}

#[test]
fn refuses_a_message_that_ends_inside_a_block() {
    let inside = "corrupt compressed data: the message ends inside a block";
    assert_violation(&frame(0xc2, &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48]), 1007, inside);
}

#[test]
fn refuses_text_that_does_not_inflate_to_utf_8_at_its_first_bad_byte() {
    let mut stream = Deflate::new(6, false, 15);
    let bad = [&prose(5_000, 1)[..], b"\xff", &prose(100_000, 2)].concat();
    let payload = without_tail(compressed(&mut stream, &bad, DeflateFlush::SyncFlush));
    assert_violation(&frame(0xc1, &payload), 1007, "text is not valid UTF-8 at byte 5001");
}

#[test]
fn reports_the_first_error_however_the_bytes_are_cut() {
    // A stored block, and a block of a type that does not exist.
    let corrupt = frame(0xc1, &[0x00, 0x02, 0x00, 0xfd, 0xff, b'o', 0xff, 0x07]);
    for (limit, code, expected) in [
        (9, 1007, "text is not valid UTF-8 at byte 2"),
        (2, 1007, "text is not valid UTF-8 at byte 2"),
        (1, 1009, "message too big: inflates to over the limit 1"),
    ] {
        let limits = Limits { max_message_size: limit, ..LIMITS };
        let (_, violation) = decode_every_way(Some(&agreed_as_offered()), limits, &corrupt);
        let violation = violation.expect("no violation");
        assert_eq!((violation.code.get(), &*violation.text), (code, expected));
    }
    let too_big = frame(0xc1, &[0x00, 0x03, 0x00, 0xfc, 0xff, b'o', 0xff, b'o', 0x00]);
    let limits = Limits { max_message_size: 2, ..LIMITS };
    let (_, violation) = decode_every_way(Some(&agreed_as_offered()), limits, &too_big);
    assert_eq!(violation.expect("no violation").text, "text is not valid UTF-8 at byte 2");
}
