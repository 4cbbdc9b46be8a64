//! The frame codec: any stream, cut anywhere, and any payload there and back.
//!
//! Input: a byte for the largest message, one for the most fragments, one for the KiB of `x` to append to the stream, the
//! cuts, the stream.
#![no_main]

use std::iter;

use libfuzzer_sys::fuzz_target;
use websocket_core::close::CloseFrame;
use websocket_core::event::Kind;
use websocket_core::protocol::{Decoder, Encoder, Incoming, Limits, MAX_CONTROL_PAYLOAD, Violation, encoded_len};
use websocket_fuzz::input::{Input, pieces};
use websocket_fuzz::memory::{MOST, within};

const SIZES: [usize; 10] = [65_536, 0, 1, 7, 125, 126, 1000, 65_535, 70_000, usize::MAX];
const FRAGMENTS: [usize; 5] = [usize::MAX, 1, 2, 3, 10];
const KIB: usize = 1024;

/// What a declared length may commit ahead of its bytes, and some room for texts.
const AHEAD: usize = 64 * KIB + 2 * KIB;

fuzz_target!(|data: &[u8]| within(MOST, || run(Input::new(data))));

fn run(mut input: Input) {
    let max_message_size = input.choice(&SIZES);
    let limits = Limits { max_message_size, max_fragments: input.choice(&FRAGMENTS) };
    let filler = usize::from(input.byte() % 72) * KIB;
    let cuts = input.cuts();
    let mut stream = input.rest().to_vec();
    stream.resize(stream.len() + filler, b'x');

    let (incoming, violation) = decode(limits, iter::once(&stream[..]));
    assert_eq!(decode(limits, pieces(&stream, &cuts)), (incoming.clone(), violation));
    within(AHEAD + 3 * stream.len(), || skim(limits, pieces(&stream, &cuts)));
    compare(&incoming, &mut &stream[..], limits);
    there_and_back(&incoming, &stream);
}

fn decode<'a>(limits: Limits, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Incoming>, Option<Violation>) {
    let mut decoder = Decoder::new(limits);
    let (mut incoming, mut violation) = (Vec::new(), None);
    for mut piece in pieces {
        loop {
            let next = decoder.next(&mut piece);
            if next == Ok(None) {
                break;
            }
            assert!(violation.is_none(), "{next:?} after {violation:?}");
            assert!(!matches!(incoming.last(), Some(Incoming::Close(_))), "{next:?} after a Close");
            match next {
                Ok(event) => incoming.extend(event),
                Err(error) => violation = Some(error),
            }
        }
        assert!(piece.is_empty(), "bytes left");
    }
    (incoming, violation)
}

/// Decodes, and keeps nothing.
fn skim<'a>(limits: Limits, pieces: impl Iterator<Item = &'a [u8]>) {
    let mut decoder = Decoder::new(limits);
    for mut piece in pieces {
        while decoder.next(&mut piece) != Ok(None) {}
    }
}

/// Compares what came with the frames of the stream, which are valid that far, and with the limits.
fn compare(incoming: &[Incoming], stream: &mut &[u8], limits: Limits) {
    let mut message: Option<(u8, Vec<u8>)> = None;
    let mut fragments = 0;
    for event in incoming {
        loop {
            let (first, masked, payload) = frame(stream).expect("an event without its frame");
            assert!(masked.is_none());
            if first & 0x08 != 0 {
                assert!(payload.len() <= MAX_CONTROL_PAYLOAD);
                assert_eq!((first, payload), (first_byte(event), &*payload_of(event)));
                break;
            }
            fragments += 1;
            let (opcode, begun) = message.get_or_insert((first & 0x0f, Vec::new()));
            begun.extend_from_slice(payload);
            if first & 0x80 != 0 {
                assert_eq!((0x80 | *opcode, &**begun), (first_byte(event), &*payload_of(event)));
                assert!(begun.len() <= limits.max_message_size && fragments <= limits.max_fragments);
                (message, fragments) = (None, 0);
                break;
            }
        }
        if let Incoming::Message(Kind::Text, text) = event {
            assert!(std::str::from_utf8(text).is_ok());
        }
    }
}

