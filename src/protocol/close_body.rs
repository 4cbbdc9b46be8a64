//! The body of a Close frame.
//!
//! Comes in: the payload of the frame. Goes out: code and reason, or the violation.

use super::violation::Violation;
use crate::close::{CloseCode, CloseFrame};

/// Reads the body of a Close frame (RFC 6455 section 5.5.1).
pub(super) fn close_body(body: &[u8]) -> Result<Option<CloseFrame>, Violation> {
    let Some((code, reason)) = body.split_first_chunk() else {
        return if body.is_empty() { Ok(None) } else { Err(Violation::protocol("close frame with a body of 1 byte")) };
    };
    let code = u16::from_be_bytes(*code);
    let reason = std::str::from_utf8(reason).map_err(|error| Violation::reason_not_utf8(error.valid_up_to()))?;
    let Some(code) = CloseCode::new(code) else {
        return Err(Violation::protocol(format!("invalid close code: {code}")));
    };
    Ok(Some(CloseFrame { code, reason: reason.to_owned() }))
}
