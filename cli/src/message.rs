//! Makes messages of what was typed.
//!
//! Comes in: a line without its end. Goes out: the message to send, or what is wrong with the line, without its text.

use data_encoding::{DecodeKind, HEXLOWER_PERMISSIVE};
use websocket_core::connection::Outgoing;
use websocket_core::event::Kind;

/// What a line stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The text of a message.
    Text,
    /// The bytes of a binary message in hexadecimal digits, with or without white space between them.
    Hex,
}

/// Makes a message of a line.
///
/// # Errors
/// The line is not valid UTF-8, or not made of pairs of hexadecimal digits. The text continues one that names the line.
pub fn message(form: Form, line: &[u8]) -> Result<Outgoing, String> {
    let (kind, payload) = match form {
        Form::Text => (Kind::Text, text(line)?),
        Form::Hex => (Kind::Binary, bytes(line)?),
    };
    Ok(Outgoing::Message { kind, payload, compress: true })
}

fn text(line: &[u8]) -> Result<Vec<u8>, String> {
    match std::str::from_utf8(line) {
        Ok(_) => Ok(line.to_vec()),
        Err(error) => Err(format!(
            "is not valid UTF-8 at byte {}, as a text must be; --binary sends bytes, in hexadecimal digits",
            error.valid_up_to() + 1
        )),
    }
}

fn bytes(line: &[u8]) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = line.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    HEXLOWER_PERMISSIVE.decode(&digits).map_err(|error| match error.kind {
        DecodeKind::Length => format!("has {} hexadecimal digits, must have two for each byte", digits.len()),
        _ => {
            let other = |byte: &u8| !byte.is_ascii_hexdigit() && !byte.is_ascii_whitespace();
            let at = line.iter().position(other).unwrap_or_default();
            format!("has something else than a hexadecimal digit at byte {}", at + 1)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(form: Form, line: &[u8]) -> Result<Vec<u8>, String> {
        match message(form, line)? {
            Outgoing::Message { kind, payload, .. } => {
                assert_eq!(kind == Kind::Text, form == Form::Text);
                Ok(payload)
            }
            Outgoing::Ping(_) => panic!("a Ping"),
        }
    }

    #[test]
    fn takes_texts_as_they_are_and_bytes_by_their_digits() {
        assert_eq!(payload(Form::Text, "  \u{fc}\r".as_bytes()), Ok("  \u{fc}\r".into()));
        assert_eq!(payload(Form::Text, b""), Ok(Vec::new()));
        assert_eq!(payload(Form::Hex, b"0001feFF"), Ok(vec![0, 1, 254, 255]));
        assert_eq!(payload(Form::Hex, b" 00 01\tfe ff "), Ok(vec![0, 1, 254, 255]));
        assert_eq!(payload(Form::Hex, b""), Ok(Vec::new()));
    }

    #[test]
    fn says_where_a_line_is_wrong_and_not_what_it_says() {
        for (form, line, expected) in [
            (Form::Text, &b"abc\xff"[..], "is not valid UTF-8 at byte 4,"),
            (Form::Hex, b"00 1", "has 3 hexadecimal digits, must have two for each byte"),
            (Form::Hex, b"00 secret", "has something else than a hexadecimal digit at byte 4"),
            (Form::Hex, b"0g", "has something else than a hexadecimal digit at byte 2"),
        ] {
            let text = payload(form, line).unwrap_err();
            assert!(text.starts_with(expected), "{text}");
        }
    }
}