/// Encodes what came, and the stream itself as payload; undoes the masking, and decodes again.
fn there_and_back(incoming: &[Incoming], stream: &[u8]) {
    let control = &stream[..stream.len().min(MAX_CONTROL_PAYLOAD)];
    let mut sent = vec![
        Incoming::Message(Kind::Binary, stream.to_vec()),
        Incoming::Ping(control.to_vec()),
        Incoming::Pong(control.to_vec()),
    ];
    sent.extend_from_slice(incoming);
    let mut encoder = Encoder::new();
    let (mut unmasked, mut expected) = (Vec::new(), Vec::new());
    for event in &sent {
        let (first, payload) = (first_byte(event), payload_of(event));
        for out in encode(&mut encoder, event) {
            let (_, key, masked) = frame(&mut &out[..]).expect("a frame cut short");
            let key = key.expect("a frame without a key");
            let clear: Vec<u8> = masked.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
            assert!(clear == payload);
            assert!(out == frame_of(first, Some(key), masked));
            assert_eq!(out.len(), encoded_len(payload.len()));
            unmasked.extend(frame_of(first, None, &clear));
            expected.push(event);
        }
    }
    let limits = Limits { max_message_size: usize::MAX, max_fragments: 1 };
    let (received, violation) = decode(limits, iter::once(&unmasked[..]));
    assert_eq!(violation, None);
    assert!(received.iter().eq(expected));
}

/// Encodes an event in every way that there is.
fn encode(encoder: &mut Encoder, event: &Incoming) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    match event {
        Incoming::Message(kind, payload) => {
            encoder.message(&mut out, *kind, payload);
            let mut header = Vec::new();
            let mut masked = payload.clone();
            encoder.message_in_place(&mut header, *kind, &mut masked);
            return vec![out, [header, masked].concat()];
        }
        Incoming::Ping(payload) => encoder.ping(&mut out, payload),
        Incoming::Pong(payload) => encoder.pong(&mut out, payload),
        Incoming::Close(body) => encoder.close(&mut out, body.as_ref()),
    }
    vec![out]
}

/// Takes one frame: its first byte, its masking key, its payload as it stands.
#[allow(clippy::type_complexity)]
fn frame<'a>(stream: &mut &'a [u8]) -> Option<(u8, Option<[u8; 4]>, &'a [u8])> {
    let [first, second, rest @ ..] = *stream else { return None };
    let (length, mut rest) = match second & 0x7f {
        126 => rest.split_first_chunk().map(|(length, rest)| (u64::from(u16::from_be_bytes(*length)), rest))?,
        127 => rest.split_first_chunk().map(|(length, rest)| (u64::from_be_bytes(*length), rest))?,
        length => (u64::from(length), rest),
    };
    let mut key = None;
    if second & 0x80 != 0 {
        let (found, behind) = rest.split_first_chunk()?;
        (key, rest) = (Some(*found), behind);
    }
    let (payload, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *stream = rest;
    Some((*first, key, payload))
}

/// Writes one frame, its length in the shortest form.
fn frame_of(first: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let masked = if key.is_some() { 0x80 } else { 0 };
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(masked | length as u8),
        length @ 126..0x1_0000 => {
            frame.push(masked | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(masked | 127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend(key.iter().flatten());
    frame.extend_from_slice(payload);
    frame
}

fn first_byte(event: &Incoming) -> u8 {
    match event {
        Incoming::Message(Kind::Text, _) => 0x81,
        Incoming::Message(Kind::Binary, _) => 0x82,
        Incoming::Close(_) => 0x88,
        Incoming::Ping(_) => 0x89,
        Incoming::Pong(_) => 0x8a,
    }
}

fn payload_of(event: &Incoming) -> Vec<u8> {
    match event {
        Incoming::Message(_, payload) | Incoming::Ping(payload) | Incoming::Pong(payload) => payload.clone(),
        Incoming::Close(None) => Vec::new(),
        Incoming::Close(Some(CloseFrame { code, reason })) => {
            [&code.get().to_be_bytes()[..], reason.as_bytes()].concat()
        }
    }
}
