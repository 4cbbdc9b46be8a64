//! What the peer did wrong, with the close code that answers it (RFC 6455 section 7.4.1).
//!
//! Comes in: numbers from headers and positions in text. Goes out: a code to send and a text for people, which names
//! the offending value and the limit, and never contains payload.

use crate::close::CloseCode;

/// The peer's breach of the protocol or of a limit; the connection ends with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The code to send: 1002, 1007 or 1009.
    pub code: CloseCode,
    /// A description for people: `message too big: 70000 bytes, limit 65536`.
    pub text: String,
}

impl Violation {
    #[cold]
    pub(super) fn protocol(text: impl Into<String>) -> Violation {
        Violation { code: CloseCode::PROTOCOL_ERROR, text: text.into() }
    }

    /// `offset` counts from 0; the text counts from 1, as Lua does.
    #[cold]
    pub(super) fn text_not_utf8(offset: usize) -> Violation {
        Violation { code: CloseCode::INVALID_DATA, text: format!("text is not valid UTF-8 at byte {}", offset + 1) }
    }

    /// As [`Violation::text_not_utf8`].
    #[cold]
    pub(super) fn reason_not_utf8(offset: usize) -> Violation {
        let text = format!("close reason is not valid UTF-8 at byte {}", offset + 1);
        Violation { code: CloseCode::INVALID_DATA, text }
    }

    #[cold]
    pub(super) fn message_too_big(size: u64, limit: usize) -> Violation {
        Violation { code: CloseCode::TOO_BIG, text: format!("message too big: {size} bytes, limit {limit}") }
    }

    #[cold]
    pub(super) fn inflated_too_big(limit: usize) -> Violation {
        Violation { code: CloseCode::TOO_BIG, text: format!("message too big: inflates to over the limit {limit}") }
    }

    #[cold]
    pub(super) fn corrupt_deflate(cause: &str) -> Violation {
        Violation { code: CloseCode::INVALID_DATA, text: format!("corrupt compressed data: {cause}") }
    }

    #[cold]
    pub(super) fn too_many_fragments(limit: usize) -> Violation {
        Violation { code: CloseCode::TOO_BIG, text: format!("message in too many fragments: limit {limit}") }
    }
}
