//! Reads and makes frames (RFC 6455 section 5.2).
//!
//! Comes in: bytes of a client. Goes out: its frames without masking, otherwise unchecked, because the specs check
//! them. In the other direction it makes unmasked frames with any first byte, valid or not. It shares no code with the
//! codec under test.

use std::fmt::Write as _;

use bytes::{Buf, BytesMut};

/// A client that announces a longer frame is considered broken.
const LARGEST: u64 = 1 << 30;

/// One frame of the client.
pub struct Frame {
    /// The last fragment of its message.
    pub fin: bool,
    /// The three reserved bits.
    pub reserved: u8,
    /// 0-15.
    pub opcode: u8,
    /// The masking key, which a client must use.
    pub key: Option<[u8; 4]>,
    /// Unmasked.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Returns the code of a Close frame's body.
    pub fn close_code(&self) -> Option<u16> {
        let code = self.payload.get(..2)?;
        Some(u16::from_be_bytes([code[0], code[1]]))
    }

    /// Describes the frame in one line with the first bytes of its payload in hexadecimal.
    pub fn describe(&self, most: usize) -> String {
        let mut text = format!(
            "opcode={} fin={} rsv={} masked={} length={} key=",
            self.opcode,
            u8::from(self.fin),
            self.reserved,
            u8::from(self.key.is_some()),
            self.payload.len()
        );
        for byte in self.key.iter().flatten() {
            let _ = write!(text, "{byte:02x}");
        }
        text.push_str(" data=");
        for byte in self.payload.iter().take(most) {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

/// Splits the bytes of a client into frames.
#[derive(Default)]
pub struct Decoder {
    buffer: BytesMut,
}

impl Decoder {
    /// Adds received bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next complete frame.
    ///
    /// # Errors
    /// A length that no spec sends, after which the stream cannot be read.
    pub fn next(&mut self) -> Result<Option<Frame>, String> {
        let Some((header, length, key)) = self.header() else { return Ok(None) };
        if length > LARGEST {
            return Err(format!("frame of {length} bytes"));
        }
        let length = length as usize;
        if self.buffer.len() < header + length {
            self.buffer.reserve(header + length - self.buffer.len());
            return Ok(None);
        }
        let first = self.buffer[0];
        self.buffer.advance(header);
        let mut payload = self.buffer.split_to(length).to_vec();
        if let Some(key) = key {
            for chunk in payload.chunks_mut(4) {
                for (byte, mask) in chunk.iter_mut().zip(key) {
                    *byte ^= mask;
                }
            }
        }
        Ok(Some(Frame { fin: first & 0x80 != 0, reserved: (first >> 4) & 7, opcode: first & 15, key, payload }))
    }

    fn header(&self) -> Option<(usize, u64, Option<[u8; 4]>)> {
        let bytes = &self.buffer[..];
        let second = *bytes.get(1)?;
        let (mut at, length) = match second & 0x7f {
            126 => (4, u64::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]))),
            127 => {
                let mut eight = [0; 8];
                eight.copy_from_slice(bytes.get(2..10)?);
                (10, u64::from_be_bytes(eight))
            }
            short => (2, u64::from(short)),
        };
        if second & 0x80 == 0 {
            return Some((at, length, None));
        }
        let mut key = [0; 4];
        key.copy_from_slice(bytes.get(at..at + 4)?);
        at += 4;
        Some((at, length, Some(key)))
    }
}

/// Appends an unmasked frame whose first byte is `first`: the final bit, the reserved bits and the opcode.
pub fn encode(first: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(first);
    match payload.len() {
        short @ 0..=125 => out.push(short as u8),
        medium @ 126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            out.push(127);
            out.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}

/// Returns a Close body; without a code it is empty.
pub fn close_body(code: Option<u16>, reason: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    if let Some(code) = code {
        body.extend_from_slice(&code.to_be_bytes());
        body.extend_from_slice(reason);
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unmasks_what_comes_byte_by_byte() {
        // The masked "Hello" of RFC 6455 section 5.7.
        let mut decoder = Decoder::default();
        for byte in [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51] {
            decoder.feed(&[byte]);
            assert!(decoder.next().unwrap().is_none());
        }
        decoder.feed(&[0x58]);
        let frame = decoder.next().unwrap().unwrap();
        assert_eq!(frame.describe(2), "opcode=1 fin=1 rsv=0 masked=1 length=5 key=37fa213d data=4865".to_owned());
        assert_eq!(frame.payload, b"Hello");
    }

    #[test]
    fn reads_back_each_form_of_length() {
        for size in [0, 125, 126, 65_535, 65_536] {
            let mut bytes = Vec::new();
            encode(0x82, &vec![7; size], &mut bytes);
            let mut decoder = Decoder::default();
            decoder.feed(&bytes);
            let frame = decoder.next().unwrap().unwrap();
            assert_eq!((frame.payload.len(), frame.opcode, frame.key), (size, 2, None));
        }
    }

    #[test]
    fn gives_up_on_a_length_that_no_spec_sends() {
        let mut decoder = Decoder::default();
        decoder.feed(&[0x82, 0x7f, 0x7f, 0, 0, 0, 0, 0, 0, 0]);
        assert!(decoder.next().is_err());
    }
}
