//! The closing handshake (RFC 6455 section 7), pure: what was wished, sent and received, and what end that makes.

use crate::close::{CloseCode, CloseFrame, NO_STATUS};
use crate::error::{ErrorCode, Failure};
use crate::event::{End, EndedBy};
use crate::protocol::Violation;

/// What happened last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The peer ended the byte stream.
    EndOfStream,
    /// The transport broke, with code and text.
    Lost(ErrorCode, String),
    /// The peer did not answer our Close in time; the text names the limit.
    CloseTimeout(String),
    /// The peer was silent for too long; the text names the limit.
    Silent(String),
    /// The script dropped the connection, or closed it before it was open.
    Dropped,
}

/// How far the closing handshake has come.
#[derive(Debug, Default)]
pub struct Closing {
    /// What our Close says, once the script has asked for one.
    wish: Option<Option<CloseFrame>>,
    violation: Option<Violation>,
    /// The code of our Close, once it is encoded.
    sent: Option<u16>,
    written: bool,
    received: Option<(u16, String)>,
    peer_was_first: bool,
}

impl Closing {
    /// Notes that the script wants a Close with this body, after what waits.
    pub fn ask(&mut self, body: Option<CloseFrame>) {
        self.wish.get_or_insert(body);
    }

    /// Notes the peer's Close.
    pub fn receive(&mut self, body: Option<CloseFrame>) {
        self.peer_was_first = self.sent.is_none();
        self.received = Some(body.map_or((NO_STATUS, String::new()), |body| (body.code.get(), body.reason)));
    }

    /// Notes that the peer broke the protocol: the connection is to be failed (section 7.1.7).
    pub fn violate(&mut self, violation: Violation) {
        self.wish = Some(Some(CloseFrame::new(violation.code, &violation.text)));
        self.violation = Some(violation);
    }

    /// Returns the body of the Close to send before anything else: the answer to the peer's (section 5.5.1).
    pub fn urgent(&self) -> Option<Option<CloseFrame>> {
        if self.sent.is_some() {
            return None;
        }
        let (code, _) = self.received.as_ref()?;
        Some(CloseCode::new(*code).map(|code| CloseFrame::new(code, "")))
    }

    /// Returns the body of the Close to send when nothing else waits.
    pub fn wished(&self) -> Option<Option<CloseFrame>> {
        if self.sent.is_some() { None } else { self.wish.clone() }
    }

    /// Notes that our Close is encoded; no frame may follow it.
    pub fn send(&mut self, body: Option<&CloseFrame>) {
        self.sent = Some(body.map_or(NO_STATUS, |body| body.code.get()));
    }

    /// Notes that the transport has our Close.
    pub fn write(&mut self) {
        self.written = true;
    }

    /// Tells whether our Close is encoded.
    pub fn is_sent(&self) -> bool {
        self.sent.is_some()
    }

    /// Tells whether data may still be sent.
    pub fn may_send(&self) -> bool {
        self.sent.is_none() && self.received.is_none() && self.violation.is_none()
    }

    /// Tells whether what arrives still matters.
    pub fn may_receive(&self) -> bool {
        self.received.is_none() && self.violation.is_none()
    }

    /// Tells whether we close on the peer's breach of the protocol.
    pub fn is_violated(&self) -> bool {
        self.violation.is_some()
    }

    /// Tells whether the end has begun, on either side.
    pub fn has_begun(&self) -> bool {
        self.wish.is_some() || !self.may_send()
    }

    /// Tells whether all is said, so that only the peer's end of stream is missing.
    pub fn is_done(&self) -> bool {
        self.written && !self.may_receive()
    }

