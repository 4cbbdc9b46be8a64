//! Encoded frames side by side, with the account of each: whose it is, and what counts when the transport has taken it.
//!
//! Comes in: frames in the order of the wire, and how many bytes the transport took. Goes out: what that stands for.
//! Decides nothing about when a frame is sent.

use std::collections::VecDeque;
use std::mem;

use crate::event::{Kind, Messages};
use crate::protocol::{Coding, Encoder, encoded_len};

/// What a message is charged in addition to its encoded bytes.
pub const MESSAGE_OVERHEAD: usize = 128;

/// The capacity, in entries, that an idle connection may keep.
const KEPT: usize = 64;

/// What the transport has taken since the last account.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// All bytes.
    pub bytes: usize,
    /// Bytes of the script's payload.
    pub payload: usize,
    /// The cost of those messages of the script that were taken whole.
    pub cost: usize,
    /// How many messages of the script were taken whole, and their payload.
    pub whole: Messages,
    /// The engine's own Ping is among them.
    pub keepalive: bool,
    /// The whole Close frame is among them.
    pub close: bool,
}

/// The kind of a frame, which decides what counts when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A message of the script that is not compressed.
    Message {
        /// What the outbox charged for it.
        cost: usize,
    },
    /// A message of the script that is compressed. No byte on the wire stands for one byte of its payload, so all of
    /// that counts when the whole frame is written.
    Deflated {
        /// What the outbox charged for it.
        cost: usize,
        /// The length of the payload before it was compressed.
        payload: usize,
    },
    /// A Ping of the script.
    Ping {
        /// What the outbox charged for it.
        cost: usize,
    },
    /// The engine's own Ping.
    Keepalive,
    /// The answer to a Ping.
    Pong,
    /// The Close frame.
    Close,
}

/// Frames of one kind and size that follow each other, of which at least one is not written.
#[derive(Clone, Copy, Debug)]
pub struct Series {
    /// What they are.
    pub role: Role,
    /// Bytes of the header of each.
    pub header: usize,
    /// Bytes of the payload of each, on the wire.
    pub payload: usize,
    /// How many they are.
    pub count: usize,
    /// Bytes of the first one that are written.
    pub written: usize,
}

impl Series {
    /// Returns the bytes of all of them.
    pub fn len(&self) -> usize {
        self.count * (self.header + self.payload)
    }

    /// Notes that the transport took `bytes`, as far as they belong to these frames, and adds what they stand for to
    /// `taken`. Returns the bytes that belong to later ones.
    fn advance(&mut self, bytes: usize, taken: &mut Taken) -> usize {
        let size = self.header + self.payload;
        let reached = self.written + bytes;
        let whole = (reached / size).min(self.count);
        let rest = reached - whole * size;
        self.count -= whole;
        let written = if self.count == 0 { 0 } else { rest };
        let before = mem::replace(&mut self.written, written);
        let payload_within = |written: usize| written.saturating_sub(self.header);
        match self.role {
            Role::Message { cost } => {
                taken.payload += whole * self.payload + payload_within(written) - payload_within(before);
                taken.cost += whole * cost;
                taken.whole.add(whole, self.payload);
            }
            Role::Deflated { cost, payload } => {
                taken.payload += whole * payload;
                taken.cost += whole * cost;
                taken.whole.add(whole, payload);
            }
            Role::Ping { cost } => taken.cost += whole * cost,
            Role::Keepalive => taken.keepalive |= whole > 0,
            Role::Close => taken.close |= whole > 0,
            Role::Pong => {}
        }
        rest - written
    }
}

/// The accounts of frames that the transport has not taken, in the order of the wire.
#[derive(Debug, Default)]
pub struct Accounts {
    frames: VecDeque<Series>,
}

