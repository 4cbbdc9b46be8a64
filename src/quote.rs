//! Quotes what a user wrote, for the texts of errors.
//!
//! Comes in: a name, a path or a line. Goes out: the same between double quotes, on one line.

use std::fmt::Write;

/// Returns `text` in double quotes. Quotes, backslashes and control characters are escaped as in a string of Lua 5.2 and
/// newer; everything else stays as it is.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        match char {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            char if char.is_control() => {
                for byte in char.encode_utf8(&mut [0; 4]).bytes() {
                    // Writing to a string cannot fail.
                    let _ = write!(quoted, "\\x{byte:02x}");
                }
            }
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_would_end_the_quote_or_the_line_and_keeps_the_rest() {
        for (text, expected) in [
            ("", r#""""#),
            ("X-Name", r#""X-Name""#),
            ("/tmp/J\u{fc}rgen \u{200d}\u{1f980}.pem", "\"/tmp/J\u{fc}rgen \u{200d}\u{1f980}.pem\""),
            (r"C:\keys", r#""C:\\keys""#),
            ("a\"b", r#""a\"b""#),
            ("a\r\nb\tc", r#""a\r\nb\tc""#),
            ("\0\u{1b}[31m\u{7f}", r#""\x00\x1b[31m\x7f""#),
            ("\u{85}", r#""\xc2\x85""#),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
