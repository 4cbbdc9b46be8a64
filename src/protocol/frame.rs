//! The header of one frame (RFC 6455 section 5.2), read as a client and written as a client.
//!
//! Comes in: the first bytes of a frame. Goes out: a [`Header`] that is known to keep every rule that concerns a header
//! alone, or the violation. Knows neither the frame that came before nor the limits.

use super::violation::Violation;
use crate::event::Kind;

/// The longest payload of a control frame, in bytes (RFC 6455 section 5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;
/// The length byte that announces a length of 16 bits.
pub(super) const LENGTH_16: u8 = 126;
/// The shortest length that takes 16 bits.
pub(super) const SHORTEST_16: usize = LENGTH_16 as usize;
/// The length byte that announces a length of 64 bits.
const LENGTH_64: u8 = 127;

/// How the payload of a message is coded on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// As it is.
    Plain,
    /// Compressed by permessage-deflate.
    Deflated,
}

impl Coding {
    /// Returns the reserved bits of the message's first frame (RFC 7692 section 6).
    pub(super) const fn bits(self) -> u8 {
        match self {
            Coding::Plain => 0,
            Coding::Deflated => 0x40,
        }
    }

    fn from_bits(first: u8) -> Coding {
        if first & Coding::Deflated.bits() == 0 { Coding::Plain } else { Coding::Deflated }
    }
}

/// The control frames (RFC 6455 section 5.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    Close,
    Ping,
    Pong,
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    /// The second or a later fragment of a message.
    Continuation,
    /// The only or first frame of a message.
    Message(Kind),
    Control(Control),
}

impl Opcode {
    /// Returns the four bits of the opcode.
    pub(super) const fn bits(self) -> u8 {
        match self {
            Opcode::Continuation => 0x0,
            Opcode::Message(Kind::Text) => 0x1,
            Opcode::Message(Kind::Binary) => 0x2,
            Opcode::Control(Control::Close) => 0x8,
            Opcode::Control(Control::Ping) => 0x9,
            Opcode::Control(Control::Pong) => 0xa,
        }
    }

    fn from_bits(bits: u8) -> Option<Opcode> {
        match bits {
            0x0 => Some(Opcode::Continuation),
            0x1 => Some(Opcode::Message(Kind::Text)),
            0x2 => Some(Opcode::Message(Kind::Binary)),
            0x8 => Some(Opcode::Control(Control::Close)),
            0x9 => Some(Opcode::Control(Control::Ping)),
            0xa => Some(Opcode::Control(Control::Pong)),
            _ => None,
        }
    }
}

/// The first byte of an unfragmented text message with no reserved bit.
pub(super) const WHOLE_TEXT: u8 = FIN | Opcode::Message(Kind::Text).bits();
/// The first byte of an unfragmented binary message with no reserved bit.
pub(super) const WHOLE_BINARY: u8 = FIN | Opcode::Message(Kind::Binary).bits();

/// The header of a frame from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The frame is the last, or only, one of its message.
    pub(super) fin: bool,
    /// How the message that the frame begins is coded; plain for any other frame.
    pub(super) coding: Coding,
    pub(super) opcode: Opcode,
    /// Bytes of payload; below 2^63, at most 125 for a control frame.
    pub(super) length: u64,
}

impl Header {
    /// The longest header from a server: no masking key.
    pub(super) const MAX_LEN: usize = 10;

    /// Reads the header at the front of `bytes`, and returns it with its own length; `None` if it is not whole yet.
    ///
    /// `extension_bits`: the reserved bits that negotiated extensions define for the first frame of a message.
    ///
    /// # Errors
    /// A broken rule that concerns a header alone, as soon as the bytes show it.
    pub(super) fn parse(bytes: &[u8], extension_bits: u8) -> Result<Option<(Header, usize)>, Violation> {
        let [first, second, extended @ ..] = bytes else { return Ok(None) };
        let Some(opcode) = Opcode::from_bits(first & OPCODE) else {
            return Err(Violation::protocol(format!("reserved opcode: 0x{:x}", first & OPCODE)));
        };
        // permessage-deflate sets its bit only on the first frame of a message (RFC 7692 section 6.1).
        let defined = if matches!(opcode, Opcode::Message(_)) { extension_bits } else { 0 };
        let undefined = first & RESERVED & !defined;
        if undefined != 0 {
            return Err(Violation::protocol(format!("reserved bits set: 0x{undefined:x}")));
        }
        if second & MASKED != 0 {
            return Err(Violation::protocol("masked frame from the server"));
        }
        let fin = first & FIN != 0;
        if matches!(opcode, Opcode::Control(_)) {
            if !fin {
                return Err(Violation::protocol("fragmented control frame"));
            }
            if usize::from(*second) > MAX_CONTROL_PAYLOAD {
                // An extended length means a payload that is too long, or a length that is not in its shortest form.
                let text = format!("control frame with an extended length, limit {MAX_CONTROL_PAYLOAD} bytes");
                return Err(Violation::protocol(text));
            }
        }
        let (length, header_len) = match *second {
            LENGTH_16 => {
                let Some(length) = extended.first_chunk() else { return Ok(None) };
                (u64::from(u16::from_be_bytes(*length)), 4)
            }
            LENGTH_64 => {
                let Some(length) = extended.first_chunk() else { return Ok(None) };
                (u64::from_be_bytes(*length), 10)
            }
            length => (u64::from(length), 2),
        };
        if length > i64::MAX as u64 {
            return Err(Violation::protocol(format!("frame length over 63 bits: {length}")));
        }
        // "The minimal number of bytes MUST be used" (section 5.2). Some clients accept longer forms, but no server is
        // known to send them, and a second encoding of the same frame could hide it from a filter on the way.
        if header_len != server_header_len(length) {
            return Err(Violation::protocol(format!("frame length not in its shortest form: {length}")));
        }
        Ok(Some((Header { fin, coding: Coding::from_bits(*first), opcode, length }, header_len)))
    }
}