impl Accounts {
    /// Adds a frame of `total` bytes, `payload` of which are its payload on the wire.
    pub fn add(&mut self, role: Role, total: usize, payload: usize) {
        let header = total - payload;
        match self.frames.back_mut() {
            Some(last) if (last.role, last.header, last.payload) == (role, header, payload) => last.count += 1,
            _ => self.frames.push_back(Series { role, header, payload, count: 1, written: 0 }),
        }
    }

    /// Tells whether a compressed message is among the frames.
    pub fn has_deflated(&self) -> bool {
        self.frames.iter().any(|series| matches!(series.role, Role::Deflated { .. }))
    }

    /// Takes out the frame that the transport has taken in part, if there is one.
    pub fn take_begun(&mut self) -> Option<Series> {
        let first = self.frames.front_mut().filter(|first| first.written > 0)?;
        let begun = Series { count: 1, ..*first };
        (first.count, first.written) = (first.count - 1, 0);
        if first.count == 0 {
            self.frames.pop_front();
        }
        Some(begun)
    }

    /// Adds frames that follow each other.
    pub fn add_series(&mut self, series: Series) {
        if series.count > 0 {
            self.frames.push_back(series);
        }
    }

    /// Returns the frames, in the order of the wire.
    pub fn into_series(self) -> impl Iterator<Item = Series> {
        self.frames.into_iter()
    }

    /// Adds the frames of `later` behind these.
    pub fn append(&mut self, mut later: Accounts) {
        if self.frames.is_empty() {
            mem::swap(self, &mut later);
        } else {
            self.frames.append(&mut later.frames);
        }
    }

    /// Notes that the transport took `written` bytes, and adds what they stand for to `taken`.
    pub fn advance(&mut self, written: usize, taken: &mut Taken) {
        taken.bytes += written;
        let mut left = written;
        while let Some(series) = self.frames.front_mut() {
            left = series.advance(left, taken);
            if series.count > 0 {
                return;
            }
            self.frames.pop_front();
        }
        if self.frames.capacity() > KEPT {
            self.frames = VecDeque::new();
        }
    }

    /// Tells whether no more capacity is kept than an idle connection may keep. For the tests.
    #[cfg(test)]
    pub fn is_small(&self) -> bool {
        self.frames.capacity() <= KEPT
    }
}

/// Encoded frames that wait for the transport, with their accounts.
#[derive(Debug, Default)]
pub struct Frames {
    /// The bytes on the wire.
    pub bytes: Vec<u8>,
    /// What they are.
    pub accounts: Accounts,
}

impl Frames {
    /// Encodes a message and adds it; returns its cost.
    pub fn add_message(&mut self, encoder: &mut Encoder, kind: Kind, payload: &[u8]) -> usize {
        let total = encoded_len(payload.len());
        let cost = total + MESSAGE_OVERHEAD;
        encoder.message(&mut self.bytes, kind, Coding::Plain, payload);
        self.accounts.add(Role::Message { cost }, total, payload.len());
        cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_one_account_of_frames_that_are_alike_and_counts_each() {
        let role = Role::Message { cost: 200 };
        for step in [1, 5, 6, 15, 16, 17, 40, 1000] {
            let mut accounts = Accounts::default();
            for _ in 0..5 {
                accounts.add(role, 16, 10);
            }
            accounts.add(Role::Pong, 6, 0);
            accounts.add(role, 16, 10);
            assert_eq!(accounts.frames.len(), 3);
            let (mut taken, mut written) = (Taken::default(), 0);
            while written < 102 {
                let next = step.min(102 - written);
                accounts.advance(next, &mut taken);
                written += next;
                // The Pong stands at 80, and the last message after it.
                let messages = written.min(80) / 16 + written.saturating_sub(86) / 16;
                let rest = if written < 80 { written % 16 } else { written.saturating_sub(86) % 16 };
                let payload = 10 * messages + rest.saturating_sub(6);
                assert_eq!((taken.bytes, taken.payload, taken.cost), (written, payload, 200 * messages), "step {step}");
            }
            assert!(accounts.frames.is_empty());
        }
    }
}
