//! From messages and control frames to bytes for the server.
//!
//! Comes in: payload that already keeps the rules. Goes out: unfragmented masked frames, each with its own masking key
//! (RFC 6455 sections 5.1 and 5.3). Does not know what was sent before, nor whether sending is still allowed.

use rand::Rng;

use super::frame::{Coding, Control, MAX_CONTROL_PAYLOAD, Opcode, append_client_header, server_header_len};
use super::mask::{append_masked, mask_in_place};
use crate::close::CloseFrame;
use crate::event::Kind;

/// Keys that are drawn at once: to reach the thread's generator costs more than the random bytes.
const KEYS: usize = 16;

/// Writes the byte stream of one connection.
#[derive(Debug)]
pub struct Encoder {
    keys: [u8; 4 * KEYS],
    used: usize,
}

/// Returns the bytes that a frame with this payload takes on the wire: header, masking key and payload.
pub const fn encoded_len(payload_len: usize) -> usize {
    server_header_len(payload_len as u64) + 4 + payload_len
}

impl Encoder {
    /// Makes an encoder for one connection.
    pub fn new() -> Encoder {
        Encoder { keys: [0; 4 * KEYS], used: 4 * KEYS }
    }

    /// Appends a whole message in one frame to `out`; copies and masks in one pass.
    ///
    /// The caller has checked that the payload of text is UTF-8, and has compressed it if `coding` says so.
    pub fn message(&mut self, out: &mut Vec<u8>, kind: Kind, coding: Coding, payload: &[u8]) {
        self.frame(out, Opcode::Message(kind), coding, payload);
    }

    /// Appends only the header of a message's frame to `out`, and masks the payload in place; the caller writes the payload
    /// after `out`. So a large message is not copied.
    pub fn message_in_place(&mut self, out: &mut Vec<u8>, kind: Kind, coding: Coding, payload: &mut [u8]) {
        let key = self.next_key();
        append_client_header(out, Opcode::Message(kind), coding, payload.len(), key);
        mask_in_place(payload, key);
    }

    /// Appends a Ping to `out`. `payload`: at most [`MAX_CONTROL_PAYLOAD`] bytes, a longer one is cut.
    pub fn ping(&mut self, out: &mut Vec<u8>, payload: &[u8]) {
        self.control(out, Control::Ping, payload);
    }

    /// Appends a Pong to `out`. `payload`: that of the Ping it answers (RFC 6455 section 5.5.3), at most
    /// [`MAX_CONTROL_PAYLOAD`] bytes, a longer one is cut.
    pub fn pong(&mut self, out: &mut Vec<u8>, payload: &[u8]) {
        self.control(out, Control::Pong, payload);
    }

    /// Appends a Close to `out`; it is the last frame of the connection. A Close without a body stands for 1005.
    pub fn close(&mut self, out: &mut Vec<u8>, body: Option<&CloseFrame>) {
        let mut payload = Vec::new();
        if let Some(CloseFrame { code, reason }) = body {
            payload.extend_from_slice(&code.get().to_be_bytes());
            payload.extend_from_slice(reason.as_bytes());
        }
        self.control(out, Control::Close, &payload);
    }

    fn control(&mut self, out: &mut Vec<u8>, control: Control, payload: &[u8]) {
        debug_assert!(payload.len() <= MAX_CONTROL_PAYLOAD, "control frame of {} bytes", payload.len());
        self.frame(out, Opcode::Control(control), Coding::Plain, &payload[..payload.len().min(MAX_CONTROL_PAYLOAD)]);
    }

    fn frame(&mut self, out: &mut Vec<u8>, opcode: Opcode, coding: Coding, payload: &[u8]) {
        let key = self.next_key();
        out.reserve(encoded_len(payload.len()));
        append_client_header(out, opcode, coding, payload.len(), key);
        append_masked(out, payload, key);
    }

    #[inline]
    fn next_key(&mut self) -> [u8; 4] {
        if self.used == self.keys.len() {
            rand::rng().fill_bytes(&mut self.keys);
            self.used = 0;
        }
        let mut key = [0; 4];
        key.copy_from_slice(&self.keys[self.used..self.used + 4]);
        self.used += 4;
        key
    }
}
impl Default for Encoder {
    fn default() -> Self {
        Encoder::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn draws_a_fresh_key_for_each_frame() {
        let mut encoder = Encoder::new();
        let keys: HashSet<[u8; 4]> = (0..1000).map(|_| encoder.next_key()).collect();
        // Two of a thousand random keys of 32 bits are equal once in 8,600 runs; three pairs practically never.
        assert!(keys.len() > 997, "{}", keys.len());
    }

    #[test]
    fn knows_the_length_of_a_frame_on_the_wire() {
        let mut encoder = Encoder::new();
        for length in [0, 1, 125, 126, 65_535, 65_536, 100_000] {
            let mut out = Vec::new();
            encoder.message(&mut out, Kind::Binary, Coding::Plain, &vec![1; length]);
            assert_eq!(out.len(), encoded_len(length));
        }
    }

    #[test]
    fn encodes_the_same_frame_in_place_and_by_copy() {
        let payload: Vec<u8> = (0..70_000_u32).map(|i| i as u8).collect();
        let mut encoder = Encoder::new();
        let mut copied = Vec::new();
        encoder.message(&mut copied, Kind::Text, Coding::Plain, &payload);
        encoder.used -= 4;
        let mut in_place = Vec::new();
        let mut masked = payload.clone();
        encoder.message_in_place(&mut in_place, Kind::Text, Coding::Plain, &mut masked);
        in_place.extend_from_slice(&masked);
        assert!(copied == in_place);
        assert_ne!(masked, payload);
    }

    #[test]
    fn appends_to_bytes_that_already_wait() {
        let mut encoder = Encoder::new();
        let mut out = b"before".to_vec();
        encoder.ping(&mut out, b"");
        assert_eq!((&out[..6], out.len()), (&b"before"[..], 6 + encoded_len(0)));
    }
}
