//! The events of a connection, as plain data: `open` if the handshake succeeded, then messages and control frames, and
//! exactly one end; where a lost connection is opened again, that comes several times before the end. Knows nothing of
//! how they come about or who handles them.

use std::time::Duration;

use crate::close::ABNORMAL;
use crate::error::ErrorCode;
use crate::response::Response;

/// The two kinds of data message (RFC 6455 section 5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The payload is valid UTF-8.
    Text,
    /// The payload may be any bytes.
    Binary,
}

impl Kind {
    /// Returns the name that scripts see.
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
    /// A whole message arrived. The payload of a text is valid UTF-8.
    Message(Kind, Vec<u8>),
    /// A Ping frame arrived and was answered.
    Ping(Vec<u8>),
    /// A Pong frame arrived that does not answer a keepalive ping of the engine.
    Pong(Vec<u8>),
    /// The peer's Close frame arrived.
    Closing {
        /// The peer's code, 1005 if it sent none.
        code: u16,
        /// The peer's reason.
        reason: String,
    },
    /// The outbox has refused a message and accepts messages again.
    Drain,
    /// The connection was lost, or could not be opened, and is opened again.
    Reconnecting(Box<Reconnecting>),
    /// The script is asked for the URL and the headers of the attempt of this number.
    Preparing(usize),
    /// A line for the script's logger.
    Line(Level, String),
    /// The connection has ended. No event follows.
    End(Box<End>),
}

impl Event {
    /// Returns the size of the event's payload in bytes, and of what else a peer decides.
    pub fn payload_len(&self) -> usize {
        match self {
            Event::Message(_, payload) | Event::Ping(payload) | Event::Pong(payload) => payload.len(),
            Event::Closing { reason, .. } => reason.len(),
            Event::Reconnecting(reconnecting) => {
                let response = reconnecting.response.as_ref().map_or(0, |response| response.size());
                reconnecting.text.len() + reconnecting.reason.len() + response
            }
            Event::Open(response) => response.size(),
            Event::Line(_, text) => text.len(),
            Event::Drain | Event::Preparing(_) | Event::End(_) => 0,
        }
    }
}

/// How important a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A step on the way.
    Debug,
    /// What changed the state of the connection.
    Info,
    /// What went wrong.
    Warning,
}

impl Level {
    /// Returns the name that scripts see.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warning => "warning",
        }
    }
}

/// Why and when a connection is opened again.
#[derive(Clone, Debug)]
pub struct Reconnecting {
    /// What went wrong, for people.
    pub text: String,
    /// The kind of failure; `None` where the connection was closed.
    pub error: Option<ErrorCode>,
    /// The close code, as that of an [`End`].
    pub code: u16,
    /// The peer's reason; `""` if there was none.
    pub reason: String,
    /// The server's response, if the handshake was refused.
    pub response: Option<Box<Response>>,
    /// The number of the next attempt, which counts from 1.
    pub attempt: usize,
    /// How long the connection waits before it.
    pub delay: Duration,
    /// Messages of which the transport has taken a part. Over TLS the peer may have got some of them.
    pub lost: Messages,
}

/// A number of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Messages {
    /// How many.
    pub count: usize,
    /// Their payload, in bytes.
    pub bytes: usize,
}

impl Messages {
    /// Adds `count` messages with a payload of that size each.
    pub fn add(&mut self, count: usize, payload: usize) {
        self.count += count;
        self.bytes += count * payload;
    }

    /// Adds others.
    pub fn add_all(&mut self, others: Messages) {
        self.count += others.count;
        self.bytes += others.bytes;
    }
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// The peer: its Close frame came first, or it refused the handshake.
    Peer,
    /// This side: the script, or the engine after a violation of the protocol.
    Us,
    /// The transport: it ended, failed, or was never established.
    Transport,
    /// A deadline that passed.
    Timeout,
}

impl EndedBy {
    /// Returns the name that scripts see.
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
    /// The kind of failure; `None` if the script gets the event `closed`.
    pub error: Option<ErrorCode>,
    /// True if we closed because the peer violated the protocol.
    pub violation: bool,
    /// True if both sides sent a Close frame and there was no violation.
    pub clean: bool,
    /// Who ended the connection.
    pub by: EndedBy,
    /// The peer's code; our own after a violation; 1005 or 1006 if there was none.
    pub code: u16,
    /// The peer's reason; after a violation its text; otherwise `""`.
    pub reason: String,
    /// What went wrong, for people; `""` if nothing did.
    pub text: String,
    /// The header for which the response to the handshake was refused.
    pub header: Option<&'static str>,
    /// The server's response, if the handshake was refused.
    pub response: Option<Box<Response>>,
    /// The transport ended or broke before the server had answered to the opening of the connection.
    pub unanswered: bool,
    /// The code of the Close frame that we sent, 1005 for one without a body.
    pub sent_code: Option<u16>,
    /// The code of the Close frame that arrived, 1005 for one without a body.
    pub received_code: Option<u16>,
}

impl End {
    /// Creates the end of a connection that the script gave up before it was open.
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
            unanswered: false,
            sent_code: None,
            received_code: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_answer_of_a_server_as_payload() {
        let headers = vec![("name".to_owned(), vec![0; 60])];
        let response = Response { headers, body: vec![0; 100], ..Response::default() };
        assert_eq!(Event::Open(Box::new(response)).payload_len(), 164);
    }
}
