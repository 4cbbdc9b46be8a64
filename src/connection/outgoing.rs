//! What script and connection tell each other by the outbox: what is sent and wanted, and what becomes of it.
//!
//! Plain data, and what a message costs.

use super::frames::{Frames, MESSAGE_OVERHEAD};
use crate::close::CloseFrame;
use crate::event::Kind;
use crate::protocol::encoded_len;

/// What goes to the peer.
#[derive(Debug)]
pub enum Outgoing {
    /// A message.
    Message {
        /// Text or binary.
        kind: Kind,
        /// UTF-8 if the kind is text.
        payload: Vec<u8>,
        /// Whether it may be compressed, if compression was agreed.
        compress: bool,
    },
    /// A Ping frame, at most 125 bytes.
    Ping(Vec<u8>),
}

impl Outgoing {
    /// Returns the bytes that `buffered_amount` counts.
    pub fn payload(&self) -> usize {
        match self {
            Outgoing::Message { payload, .. } => payload.len(),
            Outgoing::Ping(_) => 0,
        }
    }

    /// Returns the bytes that count towards `max_buffered`: those of the uncompressed frame and an overhead.
    pub fn cost(&self) -> usize {
        let (Outgoing::Message { payload, .. } | Outgoing::Ping(payload)) = self;
        encoded_len(payload.len()) + MESSAGE_OVERHEAD
    }
}

/// What the connection sends next.
#[derive(Debug)]
pub enum Next {
    /// Frames that are encoded already.
    Frames(Frames),
    /// A message or a Ping to encode.
    Message(Outgoing),
}

/// Why the outbox refuses a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The connection is closing or over.
    Closed,
    /// The outbox is full: it holds that many bytes.
    Full(usize),
}

/// What becomes of the messages that wait when the connection is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterLoss {
    /// They are dropped, and no others are accepted.
    Nothing,
    /// They wait for the next connection, as do those that are sent meanwhile.
    Another,
}

/// How the script wants the connection to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Not at all: the connection stays open.
    Stay,
    /// After what waits, by a Close frame with this body.
    Close(Option<CloseFrame>),
    /// As `Close`, because the host goes away: nobody takes what still arrives.
    Leave(Option<CloseFrame>),
    /// At once and without a Close frame.
    Terminate,
}

/// What the script asks of the connection.
#[derive(Debug)]
pub struct Asked {
    /// How it wants the connection to end.
    pub wish: Wish,
    /// It has sent something that the connection has not taken.
    pub has_next: bool,
}

/// What became of everything that was sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// The transport took everything.
    Written,
    /// The connection is over, and something was never written.
    Ended,
}