    /// Returns the end that `cause` makes of this.
    pub fn end(self, cause: Cause) -> End {
        let mut end = End {
            sent_code: self.sent.filter(|_| self.written),
            received_code: self.received.as_ref().map(|(code, _)| *code),
            ..End::dropped()
        };
        if let Some(violation) = self.violation {
            end.violation = true;
            end.code = violation.code.get();
            end.reason.clone_from(&violation.text);
            end.text = violation.text;
            return end;
        }
        if let Some((code, reason)) = self.received {
            end.clean = self.written;
            end.by = if self.peer_was_first { EndedBy::Peer } else { EndedBy::Us };
            end.code = code;
            end.reason = reason;
            return end;
        }
        (end.by, end.error, end.text) = match cause {
            Cause::EndOfStream => {
                (EndedBy::Transport, None, "the peer ended the stream without a Close frame".to_owned())
            }
            Cause::Lost(code, text) => (EndedBy::Transport, Some(code), text),
            Cause::CloseTimeout(text) => (EndedBy::Timeout, None, text),
            Cause::Silent(text) => (EndedBy::Timeout, Some(ErrorCode::Keepalive), text),
            Cause::Dropped => (EndedBy::Us, None, String::new()),
        };
        end
    }
}

/// Returns the end of a connection that never opened.
pub fn end_of_failure(failure: Failure) -> End {
    let by = match failure.code {
        ErrorCode::Timeout => EndedBy::Timeout,
        ErrorCode::HttpStatus => EndedBy::Peer,
        ErrorCode::Handshake if failure.header.is_some() => EndedBy::Us,
        _ => EndedBy::Transport,
    };
    End {
        error: Some(failure.code),
        text: failure.text,
        header: failure.header,
        response: failure.response,
        by,
        ..End::dropped()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(code: CloseCode, reason: &str) -> Option<CloseFrame> {
        Some(CloseFrame::new(code, reason))
    }

    #[test]
    fn echoes_the_code_of_the_peer_before_what_the_script_asked() {
        let mut closing = Closing::default();
        closing.ask(body(CloseCode::NORMAL, ""));
        closing.receive(body(CloseCode::GOING_AWAY, "restart"));
        assert_eq!(closing.urgent(), Some(body(CloseCode::GOING_AWAY, "")));
        closing.send(body(CloseCode::GOING_AWAY, "").as_ref());
        closing.write();
        assert!(closing.is_done() && closing.urgent().is_none() && closing.wished().is_none());
        let end = closing.end(Cause::Lost(ErrorCode::Reset, "x".into()));
        assert_eq!(
            (end.error, end.clean, end.by, end.code, &*end.reason),
            (None, true, EndedBy::Peer, 1001, "restart")
        );
        assert_eq!((end.sent_code, end.received_code), (Some(1001), Some(1001)));
    }

    #[test]
    fn answers_an_empty_close_by_an_empty_one() {
        let mut closing = Closing::default();
        closing.receive(None);
        assert_eq!(closing.urgent(), Some(None));
        assert_eq!(closing.end(Cause::EndOfStream).code, 1005);
    }

    #[test]
    fn is_clean_only_where_our_close_was_written() {
        let mut closing = Closing::default();
        closing.ask(None);
        closing.send(None);
        closing.receive(body(CloseCode::NORMAL, ""));
        let end = closing.end(Cause::EndOfStream);
        assert_eq!((end.clean, end.by, end.sent_code), (false, EndedBy::Us, None));
    }

    #[test]
    fn tells_a_violation_as_ours() {
        let mut closing = Closing::default();
        closing.violate(Violation { code: CloseCode::TOO_BIG, text: "too big".into() });
        assert_eq!(closing.wished(), Some(body(CloseCode::TOO_BIG, "too big")));
        let end = closing.end(Cause::EndOfStream);
        assert!(end.violation && !end.clean && end.error.is_none());
        assert_eq!((end.code, &*end.reason, end.by), (1009, "too big", EndedBy::Us));
    }

    #[test]
    fn tells_an_end_of_stream_a_timeout_and_a_loss_apart() {
        let ends = [
            (Cause::EndOfStream, EndedBy::Transport, None),
            (Cause::CloseTimeout(String::new()), EndedBy::Timeout, None),
            (Cause::Dropped, EndedBy::Us, None),
            (Cause::Silent(String::new()), EndedBy::Timeout, Some(ErrorCode::Keepalive)),
            (Cause::Lost(ErrorCode::Tls, String::new()), EndedBy::Transport, Some(ErrorCode::Tls)),
        ];
        for (cause, by, error) in ends {
            let end = Closing::default().end(cause);
            assert_eq!((end.by, end.error, end.code, end.clean), (by, error, 1006, false));
        }
    }
}
