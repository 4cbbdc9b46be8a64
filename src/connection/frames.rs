//! Encoded frames side by side, with the account of each: whose it is, and what counts when the transport has taken it.
//!
//! Comes in: frames in the order of the wire, and how many bytes the transport took. Goes out: what that stands for. Does
//! not know where the bytes are.

use std::collections::VecDeque;
use std::mem;

/// The capacity, in frames, that an idle connection may keep.
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
    /// The engine's own Ping is among them.
    pub keepalive: bool,
    /// The whole Close frame is among them.
    pub close: bool,
}

/// The kind of a frame, which decides what counts when it is written.
#[derive(Debug)]
pub enum Role {
    /// A message of the script that is not compressed.
    Message {
        /// What the outbox charged for it.
        cost: usize,
    },
    /// A message of the script that is compressed. No byte on the wire stands for one byte of its payload, so all of that
    /// counts when the whole frame is written.
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

#[derive(Debug)]
struct Frame {
    /// Bytes of header and payload that are not written.
    header: usize,
    payload: usize,
    role: Role,
}

/// The accounts of frames that the transport has not taken, in the order of the wire.
#[derive(Debug, Default)]
pub struct Accounts {
    frames: VecDeque<Frame>,
}

impl Accounts {
    /// Adds a frame of `total` bytes, `payload` of which are its payload on the wire.
    pub fn add(&mut self, role: Role, total: usize, payload: usize) {
        self.frames.push_back(Frame { header: total - payload, payload, role });
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
        while let Some(frame) = self.frames.front_mut() {
            let header = left.min(frame.header);
            let payload = (left - header).min(frame.payload);
            frame.header -= header;
            frame.payload -= payload;
            left -= header + payload;
            if matches!(frame.role, Role::Message { .. }) {
                taken.payload += payload;
            }
            if frame.header + frame.payload > 0 {
                return;
            }
            match frame.role {
                Role::Message { cost } | Role::Ping { cost } => taken.cost += cost,
                Role::Deflated { cost, payload } => {
                    taken.cost += cost;
                    taken.payload += payload;
                }
                Role::Keepalive => taken.keepalive = true,
                Role::Close => taken.close = true,
                Role::Pong => {}
            }
            self.frames.pop_front();
        }
        if self.frames.capacity() > KEPT {
            self.frames = VecDeque::new();
        }
    }

    /// Returns the capacity, in frames, that is kept. For the tests.
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
