//! What a server says in the body of a refusal, for the text of the failure.
//!
//! Comes in: the head and the body of a response, and the secrets of the requests. Goes out: the body's first line if it
//! is short plain text and repeats no secret. Knows nothing of what a secret is.

use super::body::MAX_BODY;
use super::head::Head;
use super::secrets::Secrets;

/// The most characters of a line that a text shows.
const MAX_REMARK: usize = 100;

/// Returns the first line of a short plain text, in visible characters and cut to [`MAX_REMARK`] of them. Its quotes are
/// single ones, because it stands between double ones.
///
/// A redirect says nothing: its text is for people who would follow it, and often holds its target.
pub(super) fn of(head: &Head, body: &[u8], secrets: &Secrets) -> Option<String> {
    let media_type = head.lines("content-type").next().map(|value| value.split(|byte| *byte == b';').next());
    let is_plain = media_type.flatten().is_none_or(|name| name.trim_ascii().eq_ignore_ascii_case(b"text/plain"));
    let is_coded = head.list("content-encoding").any(|coding| !coding.eq_ignore_ascii_case(b"identity"));
    if matches!(head.status, 300..=399) || !is_plain || is_coded || body.len() >= MAX_BODY {
        return None;
    }
    let text = std::str::from_utf8(body).ok()?.trim();
    // Without a content type it may be a page, or no text at all.
    if text.contains('\0') || text.starts_with('<') {
        return None;
    }
    let line: String = text.lines().next()?.chars().filter(|char| is_visible(*char)).collect();
    if line.trim().is_empty() || holds_secret(&line, head, secrets) {
        return None;
    }
    let plain = line.trim().chars().map(|char| if char == '"' { '\'' } else { char });
    Some(plain.take(MAX_REMARK).collect())
}

fn holds_secret(line: &str, head: &Head, secrets: &Secrets) -> bool {
    let mut secrets = secrets.clone();
    for location in head.lines("location") {
        secrets.add_location(location);
    }
    secrets.may_stand_in(line)
}

/// Returns whether a character shows itself, and neither hides, nor turns around or splits what stands beside it.
fn is_visible(char: char) -> bool {
    const FORMATS: [std::ops::RangeInclusive<char>; 10] = [
        '\u{200b}'..='\u{200f}',
        '\u{2028}'..='\u{202e}',
        '\u{2060}'..='\u{2069}',
        '\u{feff}'..='\u{feff}',
        '\u{61c}'..='\u{61c}',
        '\u{ad}'..='\u{ad}',
        '\u{34f}'..='\u{34f}',
        '\u{180b}'..='\u{180f}',
        '\u{fe00}'..='\u{fe0f}',
        '\u{e0000}'..='\u{e0fff}',
    ];
    !char.is_control() && !FORMATS.iter().any(|formats| formats.contains(&char))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remark(headers: &[(&str, &str)], body: &[u8], secrets: &Secrets) -> Option<String> {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        of(&Head { minor_version: 1, status: 400, headers }, body, secrets)
    }

    #[test]
    fn takes_the_first_line_of_plain_text() {
        let plain = [("content-type", "Text/Plain; charset=utf-8")];
        let none = Secrets::default();
        for (body, expected) in [
            (&b"missing subprotocol\n"[..], "missing subprotocol"),
            (b"\r\n  no way  \r\nsecond line", "no way"),
            (b"a\tb \x1b[31mred\x07", "ab [31mred"),
            ("w\u{e4}re \u{1f980}".as_bytes(), "w\u{e4}re \u{1f980}"),
        ] {
            assert_eq!(remark(&plain, body, &none).as_deref(), Some(expected));
            assert_eq!(remark(&[], body, &none).as_deref(), Some(expected));
        }
        assert_eq!(remark(&[], "\u{e4}".repeat(300).as_bytes(), &none), Some("\u{e4}".repeat(100)));
    }

    #[test]
    fn takes_nothing_from_what_is_no_short_plain_text() {
        let none = Secrets::default();
        for body in [&b""[..], b" \r\n", b"<!DOCTYPE html>", b"a\0b", b"\xff\xfe", &[b'z'; MAX_BODY]] {
            assert_eq!(remark(&[], body, &none), None, "{body:?}");
        }
        for header in
            [("content-type", "text/html"), ("content-type", "application/json"), ("content-encoding", "gzip")]
        {
            assert_eq!(remark(&[header], b"text", &none), None, "{header:?}");
        }
    }

    #[test]
    fn takes_no_line_that_repeats_a_secret() {
        let mut secrets = Secrets::default();
        secrets.add_location(b"/?key=s3cret");
        for line in ["bad s3cret", "bad s\u{200b}3cr\x01et", "bad s3\u{ad}cr\u{fe0f}et", "S3CRET"] {
            assert_eq!(remark(&[], line.as_bytes(), &secrets), None, "{line}");
        }
        let here = [("location", "/x?to=th3re")];
        assert_eq!(remark(&here, b"go th3re", &secrets), None);
        assert_eq!(remark(&here, b"go", &secrets).as_deref(), Some("go"));
    }

    #[test]
    fn shows_only_what_cannot_be_taken_for_the_rest_of_the_text() {
        let none = Secrets::default();
        for (body, expected) in [
            ("a\u{202e}b\u{2066}c\u{feff}d\u{200f}e\u{2028}f", "abcdef"),
            ("no\": opening handshake with \"x", "no': opening handshake with 'x"),
        ] {
            assert_eq!(remark(&[], body.as_bytes(), &none).as_deref(), Some(expected));
        }
    }

    #[test]
    fn takes_nothing_from_a_redirect() {
        for status in [300, 302, 399] {
            let head = Head { minor_version: 1, status, headers: Vec::new() };
            assert_eq!(of(&head, b"Found", &Secrets::default()), None);
        }
    }
}
