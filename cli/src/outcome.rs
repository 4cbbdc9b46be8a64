//! Decides how the program ends, pure.
//!
//! Comes in: why this side closed the connection, if it did, and how the connection ended. Goes out: the exit status,
//! and a text where something went wrong that was not told before.

use websocket_core::close::NO_STATUS;
use websocket_core::event::End;
use websocket_core::quote::quoted;

use crate::status::Status;

/// Why this side closed the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The input has ended, and nothing more has arrived.
    Finished,
    /// Every message was answered.
    Answered,
    /// An answer did not come in time.
    Unanswered,
    /// The input cannot be used.
    Unusable,
    /// Whoever reads stdout has ended.
    ReaderGone,
    /// Stdout cannot be written.
    Unwritable,
    /// A signal of this number asked for it.
    Signal(i32),
}

/// What was still to be done when the connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Nothing.
    Nothing,
    /// This many bytes of messages were never written.
    Bytes(usize),
    /// A message of `-x` was not answered.
    Answer,
}

/// Returns how the program ends.
pub fn outcome(reason: Option<Reason>, end: &End, missing: Missing) -> (Status, Option<String>) {
    match reason {
        Some(Reason::Answered | Reason::ReaderGone) => (Status::Done, None),
        Some(Reason::Unanswered) => (Status::Unanswered, None),
        Some(Reason::Unusable) => (Status::Usage, None),
        Some(Reason::Unwritable | Reason::Signal(_)) => (Status::Failed, None),
        Some(Reason::Finished) | None => of_end(end, missing),
    }
}

fn of_end(end: &End, missing: Missing) -> (Status, Option<String>) {
    if end.error.is_some() || end.violation {
        return (Status::Failed, Some(end.text.clone()));
    }
    match end.received_code {
        Some(code @ (1000 | 1001 | NO_STATUS)) => match missing {
            Missing::Nothing => (Status::Done, None),
            Missing::Bytes(count) => {
                let text = format!("closed by the server with {code} while {count} bytes waited to be sent");
                (Status::Failed, Some(text))
            }
            Missing::Answer => {
                (Status::Unanswered, Some(format!("closed by the server with {code} before it has answered")))
            }
        },
        Some(code) => {
            let reason = if end.reason.is_empty() { String::new() } else { format!(": {}", quoted(&end.reason)) };
            (Status::Refused, Some(format!("closed by the server with {code}{reason}")))
        }
        None if end.text.is_empty() => {
            (Status::Failed, Some("the connection ended without a Close frame of the server".to_owned()))
        }
        None => (Status::Failed, Some(end.text.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use websocket_core::error::ErrorCode;

    fn closed(code: u16, reason: &str) -> End {
        End { clean: true, code, received_code: Some(code), reason: reason.to_owned(), ..End::dropped() }
    }

    #[test]
    fn an_end_in_order_is_success_whoever_began_it() {
        for code in [1000, 1001, NO_STATUS] {
            for reason in [None, Some(Reason::Finished)] {
                assert_eq!(outcome(reason, &closed(code, "bye"), Missing::Nothing), (Status::Done, None));
            }
        }
    }

    #[test]
    fn any_other_end_is_told() {
        let text = |text: &str| Some(text.to_owned());
        let failed = End { error: Some(ErrorCode::Connect), text: "no".to_owned(), ..End::dropped() };
        assert_eq!(outcome(None, &failed, Missing::Answer), (Status::Failed, text("no")));
        let violation = End { violation: true, text: "bad frame".to_owned(), ..closed(1002, "") };
        assert_eq!(outcome(None, &violation, Missing::Nothing), (Status::Failed, text("bad frame")));
        let refused = outcome(None, &closed(4000, "a\u{1b}b"), Missing::Answer);
        assert_eq!(refused, (Status::Refused, text("closed by the server with 4000: \"a\\x1bb\"")));
        assert_eq!(outcome(None, &closed(1011, ""), Missing::Bytes(7)).1, text("closed by the server with 1011"));
        let unsent = outcome(None, &closed(1000, ""), Missing::Bytes(7));
        assert_eq!(unsent, (Status::Failed, text("closed by the server with 1000 while 7 bytes waited to be sent")));
        let unanswered = outcome(None, &closed(1001, ""), Missing::Answer);
        assert_eq!(unanswered, (Status::Unanswered, text("closed by the server with 1001 before it has answered")));
        let cut = outcome(Some(Reason::Finished), &End::dropped(), Missing::Nothing);
        assert_eq!(cut, (Status::Failed, text("the connection ended without a Close frame of the server")));
    }

    #[test]
    fn what_this_side_wanted_counts_more_than_how_the_server_took_it() {
        for (reason, status) in [
            (Reason::Answered, Status::Done),
            (Reason::ReaderGone, Status::Done),
            (Reason::Unanswered, Status::Unanswered),
            (Reason::Unusable, Status::Usage),
            (Reason::Unwritable, Status::Failed),
        ] {
            assert_eq!(outcome(Some(reason), &End::dropped(), Missing::Nothing), (status, None));
        }
    }
}
