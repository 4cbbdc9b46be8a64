//! Frames as RFC 6455 section 5.2 defines them, and the events that a decoder makes of a stream of frames.

use websocket_core::close::CloseFrame;
use websocket_core::event::Kind;
use websocket_core::protocol::{Coding, Decoder, Encoder, Incoming, Violation};

/// The bit of the first byte that marks a compressed message.
pub const RSV1: u8 = 0x40;

/// Decodes all pieces of a stream. No event may come after a Close or a violation.
pub fn decode<'a>(mut decoder: Decoder, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Incoming>, Option<Violation>) {
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

/// Returns the bytes that a list of these events may take if it grows by doubling.
pub fn capacity_of(events: &[Incoming]) -> usize {
    let payload: usize = events.iter().map(|event| payload_of(event).len()).sum();
    payload + 4 * (events.len() + 1) * size_of::<Incoming>()
}

/// One frame: its first byte, its masking key, and its payload, which may be masked.
pub struct Frame<'a> {
    pub first: u8,
    pub key: Option<[u8; 4]>,
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Takes a frame from the front of a stream; returns `None` if it is incomplete.
    pub fn take(stream: &mut &'a [u8]) -> Option<Frame<'a>> {
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
        Some(Frame { first: *first, key, payload })
    }

    /// Encodes the frame with its length in the shortest form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let masked = if self.key.is_some() { 0x80 } else { 0 };
        let mut bytes = vec![self.first];
        match self.payload.len() {
            length @ 0..126 => bytes.push(masked | length as u8),
            length @ 126..0x1_0000 => {
                bytes.push(masked | 126);
                bytes.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                bytes.push(masked | 127);
                bytes.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        bytes.extend(self.key.iter().flatten());
        bytes.extend_from_slice(self.payload);
        bytes
    }
}

/// Encodes an event, removes the masking, and returns the frame as a server would send it.
pub fn unmasked(encoder: &mut Encoder, event: &Incoming) -> Vec<u8> {
    let mut out = Vec::new();
    match event {
        Incoming::Message(kind, payload) => encoder.message(&mut out, *kind, Coding::Plain, payload),
        Incoming::Ping(payload) => encoder.ping(&mut out, payload),
        Incoming::Pong(payload) => encoder.pong(&mut out, payload),
        Incoming::Close(body) => encoder.close(&mut out, body.as_ref()),
    }
    unmask(&out, first_byte(event), &payload_of(event))
}

/// Checks an encoded frame, and returns it without masking.
pub fn unmask(out: &[u8], first: u8, payload: &[u8]) -> Vec<u8> {
    let frame = Frame::take(&mut &out[..]).expect("a frame cut short");
    let key = frame.key.expect("a frame without a key");
    let mut clear = frame.payload.to_vec();
    // The key is repeated sixteen times, because the fuzzer's instrumentation slows down a loop over single bytes.
    let keys: [u8; 64] = std::array::from_fn(|at| key[at % 4]);
    for block in clear.chunks_mut(keys.len()) {
        block.iter_mut().zip(keys).for_each(|(byte, key)| *byte ^= key);
    }
    assert!(frame.first == first && clear == payload);
    assert!(out == frame.to_bytes(), "not in the shortest form, or more than a frame");
    Frame { first, key: None, payload }.to_bytes()
}

/// Returns the first byte of an event's frame.
pub fn first_byte(event: &Incoming) -> u8 {
    match event {
        Incoming::Message(Kind::Text, _) => 0x81,
        Incoming::Message(Kind::Binary, _) => 0x82,
        Incoming::Close(_) => 0x88,
        Incoming::Ping(_) => 0x89,
        Incoming::Pong(_) => 0x8a,
    }
}

/// Returns the payload of an event's frame.
pub fn payload_of(event: &Incoming) -> Vec<u8> {
    match event {
        Incoming::Message(_, payload) | Incoming::Ping(payload) | Incoming::Pong(payload) => payload.clone(),
        Incoming::Close(None) => Vec::new(),
        Incoming::Close(Some(CloseFrame { code, reason })) => {
            [&code.get().to_be_bytes()[..], reason.as_bytes()].concat()
        }
    }
}