/// Appends the header of an unfragmented frame from the client to `out`; the payload follows, masked with `key`.
///
/// `coding`: plain for a control frame.
pub(super) fn append_client_header(
    out: &mut Vec<u8>,
    opcode: Opcode,
    coding: Coding,
    payload_len: usize,
    key: [u8; 4],
) {
    let first = FIN | coding.bits() | opcode.bits();
    let length = payload_len as u64;
    match server_header_len(length) {
        2 => {
            // The common case; the compiler sees its fixed size.
            let [a, b, c, d] = key;
            out.extend_from_slice(&[first, MASKED | length as u8, a, b, c, d]);
            return;
        }
        4 => {
            out.extend_from_slice(&[first, MASKED | LENGTH_16]);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.extend_from_slice(&[first, MASKED | LENGTH_64]);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
    out.extend_from_slice(&key);
}

/// Returns the length in bytes of the shortest header without a masking key.
pub(super) const fn server_header_len(payload_len: u64) -> usize {
    match payload_len {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(bytes: &[u8]) -> String {
        Header::parse(bytes, 0).unwrap_err().text
    }

    #[test]
    fn reads_each_form_of_length() {
        let text = Opcode::Message(Kind::Text);
        for (bytes, length, header_len) in [
            (&[0x81, 125][..], 125, 2),
            (&[0x81, 126, 0, 126], 126, 4),
            (&[0x81, 126, 0xff, 0xff], 65_535, 4),
            (&[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0], 65_536, 10),
            (&[0x81, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255], i64::MAX as u64, 10),
        ] {
            let expected = Header { fin: true, coding: Coding::Plain, opcode: text, length };
            assert_eq!(Header::parse(bytes, 0), Ok(Some((expected, header_len))));
            for short in 0..bytes.len() {
                assert_eq!(Header::parse(&bytes[..short], 0), Ok(None), "{bytes:?} cut at {short}");
            }
        }
    }

    #[test]
    fn refuses_a_length_that_is_not_in_its_shortest_form() {
        for bytes in [
            &[0x82, 126, 0, 0][..],
            &[0x82, 126, 0, 125],
            &[0x82, 127, 0, 0, 0, 0, 0, 0, 0, 1],
            &[0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
        ] {
            assert!(text_of(bytes).starts_with("frame length not in its shortest form"), "{bytes:?}");
        }
    }

    #[test]
    fn refuses_at_the_first_two_bytes_without_waiting_for_the_length() {
        assert_eq!(text_of(&[0x83, 126]), "reserved opcode: 0x3");
        assert_eq!(text_of(&[0x91, 126]), "reserved bits set: 0x10");
        assert_eq!(text_of(&[0x81, 0xfe]), "masked frame from the server");
        assert_eq!(text_of(&[0x09, 126]), "fragmented control frame");
        assert_eq!(text_of(&[0x89, 126]), "control frame with an extended length, limit 125 bytes");
    }

    #[test]
    fn accepts_a_negotiated_bit_only_on_the_first_frame_of_a_message() {
        let coding = |bytes| Header::parse(bytes, Coding::Deflated.bits()).unwrap().unwrap().0.coding;
        assert_eq!((coding(&[0xc1, 0]), coding(&[0x42, 0])), (Coding::Deflated, Coding::Deflated));
        assert_eq!(coding(&[0x81, 0]), Coding::Plain);
        for first in [0xc0, 0x40, 0xc8, 0xc9, 0xca, 0xe1, 0xa1, 0xd1] {
            assert!(Header::parse(&[first, 0], Coding::Deflated.bits()).is_err(), "{first:x}");
        }
    }

    #[test]
    fn writes_the_shortest_header_with_the_key_last() {
        for (length, expected) in [
            (0, &[0x82, 0x80, 1, 2, 3, 4][..]),
            (125, &[0x82, 0xfd, 1, 2, 3, 4]),
            (126, &[0x82, 0xfe, 0, 126, 1, 2, 3, 4]),
            (65_535, &[0x82, 0xfe, 255, 255, 1, 2, 3, 4]),
            (65_536, &[0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4]),
        ] {
            let mut out = Vec::new();
            append_client_header(&mut out, Opcode::Message(Kind::Binary), Coding::Plain, length, [1, 2, 3, 4]);
            assert_eq!(out, expected);
        }
    }
}
