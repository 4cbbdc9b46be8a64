//! The closing handshake (RFC 6455 section 7), pure: what was wanted, sent and received, and which end that makes.
//!
//! Comes in: what the script wants, what arrived, what was written. Goes out: the Close frame to send, and the
//! [`End`] to report. Knows neither time nor I/O; how long each step may take stands in `deadlines`.

use super::deadlines::Due;
use super::settings::Settings;
use crate::close::{CloseCode, CloseFrame, NO_STATUS};
use crate::error::{ErrorCode, Failure};
use crate::event::{End, EndedBy};
use crate::protocol::Violation;

/// Why the connection ends now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The peer ended the byte stream.
    EndOfStream,
    /// The transport broke, with code and text.
    Lost(ErrorCode, String),
    /// A step of the closing handshake took too long; the text names the limit.
    CloseTimeout(String),
    /// The peer was silent for too long; the text names the limit.
    Silent(String),
    /// The script dropped the connection, or closed it before it was open.
    Dropped,
}

impl Cause {
    /// Returns the cause of an end by a deadline; `None` where the connection goes on. `lost` says why nothing could be
    /// written any more.
    pub fn of_deadline(due: Due, settings: &Settings, lost: Option<Cause>) -> Option<Cause> {
        let close_timeout = settings.close_timeout.as_secs_f64();
        match due {
            Due::Ping | Due::Breach => None,
            Due::Silence => {
                let limit = settings.ping_timeout.unwrap_or_default().as_secs_f64();
                Some(Cause::Silent(format!("the peer was silent for {limit} s after a keepalive ping was due")))
            }
            Due::CloseUnwritten => {
                Some(Cause::CloseTimeout(format!("the peer read nothing for {close_timeout} s, so no Close was sent")))
            }
            Due::CloseUnanswered => {
                Some(Cause::CloseTimeout(format!("no Close frame from the peer within {close_timeout} s")))
            }
            // What is not lost has a violation or both Close frames, which say more than any text.
            Due::Linger => Some(lost.unwrap_or(Cause::EndOfStream)),
        }
    }
}

/// A Close frame of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OurClose {
    /// Code and reason; a Close frame without a body stands for 1005.
    pub body: Option<CloseFrame>,
}

impl OurClose {
    /// Returns the code as it is reported: 1005 for a Close frame without a body.
    fn code(&self) -> u16 {
        self.body.as_ref().map_or(NO_STATUS, |body| body.code.get())
    }
}

/// How far the closing handshake has come.
#[derive(Debug, Default)]
pub struct Closing {
    /// The Close to send after everything that waits: the script's, or ours because of a violation.
    wanted: Option<OurClose>,
    violation: Option<Violation>,
    /// The code of our Close, once it is encoded.
    sent: Option<u16>,
    written: bool,
    received: Option<(u16, String)>,
    peer_was_first: bool,
}

impl Closing {
    /// Notes that the script wants this Close to be sent after what waits; the first one counts.
    pub fn note_wanted(&mut self, close: OurClose) {
        self.wanted.get_or_insert(close);
    }

    /// Notes the peer's Close.
    pub fn note_received(&mut self, body: Option<CloseFrame>) {
        self.peer_was_first = self.sent.is_none();
        self.received = Some(body.map_or((NO_STATUS, String::new()), |body| (body.code.get(), body.reason)));
    }

    /// Notes that the peer broke the protocol: the connection is to be failed (RFC 6455 section 7.1.7).
    pub fn note_violation(&mut self, violation: Violation) {
        self.wanted = Some(OurClose { body: Some(CloseFrame::new(violation.code, &violation.text)) });
        self.violation = Some(violation);
    }

    /// Returns the answer to the peer's Close, which is sent before anything else (RFC 6455 section 5.5.1); `None`
    /// where there is nothing to answer.
    pub fn answer(&self) -> Option<OurClose> {
        if self.sent.is_some() {
            return None;
        }
        let (code, _) = self.received.as_ref()?;
        Some(OurClose { body: CloseCode::new(*code).map(|code| CloseFrame::new(code, "")) })
    }

    /// Returns the Close to send when nothing else waits.
    pub fn wanted(&self) -> Option<OurClose> {
        if self.sent.is_some() { None } else { self.wanted.clone() }
    }

    /// Notes that our Close is encoded; no frame may follow it.
    pub fn note_sent(&mut self, close: &OurClose) {
        self.sent = Some(close.code());
    }

    /// Notes that the transport took our Close.
    pub fn note_written(&mut self) {
        self.written = true;
    }

    /// Tells whether our Close is encoded.
    pub fn is_sent(&self) -> bool {
        self.sent.is_some()
    }

    /// Tells whether what arrives still matters.
    pub fn may_receive(&self) -> bool {
        self.received.is_none() && self.violation.is_none()
    }

    /// Returns the end to report when the connection ends by `cause`.
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
        unanswered: failure.unanswered,
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

    fn ours(code: CloseCode, reason: &str) -> OurClose {
        OurClose { body: body(code, reason) }
    }

    const EMPTY: OurClose = OurClose { body: None };

    #[test]
    fn echoes_the_code_of_the_peer_instead_of_what_the_script_wanted() {
        let mut closing = Closing::default();
        closing.note_wanted(ours(CloseCode::NORMAL, ""));
        closing.note_received(body(CloseCode::GOING_AWAY, "restart"));
        assert_eq!(closing.answer(), Some(ours(CloseCode::GOING_AWAY, "")));
        closing.note_sent(&ours(CloseCode::GOING_AWAY, ""));
        closing.note_written();
        assert!(!closing.may_receive() && closing.answer().is_none() && closing.wanted().is_none());
        let end = closing.end(Cause::Lost(ErrorCode::Reset, "x".into()));
        assert_eq!(
            (end.error, end.clean, end.by, end.code, &*end.reason),
            (None, true, EndedBy::Peer, 1001, "restart")
        );
        assert_eq!((end.sent_code, end.received_code), (Some(1001), Some(1001)));
    }

    #[test]
    fn answers_a_close_without_a_body_with_the_same() {
        let mut closing = Closing::default();
        closing.note_received(None);
        assert_eq!(closing.answer(), Some(EMPTY));
        assert_eq!(closing.end(Cause::EndOfStream).code, 1005);
    }

    #[test]
    fn is_clean_only_if_our_close_was_written() {
        let mut closing = Closing::default();
        closing.note_wanted(EMPTY);
        closing.note_sent(&EMPTY);
        closing.note_received(body(CloseCode::NORMAL, ""));
        let end = closing.end(Cause::EndOfStream);
        assert_eq!((end.clean, end.by, end.sent_code), (false, EndedBy::Us, None));
    }

    #[test]
    fn reports_a_violation_as_ended_by_us() {
        let mut closing = Closing::default();
        closing.note_violation(Violation { code: CloseCode::TOO_BIG, text: "too big".into() });
        assert_eq!(closing.wanted(), Some(ours(CloseCode::TOO_BIG, "too big")));
        let end = closing.end(Cause::EndOfStream);
        assert!(end.violation && !end.clean && end.error.is_none());
        assert_eq!((end.code, &*end.reason, end.by), (1009, "too big", EndedBy::Us));
    }

    #[test]
    fn reports_an_end_of_stream_a_timeout_and_a_loss_differently() {
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
