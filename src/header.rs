//! The syntax of HTTP header fields (RFC 9110 section 5), as far as requests and answers of ours need it.
//!
//! Comes in: names and values as a script or a server wrote them. Goes out: whether they are well-formed. Knows no
//! header by name.

use crate::error::InvalidInput;

/// Returns whether `text` is a token (RFC 9110 section 5.6.2).
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Checks that a value holds no control character but the tab (RFC 9110 section 5.5).
///
/// # Errors
/// A text that begins with `what` and names the character and its place, but never the value.
pub fn check_value(what: &str, value: &[u8]) -> Result<(), InvalidInput> {
    match value.iter().position(|byte| (*byte < 0x20 && *byte != b'\t') || *byte == 0x7f) {
        Some(at) => {
            Err(InvalidInput::new(format!("{what} holds the control character 0x{:02x} at byte {}", value[at], at + 1)))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_of_letters_digits_and_some_marks() {
        for token in ["a", "X-Custom", "v1.2", "!#$%&'*+-.^_`|~", "0"] {
            assert!(is_token(token), "{token:?}");
        }
        for other in ["", " ", "a b", "a,b", "a;b", "a=b", "a:b", "a/b", "\"a\"", "a\0", "a\u{7f}", "é"] {
            assert!(!is_token(other), "{other:?}");
        }
    }

    #[test]
    fn a_value_holds_no_control_character_but_the_tab() {
        for value in [&b""[..], b"a value", b"a\tb", b"J\xc3\xbcrgen", b"\xff"] {
            assert_eq!(check_value("value", value), Ok(()));
        }
        for (value, named) in [
            (&b"a\0"[..], "0x00 at byte 2"),
            (b"\r\nb: c", "0x0d at byte 1"),
            (b"ab\n", "0x0a at byte 3"),
            (b"\x7f", "0x7f at byte 1"),
        ] {
            let text = check_value("value", value).unwrap_err().to_string();
            assert!(text.starts_with("value holds") && text.ends_with(named), "{text}");
        }
    }
}
