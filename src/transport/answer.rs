//! The rules that every header of an answer to the opening handshake obeys (RFC 6455 section 4.1, RFC 9110 section 5.3).
//!
//! Comes in: a head. Goes out: the value of a header, or the failure that names it. Knows no value.

use super::head::Head;
use crate::error::{ErrorCode, Failure};

/// Returns the value of a header that may occur once. `name` is for texts, `lower` is its name in lower case.
pub(super) fn only_line<'a>(head: &'a Head, name: &str, lower: &'static str) -> Result<Option<&'a [u8]>, Failure> {
    let mut lines = head.lines(lower);
    match (lines.next(), lines.next()) {
        (_, Some(_)) => Err(refuse(lower, &format!("the response has more than one {name}"))),
        (Some([]), None) => Err(refuse_empty(name, lower)),
        (value, None) => Ok(value),
    }
}

/// Checks that a list in a header has an element, if the header occurs at all.
pub(super) fn check_not_empty(head: &Head, name: &str, lower: &'static str) -> Result<(), Failure> {
    match (head.lines(lower).next(), head.list(lower).next()) {
        (Some(_), None) => Err(refuse_empty(name, lower)),
        _ => Ok(()),
    }
}

fn refuse_empty(name: &str, lower: &'static str) -> Failure {
    refuse(lower, &format!("the response's {name} header is empty: the server must leave it out or give a value"))
}

/// Returns the failure for a header of an answer, given by its name in lower case.
pub(super) fn refuse(header: &'static str, cause: &str) -> Failure {
    Failure { header: Some(header), ..Failure::new(ErrorCode::Handshake, cause) }
}
