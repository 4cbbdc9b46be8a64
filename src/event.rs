//! What the engine tells a script: plain data, in the order `open?`, messages and control frames, one end.

use crate::close::ABNORMAL;
use crate::error::ErrorCode;
use crate::response::Response;

/// The two kinds of data message (RFC 6455 section 5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

impl Kind {
    /// Returns the kind as scripts see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Binary => "binary",
        }
    }
}

/// What happened on one connection.
#[derive(Debug)]
pub enum Event {
    /// The opening handshake is done.
    Open(Box<Response>),
    /// A whole message arrived; the payload of text is UTF-8.
    Message(Kind, Vec<u8>),
    /// A Ping frame arrived, and was answered.
    Ping(Vec<u8>),
    /// A Pong frame arrived that does not answer the engine's own keepalive.
    Pong(Vec<u8>),
    /// The peer's Close frame arrived.
    Closing {
        /// The peer's code, 1005 where it sent none.
        code: u16,
        /// The peer's reason.
        reason: String,
    },
    /// The connection is over; nothing follows.
    End(Box<End>),
}

impl Event {
    /// Returns the bytes of payload that the event holds.
    pub fn payload_len(&self) -> usize {
        match self {
            Event::Message(_, payload) | Event::Ping(payload) | Event::Pong(payload) => payload.len(),
            Event::Closing { reason, .. } => reason.len(),
            Event::Open(_) | Event::End(_) => 0,
        }
    }
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// The peer: its Close came first, or it refused the handshake.
    Peer,
    /// This end: the script, or the engine at a violation.
    Us,
    /// The byte stream beneath: it ended or broke, or never came to be.
    Transport,
    /// A deadline.
    Timeout,
}

impl EndedBy {
    /// Returns the name as scripts see it.
    pub fn as_str(self) -> &'static str {
        match self {
            EndedBy::Peer => "peer",
            EndedBy::Us => "us",
            EndedBy::Transport => "transport",
            EndedBy::Timeout => "timeout",
        }
    }
}

/// How a connection ended.
#[derive(Clone, Debug)]
pub struct End {
    /// What it failed of; `None` where the end is told as `closed`.
    pub error: Option<ErrorCode>,
    /// We closed on the peer's breach of the protocol.
    pub violation: bool,
    /// Both Close frames were seen, and there was no violation.
    pub clean: bool,
    /// Who ended it.
    pub by: EndedBy,
    /// The peer's code; ours after a violation; 1005 or 1006 where there was none.
    pub code: u16,
    /// The peer's reason; the text of the violation after one; else `""`.
    pub reason: String,
    /// What went wrong, for people; `""` where nothing did.
    pub text: String,
    /// The header that a handshake was refused for.
    pub header: Option<&'static str>,
    /// The response of a refused handshake.
    pub response: Option<Box<Response>>,
    /// The code of the Close frame that we wrote, 1005 for one without a body.
    pub sent_code: Option<u16>,
    /// The code of the Close frame that arrived, 1005 for one without a body.
    pub received_code: Option<u16>,
}

impl End {
    /// Makes the end of a connection that the script gave up, and of which nothing was seen.
    pub fn dropped() -> End {
        End {
            error: None,
            violation: false,
            clean: false,
            by: EndedBy::Us,
            code: ABNORMAL,
            reason: String::new(),
            text: String::new(),
            header: None,
            response: None,
            sent_code: None,
            received_code: None,
        }
    }
}
