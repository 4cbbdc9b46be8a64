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

/// Returns `text` as [`quoted`] does, or only its length where it looks like a certificate or a private key, which a
/// script may have put in the place of something else.
pub fn quoted_unless_key(text: &str) -> String {
    if may_be_key(text.trim()) { format!("(a text of {} bytes, not shown)", text.len()) } else { quoted(text) }
}

/// Returns whether a text has lines or PEM in it, has a part that is longer than any name, or looks like base64 of DER.
fn may_be_key(text: &str) -> bool {
    /// Hardly any name of a file or a host has more bytes.
    const LONGEST_NAME: usize = 200;
    /// An Ed25519 key, the shortest, has 64 characters.
    const SHORTEST_KEY: usize = 40;
    let has_lines = text.contains(['\n', '\r']);
    let has_pem = text.to_ascii_uppercase().contains("-BEGIN ");
    let is_long = text.split('/').any(|name| name.len() > LONGEST_NAME);
    // A key is a SEQUENCE, whose tag and length make an M the first character.
    let is_base64 = |part: &str| {
        let is_coded = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte));
        part.len() >= SHORTEST_KEY && part.starts_with('M') && is_coded
    };
    let has_base64 = text.split('=').any(is_base64);
    has_lines || has_pem || is_long || has_base64
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

    #[test]
    fn shows_nothing_that_may_be_a_key() {
        let ed25519 = "MC4CAQAwBQYDK2VwBCIEI".to_owned() + &"A".repeat(43);
        for text in [
            "-----BEGIN PRIVATE KEY----- x".to_owned(),
            "-begin x".to_owned(),
            "a\nb".to_owned(),
            "a\rb".to_owned(),
            "x".repeat(201),
            ed25519,
            format!("MIIEvQIBADANBg+/{}=", "kqhkiG9w0BAQEFAASC/".repeat(80)),
        ] {
            assert_eq!(quoted_unless_key(&text), format!("(a text of {} bytes, not shown)", text.len()));
        }
        for text in ["host.example", "Made in a long folder/with a long name/key.pem", "", "MIIEvQIBADAN"] {
            assert_eq!(quoted_unless_key(text), quoted(text));
        }
        assert_eq!(quoted_unless_key("key.pem\n"), "\"key.pem\\n\"");
        assert!(quoted_unless_key(&"/folder".repeat(100)).ends_with("... (700 bytes)"));
    }
}
