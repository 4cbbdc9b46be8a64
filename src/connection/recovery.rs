//! What becomes of the script's messages when their connection is lost and another follows.
//!
//! Comes in: frames that the transport has not taken. Goes out: those of which it has taken no byte, to be sent by the
//! next connection, and an account of the others. Decides nothing about the next connection.

use super::frames::{Accounts, Frames, Role, Series, Taken};
use super::outgoing::Outgoing;
use crate::event::Messages;

/// What is left of a lost connection.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Encoded messages of which the transport has taken no byte. They are not compressed, so any connection can send
    /// them.
    pub frames: Frames,
    /// The message that follows those, if it was compressed or was to be.
    pub original: Option<Outgoing>,
    /// Messages that were taken, but perhaps not sent.
    pub lost: Messages,
    /// Bytes of the script's payload that those hold and that no account has counted.
    pub payload: usize,
    /// The cost of those.
    pub cost: usize,
}

impl Recovered {
    /// Sorts what the transport has not taken: `bytes` are the frames of `accounts`, `original` is the last compressed
    /// message before its compression.
    pub fn sort(bytes: &[u8], accounts: Accounts, original: Option<Outgoing>) -> Recovered {
        let mut recovered = Recovered { original, ..Recovered::default() };
        let mut rest = bytes;
        for series in accounts.into_series() {
            let (untaken, series) = recovered.drop_touched(series);
            rest = rest.get(untaken..).unwrap_or_default();
            let (frames, later) = rest.split_at(series.len().min(rest.len()));
            rest = later;
            // What answered the old connection, or belongs to its compression, is of no use to another.
            if matches!(series.role, Role::Message { .. } | Role::Ping { .. }) {
                recovered.frames.bytes.extend_from_slice(frames);
                recovered.frames.accounts.add_series(series);
            }
        }
        recovered
    }

    /// Accounts for the first frame of a series if the transport has taken a part of it. Returns the bytes of it that
    /// are left, and the frames after it.
    fn drop_touched(&mut self, mut series: Series) -> (usize, Series) {
        if series.written == 0 {
            return (0, series);
        }
        let untaken = series.header + series.payload - series.written;
        match series.role {
            Role::Message { cost } => {
                self.lost.add(1, series.payload);
                self.payload += untaken.min(series.payload);
                self.cost += cost;
            }
            Role::Deflated { cost, payload } => {
                self.original = None;
                self.lost.add(1, payload);
                self.payload += payload;
                self.cost += cost;
            }
            Role::Ping { cost } => self.cost += cost,
            Role::Keepalive | Role::Pong | Role::Close => {}
        }
        series.written = 0;
        series.count -= 1;
        (untaken, series)
    }

    /// Adds what the transport has taken whole, but of which it is not known whether it was sent.
    pub fn add_unsent(&mut self, taken: &Taken) {
        self.lost.add_all(taken.whole);
        self.payload += taken.payload;
        self.cost += taken.cost;
    }
}
