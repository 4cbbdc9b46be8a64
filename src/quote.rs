//! Quotes what a user or a peer wrote, for the texts of errors.
//!
//! Comes in: a name, a path or a line, of any length and any bytes. Goes out: a short text between double quotes, on one
//! line.

use std::fmt::Write;

/// The most characters that are shown between the quotes; a longer text ends there, followed by its length.
const MOST: usize = 200;

/// Returns `text` in double quotes. Quotes, backslashes, control characters and bytes that are not UTF-8 are escaped as in
/// a string of Lua 5.2 and newer; everything else stays as it is. A long text is cut: `"abc"... (1048576 bytes)`.
pub fn quoted(text: impl AsRef<[u8]>) -> String {
    let text = text.as_ref();
    let mut quoted = String::from('"');
    let mut left = MOST;
    for chunk in text.utf8_chunks() {
        let invalid = chunk.invalid().iter().map(|byte| escaped_bytes(&[*byte]));
        for shown in chunk.valid().chars().map(escaped).chain(invalid) {
            let Some(rest) = left.checked_sub(shown.chars().count()) else {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\"... ({} bytes)", text.len());
                return quoted;
            };
            left = rest;
            quoted.push_str(&shown);
        }
    }
    quoted.push('"');
    quoted
}

fn escaped(char: char) -> String {
    match char {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        char if char.is_control() => escaped_bytes(char.encode_utf8(&mut [0; 4]).as_bytes()),
        char => char.to_string(),
    }
}

fn escaped_bytes(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()
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

    #[test]
    fn escapes_bytes_that_are_not_utf8() {
        assert_eq!(quoted(b"J\xfcrgen\xc3"), r#""J\xfcrgen\xc3""#);
    }

    #[test]
    fn cuts_a_long_text_between_two_characters_and_tells_its_length() {
        let longest = "\u{fc}".repeat(MOST);
        assert_eq!(quoted(&longest), format!("\"{longest}\""));
        assert_eq!(quoted(longest.clone() + "x"), format!("\"{longest}\"... (401 bytes)"));
        let name = "x".repeat(1 << 20);
        assert_eq!(quoted(&name), format!("\"{}\"... (1048576 bytes)", &name[..MOST]));
        // Each zero takes four characters.
        assert_eq!(quoted([0; 1000]), format!("\"{}\"... (1000 bytes)", r"\x00".repeat(MOST / 4)));
    }
}
