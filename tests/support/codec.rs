//! Feeds the decoder with frames that a test makes by hand.

#![allow(dead_code, reason = "no test uses all of it")]

use websocket_core::extension::Agreed;
use websocket_core::protocol::{Decoder, Deflated, Deflater, Deflating, Incoming, Inflater, Limits, Violation};

/// Makes a server's frame from its first byte and payload.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(length as u8),
        length @ 126..0x1_0000 => {
            frame.push(126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

/// Deflates a whole message; `None` if it is to be sent uncompressed.
pub fn deflate(deflater: &mut Deflater, payload: &[u8]) -> Option<Vec<u8>> {
    let mut deflating = Deflating::default();
    loop {
        match deflater.advance(payload, deflating) {
            Deflated::Part(part) => deflating = part,
            Deflated::Whole(compressed) => return Some(compressed),
            Deflated::Plain => return None,
        }
    }
}

/// Decodes all pieces. Returns the messages, and the violation with the number of bytes until the end of its piece.
pub fn decode<'a>(
    agreed: Option<&Agreed>,
    limits: Limits,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Incoming>, Option<(Violation, usize)>) {
    let mut decoder = Decoder::new(limits, agreed.map(Inflater::new));
    let mut incoming = Vec::new();
    let mut violation = None;
    let mut taken = 0;
    for mut piece in pieces {
        let length = piece.len();
        loop {
            match decoder.next(&mut piece) {
                Ok(Some(event)) => incoming.push(event),
                Ok(None) => break,
                Err(error) => {
                    assert!(violation.is_none(), "a second violation: {error:?}");
                    violation = Some((error, taken + length));
                }
            }
        }
        assert!(piece.is_empty(), "bytes left after the last event");
        taken += length;
    }
    (incoming, violation)
}

/// Decodes all pieces, and reads large payloads in place where the decoder has space for them.
pub fn decode_in_place<'a>(
    limits: Limits,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Incoming>, Option<Violation>) {
    let mut decoder = Decoder::new(limits, None);
    let (mut incoming, mut violation) = (Vec::new(), None);
    let mut note = |error| assert!(violation.replace(error).is_none(), "a second violation");
    for mut piece in pieces {
        while !piece.is_empty() {
            if let Some((payload, most)) = decoder.space() {
                let read = most.min(piece.len());
                assert!(read > 0 && payload.capacity() - payload.len() >= most, "no space");
                payload.extend_from_slice(&piece[..read]);
                piece = &piece[read..];
                if let Err(error) = decoder.note_read(read) {
                    note(error);
                }
            }
            match decoder.next(&mut piece) {
                Ok(event) => incoming.extend(event),
                Err(error) => note(error),
            }
        }
    }
    (incoming, violation)
}

/// Decodes a stream as a whole, byte by byte, and in pieces of 3 bytes. All three outcomes must be the same.
pub fn decode_every_way(agreed: Option<&Agreed>, limits: Limits, stream: &[u8]) -> (Vec<Incoming>, Option<Violation>) {
    let (incoming, violation) = decode(agreed, limits, std::iter::once(stream));
    let violation = violation.map(|(violation, _)| violation);
    for size in [1, 3] {
        let (cut, cut_violation) = decode(agreed, limits, stream.chunks(size));
        assert_eq!(cut, incoming, "in pieces of {size}");
        assert_eq!(cut_violation.map(|(violation, _)| violation), violation, "in pieces of {size}");
    }
    (incoming, violation)
}
