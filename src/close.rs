//! Close codes and reasons that can stand in a Close frame (RFC 6455 sections 5.5.1 and 7.4).
//!
//! A [`CloseCode`] cannot hold a value that must not be sent, whoever sends it. The codes 1005 and 1006 stand for a code
//! that never came, and exist only as plain numbers.

use std::ops::RangeInclusive;

use crate::error::InvalidInput;

/// Stands for the code of a Close frame without a body (RFC 6455 section 7.1.5).
pub const NO_STATUS: u16 = 1005;
/// Stands for the code of a connection that ended without the peer's Close frame (RFC 6455 section 7.1.5).
pub const ABNORMAL: u16 = 1006;
/// The longest reason in bytes: a control frame holds 125 and the code takes 2 (RFC 6455 section 5.5).
pub const MAX_REASON: usize = 123;

/// The codes that may be sent (RFC 6455 section 7.4, and IANA's registry of close codes).
const RANGES: [RangeInclusive<u16>; 3] = [1000..=1003, 1007..=1014, 3000..=4999];

/// A close code that may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the connection has served its purpose.
    pub const NORMAL: CloseCode = CloseCode(1000);
    /// 1001: this side is going away.
    pub const GOING_AWAY: CloseCode = CloseCode(1001);
    /// 1002: the peer violated the protocol.
    pub const PROTOCOL_ERROR: CloseCode = CloseCode(1002);
    /// 1007: a text was not valid UTF-8, or compressed data could not be decompressed.
    pub const INVALID_DATA: CloseCode = CloseCode(1007);
    /// 1009: a message was larger than the limit.
    pub const TOO_BIG: CloseCode = CloseCode(1009);

    /// Returns the code, or `None` if it must not be sent.
    pub fn new(code: u16) -> Option<CloseCode> {
        RANGES.iter().any(|range| range.contains(&code)).then_some(CloseCode(code))
    }

    /// Returns the codes that may be sent, as a text: "1000-1003, 1007-1014 or 3000-4999".
    pub fn ranges() -> String {
        let [first, second, third] = RANGES.map(|range| format!("{}-{}", range.start(), range.end()));
        format!("{first}, {second} or {third}")
    }

    /// Returns the error for what is no close code that a script may send. `got`: how the text shows it.
    pub fn refuse(got: &str) -> InvalidInput {
        let ranges = CloseCode::ranges();
        InvalidInput::new(format!("close code must be {ranges}, or {NO_STATUS} for none, got {got}"))
    }

    /// Returns the number.
    pub fn get(self) -> u16 {
        self.0
    }
}

/// The body of a Close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    /// The code.
    pub code: CloseCode,
    /// The reason, at most [`MAX_REASON`] bytes.
    pub reason: String,
}

impl CloseFrame {
    /// Creates a body. A reason over [`MAX_REASON`] bytes is cut between two characters.
    pub fn new(code: CloseCode, reason: &str) -> CloseFrame {
        let mut end = reason.len().min(MAX_REASON);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        CloseFrame { code, reason: reason[..end].to_owned() }
    }

    /// Checks what a script wants to send. The code 1005 stands for a Close frame without a body, and returns `None`.
    ///
    /// # Errors
    /// The code must not be sent, a reason comes with 1005, or the reason has over 123 bytes or is not valid UTF-8.
    pub fn from_script(code: i64, reason: &[u8]) -> Result<Option<CloseFrame>, InvalidInput> {
        if code == i64::from(NO_STATUS) {
            return if reason.is_empty() {
                Ok(None)
            } else {
                Err(InvalidInput::new("a reason needs a close code other than 1005, which stands for no code"))
            };
        }
        let Some(legal) = u16::try_from(code).ok().and_then(CloseCode::new) else {
            return Err(CloseCode::refuse(&code.to_string()));
        };
        if reason.len() > MAX_REASON {
            return Err(InvalidInput::new(format!(
                "close reason too long: {} bytes, limit {MAX_REASON}",
                reason.len()
            )));
        }
        let Ok(reason) = std::str::from_utf8(reason) else {
            return Err(InvalidInput::new("close reason is not valid UTF-8"));
        };
        Ok(Some(CloseFrame { code: legal, reason: reason.to_owned() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_exactly_the_codes_that_may_be_sent() {
        let legal: Vec<u16> = (0..=u16::MAX).filter(|code| CloseCode::new(*code).is_some()).collect();
        let expected: Vec<u16> = (1000..=1003).chain(1007..=1014).chain(3000..=4999).collect();
        assert_eq!(legal, expected);
    }

    #[test]
    fn refuses_what_a_script_must_not_send() {
        for code in [-1, 0, 999, 1004, 1006, 1015, 2999, 5000, 65536 + 1000] {
            let error = CloseFrame::from_script(code, b"").unwrap_err();
            let limits = "1000-1003, 1007-1014 or 3000-4999, or 1005 for none";
            assert_eq!(error.to_string(), format!("close code must be {limits}, got {code}"));
        }
        assert!(CloseFrame::from_script(1005, b"x").is_err());
        assert!(CloseFrame::from_script(1000, &[b'x'; 124]).is_err());
        assert!(CloseFrame::from_script(1000, b"\xff").is_err());
    }

    #[test]
    fn accepts_what_a_script_may_send() {
        assert_eq!(CloseFrame::from_script(1005, b""), Ok(None));
        let reason = "x".repeat(123);
        let frame = CloseFrame::from_script(4999, reason.as_bytes()).unwrap().unwrap();
        assert_eq!((frame.code.get(), frame.reason), (4999, reason));
    }

    #[test]
    fn cuts_a_long_reason_between_characters() {
        let frame = CloseFrame::new(CloseCode::TOO_BIG, &"é".repeat(62));
        assert_eq!(frame.reason, "é".repeat(61));
    }
}
