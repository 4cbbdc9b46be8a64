//! The frame codec with permessage-deflate: decodes any stream, cut anywhere, and encodes and decodes any messages.
//!
//! Input: a byte for what was agreed (bit 0: server_no_context_takeover, bit 1: client_no_context_takeover), one for
//! the window of the server, one for ours, one for the level, one for `max_message_size`, one for `max_fragments`, the
//! sizes of the pieces, the stream. The pieces of the stream are also the messages that are encoded and decoded.
#![no_main]

use std::iter;

use libfuzzer_sys::fuzz_target;
use websocket_core::event::Kind;
use websocket_core::extension::{Agreed, Compression};
use websocket_core::protocol::{Coding, Decoder, Deflated, Deflater, Deflating, Encoder, Incoming, Inflater, Limits};
use websocket_fuzz::bounds::{bounded, within};
use websocket_fuzz::frames::{RSV1, capacity_of, decode, first_byte, unmask};
use websocket_fuzz::input::{Input, pieces};

const KIB: usize = 1024;
const SIZES: [usize; 8] = [64 * KIB, 0, 1, 7, 125, 1000, 20_000, 256 * KIB];
const FRAGMENTS: [usize; 4] = [usize::MAX, 1, 2, 10];
const WINDOWS: [u8; 8] = [15, 14, 13, 12, 11, 10, 9, 8];
const LEVELS: [u8; 9] = [6, 1, 2, 3, 4, 5, 7, 8, 9];

/// The most messages that are encoded and decoded, because each may need a compressor of its own.
const MESSAGES: usize = 8;

/// Bytes that an inflater takes and that the decoder may reserve for a declared length before the payload arrives.
const AHEAD: usize = 192 * KIB;

fuzz_target!(|data: &[u8]| bounded(|| run(Input::new(data))));

fn run(mut input: Input) {
    let flags = input.byte();
    let agreed = Agreed {
        server_no_context_takeover: flags & 1 != 0,
        client_no_context_takeover: flags & 2 != 0,
        server_max_window_bits: input.choice(&WINDOWS),
        client_max_window_bits: input.choice(&WINDOWS),
        answer: String::new(),
    };
    let level = input.choice(&LEVELS);
    let limits = Limits { max_message_size: input.choice(&SIZES), max_fragments: input.choice(&FRAGMENTS) };
    let cuts = input.cuts();
    let stream = input.rest();

    let decoder = || Decoder::new(limits, Some(Inflater::new(&agreed)));
    let whole = decode(decoder(), iter::once(stream));
    check(&whole.0, limits);
    let most = AHEAD + 3 * (stream.len() + limits.max_message_size) + capacity_of(&whole.0);
    let cut = within(most, || decode(decoder(), pieces(stream, &cuts)));
    assert_eq!(whole, cut);
    there_and_back(&agreed, level, pieces(stream, &cuts).take(MESSAGES));
}

fn check(incoming: &[Incoming], limits: Limits) {
    for event in incoming {
        if let Incoming::Message(kind, payload) = event {
            assert!(payload.len() <= limits.max_message_size);
            assert!(*kind == Kind::Binary || std::str::from_utf8(payload).is_ok());
        }
    }
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

/// Compresses messages as we do, and inflates them as a server does that keeps what was agreed.
fn there_and_back<'a>(agreed: &Agreed, level: u8, messages: impl Iterator<Item = &'a [u8]>) {
    let compression = Compression { threshold: 0, level, ..Compression::default() };
    let mut deflater = Deflater::new(agreed, &compression);
    let mut encoder = Encoder::new();
    let (mut sent, mut stream) = (Vec::new(), Vec::new());
    for payload in messages.chain([&b""[..]]) {
        let deflated = deflate(&mut deflater, payload);
        assert_eq!(deflated.is_none(), agreed.client_max_window_bits < 9);
        let event = Incoming::Message(Kind::Binary, payload.to_vec());
        let mut first = first_byte(&event);
        let coding = if deflated.is_some() { Coding::Deflated } else { Coding::Plain };
        let payload = deflated.unwrap_or(payload.to_vec());
        if coding == Coding::Deflated {
            first |= RSV1;
            assert!(!payload.is_empty());
        }
        let mut out = Vec::new();
        encoder.message(&mut out, Kind::Binary, coding, &payload);
        stream.extend(unmask(&out, first, &payload));
        sent.push(event);
    }
    let server = Agreed {
        server_no_context_takeover: agreed.client_no_context_takeover,
        server_max_window_bits: agreed.client_max_window_bits,
        ..agreed.clone()
    };
    let limits = Limits { max_message_size: usize::MAX, max_fragments: 1 };
    let decoder = || Decoder::new(limits, Some(Inflater::new(&server)));
    assert_eq!(decode(decoder(), stream.chunks(1)), (sent.clone(), None));
    assert_eq!(decode(decoder(), iter::once(&stream[..])), (sent, None));
}
