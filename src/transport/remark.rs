//! What a server says in the body of a refusal, for the text of the failure.
//!
//! Comes in: the head and the body of a response, and the request's secrets. Goes out: the body's first line if it is
//! short plain text and repeats no secret. Knows no status.

use data_encoding::BASE64;

use super::body::MAX_BODY;
use super::head::Head;
use crate::options::Options;
use crate::url::Endpoint;

/// The most characters of a line that a text shows.
const MAX_REMARK: usize = 100;
/// The shortest secret that is looked for, in bytes, but for passwords.
const MIN_SECRET: usize = 4;

/// The parts of a request that no text may show, even if the server repeats them.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<Vec<u8>>);

impl Secrets {
    /// Collects the values of the query, of the headers that a script gave and of its credentials, and the
    /// subprotocols, because some servers take a token for one.
    pub fn of(endpoint: &Endpoint, options: &Options) -> Secrets {
        let query = endpoint.resource.split_once('?').map_or("", |(_, query)| query);
        let url = url::form_urlencoded::parse(query.as_bytes()).map(|(_, value)| value.into_owned().into_bytes());
        let mut secrets: Vec<Vec<u8>> = url.collect();
        let raw = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
        secrets.extend(raw.map(|value| value.as_bytes().to_vec()));
        for (_, value) in &options.headers {
            // Of `Bearer token`, `name=value; name=value` and `one, other` also the parts, but not the scheme or the
            // name that stands first.
            let is_named = value.iter().find(|byte| b" ;,=".contains(byte)).is_some_and(|byte| b" =".contains(byte));
            let parts = value.split(|byte| b" ;,=".contains(byte)).skip(usize::from(is_named)).map(<[u8]>::to_vec);
            secrets.extend(parts.chain([value.clone()]));
        }
        secrets.extend(options.protocols.iter().map(|protocol| protocol.clone().into_bytes()));
        if let Some(auth) = &options.basic_auth {
            let pair = BASE64.encode(&[&auth.user[..], b":", &auth.password].concat());
            secrets.extend([auth.user.clone(), auth.password.clone(), pair.into_bytes()]);
        }
        // Almost every line holds a secret that is shorter. A password must not be shown even so.
        let password = options.basic_auth.as_ref().map(|auth| auth.password.clone());
        secrets.retain(|secret| secret.len() >= MIN_SECRET);
        secrets.extend(password.filter(|password| !password.is_empty()));
        Secrets(secrets)
    }

    fn stand_in(&self, line: &str) -> bool {
        let holds = |secret: &Vec<u8>| line.as_bytes().windows(secret.len()).any(|window| window == &secret[..]);
        self.0.iter().any(holds)
    }
}

/// Returns the first line of a short plain text, without control characters and cut to [`MAX_REMARK`] characters.
pub(super) fn of(head: &Head, body: &[u8], secrets: &Secrets) -> Option<String> {
    let media_type = head.lines("content-type").next().map(|value| value.split(|byte| *byte == b';').next());
    let is_plain = media_type.flatten().is_none_or(|name| name.trim_ascii().eq_ignore_ascii_case(b"text/plain"));
    let is_coded = head.list("content-encoding").any(|coding| !coding.eq_ignore_ascii_case(b"identity"));
    if !is_plain || is_coded || body.len() >= MAX_BODY {
        return None;
    }
    let text = std::str::from_utf8(body).ok()?.trim();
    // Without a content type it may be a page, or no text at all.
    if text.contains('\0') || text.starts_with('<') {
        return None;
    }
    let line: String = text.lines().next()?.chars().filter(|char| !char.is_control()).collect();
    if line.trim().is_empty() || secrets.stand_in(&line) {
        return None;
    }
    Some(line.trim().chars().take(MAX_REMARK).collect())
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
    fn takes_no_line_that_repeats_a_secret_of_the_request() {
        let mut options = Options::default();
        options.set_basic_auth(b"user", b"p4ssword").unwrap();
        options.add_header("X-Token", b"Bearer t0ken").unwrap();
        options.add_header("Cookie", b"a=c00kie; b=x").unwrap();
        options.add_header("X-Keys", b"f1rst,sec0nd").unwrap();
        options.add_protocol("pr0tocol").unwrap();
        let secrets = Secrets::of(&Endpoint::parse("ws://a/b?key=qu%20ery&x=1").unwrap(), &options);
        for line in [
            "bad p4ssword",
            "t0ken?",
            "c00kie",
            "not f1rst",
            "not sec0nd",
            "no pr0tocol",
            "no key 'qu ery'",
            "/b?key=qu%20ery",
            "unknown user",
            "dXNlcjpwNHNzd29yZA==",
        ] {
            assert_eq!(remark(&[], line.as_bytes(), &secrets), None, "{line}");
        }
        assert_eq!(remark(&[], b"Bearer is missing in b", &secrets).as_deref(), Some("Bearer is missing in b"));
        let mut short = Options::default();
        short.set_basic_auth(b"user", b"x7").unwrap();
        let secrets = Secrets::of(&Endpoint::parse("ws://a/").unwrap(), &short);
        assert_eq!(remark(&[], b"wrong: x7", &secrets), None);
    }
}
