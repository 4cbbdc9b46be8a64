//! The frames of the server (RFC 6455 section 5.2), with no more checks than it needs to stay in step.
//!
//! Comes in: bytes of a client. Goes out: frames, as ranges of the buffer, and bytes for a client. It trusts its clients:
//! it is a measuring instrument, and must be faster than each of them.

use std::io::{self, Read};
use std::ops::Range;

/// The first byte of a whole text message.
pub const TEXT: u8 = 0x81;
/// The first byte of a Close frame.
pub const CLOSE: u8 = 0x88;
/// The first byte of a Ping frame.
pub const PING: u8 = 0x89;
/// The first byte of a Pong frame.
pub const PONG: u8 = 0x8a;

/// The bytes that are read at once. A larger frame makes the buffer grow.
const CHUNK: usize = 64 * 1024;

/// One frame in the buffer.
pub struct Frame {
    /// The first byte of the header.
    pub first: u8,
    /// The masking key.
    pub key: [u8; 4],
    /// Where the payload is.
    pub payload: Range<usize>,
}

impl Frame {
    /// Tells whether this is a Close, a Ping or a Pong.
    pub fn is_control(&self) -> bool {
        self.first & 0x08 != 0
    }
}

/// The bytes of a client that are not used up.
pub struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// Makes an empty buffer.
    pub fn new() -> Buffer {
        Buffer { bytes: vec![0; CHUNK], start: 0, end: 0 }
    }

    /// Returns the bytes of a range.
    pub fn bytes(&mut self, range: Range<usize>) -> &mut [u8] {
        &mut self.bytes[range]
    }

    /// Reads once, and returns whether the stream goes on.
    ///
    /// # Errors
    /// The stream fails.
    pub fn fill(&mut self, stream: &mut impl Read) -> io::Result<Goes> {
        self.make_space();
        let count = stream.read(&mut self.bytes[self.end..])?;
        self.end += count;
        Ok(if count == 0 { Goes::Ended } else { Goes::On })
    }

    /// Takes the next whole frame, or returns `None` if more bytes are needed.
    pub fn take(&mut self) -> Option<Frame> {
        let frame = self.peek()?;
        self.start = frame.payload.end;
        Some(frame)
    }

    /// Tells whether a whole frame is there.
    pub fn has_frame(&self) -> bool {
        self.peek().is_some()
    }

    fn peek(&self) -> Option<Frame> {
        let (first, header, length) = self.header()?;
        let key_at = self.start + header;
        let payload = key_at + 4..key_at + 4 + length;
        if payload.end > self.end {
            return None;
        }
        let key = self.bytes[key_at..key_at + 4].try_into().ok()?;
        Some(Frame { first, key, payload })
    }

    /// Returns the first byte, the length of the header up to the masking key, and the length of the payload.
    fn header(&self) -> Option<(u8, usize, usize)> {
        let bytes = &self.bytes[self.start..self.end];
        let short = usize::from(*bytes.get(1)? & 0x7f);
        let (header, length) = match short {
            126 => (4, u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?).into()),
            127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize),
            _ => (2, short),
        };
        (bytes.len() >= header + 4).then_some((bytes[0], header, length))
    }

    /// Moves the rest to the front, and makes the buffer as large as the frame that has begun.
    fn make_space(&mut self) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            return;
        }
        let frame = self.header().map_or(0, |(_, header, length)| header + 4 + length);
        if self.bytes.len() - self.start < frame.max(CHUNK / 2) {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if self.bytes.len() < frame {
                self.bytes.resize(frame, 0);
            }
        }
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Buffer::new()
    }
}

/// Whether a stream goes on.
#[derive(PartialEq, Eq)]
pub enum Goes {
    /// More may come.
    On,
    /// Nothing more will come.
    Ended,
}

/// Undoes the masking of a payload (RFC 6455 section 5.3).
pub fn unmask(payload: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

/// Returns the header of a server's frame, and its length.
pub fn header(first: u8, length: usize) -> ([u8; 10], usize) {
    let mut header = [0; 10];
    header[0] = first;
    let used = match length {
        0..126 => {
            header[1] = length as u8;
            2
        }
        126..65_536 => {
            header[1] = 126;
            header[2..4].copy_from_slice(&(length as u16).to_be_bytes());
            4
        }
        _ => {
            header[1] = 127;
            header[2..].copy_from_slice(&(length as u64).to_be_bytes());
            10
        }
    };
    (header, used)
}

/// Appends a server's frame.
pub fn append(out: &mut Vec<u8>, first: u8, payload: &[u8]) {
    let (header, used) = header(first, payload.len());
    out.extend_from_slice(&header[..used]);
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(payload: &[u8], key: [u8; 4]) -> Vec<u8> {
        let (mut header, used) = header(TEXT, payload.len());
        header[1] |= 0x80;
        let mut frame = header[..used].to_vec();
        frame.extend_from_slice(&key);
        let mut payload = payload.to_vec();
        unmask(&mut payload, key);
        frame.extend_from_slice(&payload);
        frame
    }

    #[test]
    fn takes_frames_of_every_length_however_they_are_cut() {
        let payloads: Vec<Vec<u8>> =
            [0, 1, 125, 126, 65_535, 65_536, 200_000].iter().map(|length| vec![b'x'; *length]).collect();
        let wire: Vec<u8> = payloads.iter().flat_map(|payload| masked(payload, [1, 2, 3, 4])).collect();
        for cut in [1, 7, 4096, 100_000] {
            let mut buffer = Buffer::new();
            let mut seen = Vec::new();
            for mut piece in wire.chunks(cut) {
                while !piece.is_empty() {
                    assert!(buffer.fill(&mut piece).expect("a slice can be read") == Goes::On);
                    while let Some(frame) = buffer.take() {
                        let payload = buffer.bytes(frame.payload);
                        unmask(payload, frame.key);
                        seen.push(payload.to_vec());
                    }
                }
            }
            assert!(seen == payloads, "cut into {cut} bytes");
        }
    }
}
