//! The frame codec without compression: decodes any stream, cut anywhere, and encodes and decodes any payload.
//!
//! Input: a byte for `max_message_size`, one for `max_fragments`, one for the number of `x` that are appended to the
//! stream, the sizes of the pieces, the stream.
#![no_main]

use std::iter;

use libfuzzer_sys::fuzz_target;
use websocket_core::event::Kind;
use websocket_core::protocol::{Coding, Decoder, Encoder, Incoming, Limits, MAX_CONTROL_PAYLOAD, encoded_len};
use websocket_fuzz::bounds::{bounded, within};
use websocket_fuzz::codec::decode_in_place;
use websocket_fuzz::frames::{Frame, capacity_of, decode, first_byte, payload_of, unmask, unmasked};
use websocket_fuzz::input::{Input, pieces};

const SIZES: [usize; 10] = [65_536, 0, 1, 7, 125, 126, 1000, 65_535, 70_000, usize::MAX];
const FRAGMENTS: [usize; 5] = [usize::MAX, 1, 2, 3, 10];
const KIB: usize = 1024;
/// Only three values of the byte append something, because that takes a hundred times as long.
const FILLERS: [(u8, usize); 3] = [(253, KIB), (254, 64 * KIB), (255, 71 * KIB)];

/// Bytes that the decoder may reserve for a declared length before the payload arrives, and some more for texts.
const AHEAD: usize = 64 * KIB + 2 * KIB;

fuzz_target!(|data: &[u8]| bounded(|| run(Input::new(data))));

fn run(mut input: Input) {
    let max_message_size = input.choice(&SIZES);
    let limits = Limits { max_message_size, max_fragments: input.choice(&FRAGMENTS) };
    let filler = input.byte();
    let filler = FILLERS.iter().find(|(byte, _)| *byte == filler).map_or(0, |(_, length)| *length);
    let mut cuts = input.cuts();
    let mut stream = input.rest().to_vec();
    if filler > 0 {
        stream.resize(stream.len() + filler, b'x');
        cuts.iter_mut().for_each(|size| *size *= 64);
    }

    let whole = decode(Decoder::new(limits, None), iter::once(&stream[..]));
    let most = AHEAD + 3 * stream.len() + capacity_of(&whole.0);
    let cut = within(most, || decode(Decoder::new(limits, None), pieces(&stream, &cuts)));
    assert_eq!(whole, cut);
    assert_eq!(whole, decode_in_place(limits, pieces(&stream, &cuts)));
    let incoming = whole.0;
    compare(&incoming, &stream, limits);
    round_trip(&incoming, &stream);
}

/// Compares the events with the frames of the stream, which are valid up to the last event, and with the limits.
fn compare(incoming: &[Incoming], mut stream: &[u8], limits: Limits) {
    let mut message: Option<(u8, Vec<u8>)> = None;
    let mut fragments = 0;
    for event in incoming {
        loop {
            let Frame { first, key, payload } = Frame::take(&mut stream).expect("an event without its frame");
            assert!(key.is_none());
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

/// Encodes the events, and the stream itself as a payload; removes the masking, and decodes the frames again.
fn round_trip(incoming: &[Incoming], stream: &[u8]) {
    let mut encoder = Encoder::new();
    let control = stream[..stream.len().min(MAX_CONTROL_PAYLOAD)].to_vec();
    let mut sent = vec![Incoming::Ping(control.clone()), Incoming::Pong(control)];
    sent.push(Incoming::Message(Kind::Binary, stream.to_vec()));
    sent.extend_from_slice(incoming);
    let mut received = Vec::new();
    for event in &sent {
        received.extend_from_slice(&unmasked(&mut encoder, event));
    }

    // Encoding in place must give the same bytes as encoding a copy.
    let mut masked = stream.to_vec();
    let mut header = Vec::new();
    encoder.message_in_place(&mut header, Kind::Text, Coding::Plain, &mut masked);
    let in_place = [header, masked].concat();
    assert_eq!(in_place.len(), encoded_len(stream.len()));
    unmask(&in_place, 0x81, stream);

    let ended = matches!(sent.last(), Some(Incoming::Close(_)));
    received.extend_from_slice(if ended { b"late" } else { b"" });
    let limits = Limits { max_message_size: usize::MAX, max_fragments: 1 };
    assert_eq!(decode(Decoder::new(limits, None), iter::once(&received[..])), (sent, None));
}
