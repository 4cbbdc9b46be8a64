//! The parts of requests that no text may show, even if a server repeats them.
//!
//! Comes in: endpoints with their options, and the targets of redirects. Goes out: whether a line holds one of the
//! secrets, or a piece of one. Letter case never counts. Knows no status.

use std::collections::HashSet;

use data_encoding::{BASE64, BASE64_NOPAD};

use crate::options::Options;
use crate::url::Endpoint;

/// The shortest secret that is looked for inside of words, in bytes, but for passwords: almost every line holds a
/// shorter one.
const MIN_SECRET: usize = 4;
/// A line that shares this many bytes in a row with a secret holds a piece of it.
const PIECE: usize = 6;
/// The most bytes of secrets that are kept and looked for. The search runs on the thread that polls.
const MAX_SECRETS: usize = 16 * 1024;
/// What stands between the parts of a header's value.
const SEPARATORS: &[u8] = b" \t;,=:\"&";

/// The secrets of a request and of those before it.
#[derive(Clone, Default)]
pub(super) struct Secrets {
    /// Those that are looked for everywhere, in lower case.
    texts: HashSet<Vec<u8>>,
    /// The short ones, which count only where they stand as a word.
    words: HashSet<Vec<u8>>,
    /// How many bytes these have; above [`MAX_SECRETS`] if that was too little for all.
    size: usize,
}

impl Secrets {
    /// Collects the values of the query, of the headers that a script gave and of its credentials, and the
    /// subprotocols, because some servers take a token for one.
    pub fn of(endpoint: &Endpoint, options: &Options) -> Secrets {
        let mut secrets = Secrets::without_query(options);
        secrets.add_query(endpoint.resource.split_once('?').map_or("", |(_, query)| query));
        secrets
    }

    /// Collects those of the headers, the credentials and the subprotocols alone.
    pub fn without_query(options: &Options) -> Secrets {
        let mut secrets = Secrets::default();
        for (_, value) in &options.headers {
            secrets.add_header(value);
        }
        for protocol in &options.protocols {
            secrets.add(protocol.as_bytes());
        }
        if let Some(auth) = &options.basic_auth {
            secrets.add_credentials(&auth.user, &auth.password);
        }
        secrets
    }

    /// Adds the secrets of another request.
    pub fn join(&mut self, other: &Secrets) {
        for text in &other.texts {
            self.insert(text, |secrets| &mut secrets.texts);
        }
        for word in &other.words {
            self.insert(word, |secrets| &mut secrets.words);
        }
        self.size = self.size.max(other.size);
    }

    /// Adds the target of a redirect, with the parts of its query.
    pub fn add_location(&mut self, location: &[u8]) {
        let location = String::from_utf8_lossy(location);
        self.add(location.as_bytes());
        for part in location.split(['?', '#']).skip(1) {
            self.add_query(part);
        }
        for part in location.split_once('@').map_or("", |(credentials, _)| credentials).split(['/', ':']) {
            self.add(part.as_bytes());
        }
    }

    /// Returns whether a line holds a secret or a piece of one, or whether there are too many secrets to say.
    pub fn may_stand_in(&self, line: &str) -> bool {
        if self.size > MAX_SECRETS {
            return true;
        }
        let line = line.to_ascii_lowercase();
        let words: HashSet<&[u8]> = line.split(|char: char| !char.is_alphanumeric()).map(str::as_bytes).collect();
        let pieces: HashSet<&[u8]> = line.as_bytes().windows(PIECE).collect();
        let holds = |secret: &Vec<u8>| match secret.len() {
            PIECE.. => secret.windows(PIECE).any(|piece| pieces.contains(piece)),
            length => line.as_bytes().windows(length).any(|window| window == &secret[..]),
        };
        // A short secret of other characters than letters and digits is no word, so it is looked for everywhere.
        let stands = |secret: &Vec<u8>| match secret.iter().all(u8::is_ascii_alphanumeric) {
            true => words.contains(&secret[..]),
            false => holds(secret),
        };
        self.texts.iter().any(holds) || self.words.iter().any(stands)
    }

    fn add_query(&mut self, query: &str) {
        for pair in query.split(['&', ';']) {
            let value = pair.split_once('=').map_or(pair, |(_, value)| value);
            self.add(value.as_bytes());
            // A name before `=` keeps the value from being taken for one.
            for (_, decoded) in url::form_urlencoded::parse(format!("={value}").as_bytes()) {
                self.add(decoded.as_bytes());
            }
        }
    }

    /// Adds the value of a header: of `Bearer token`, `name=value; name=value` and `one, other` also the parts, but not
    /// the scheme or the name that stands first.
    fn add_header(&mut self, value: &[u8]) {
        // What fills up base64 ends no name.
        let value = trim_padding(value);
        let first = value.iter().position(|byte| SEPARATORS.contains(byte)).filter(|at| b" =".contains(&value[*at]));
        let (name, rest) = first.map_or((&value[..0], value), |at| (&value[..at], value[at + 1..].trim_ascii()));
        self.add_whole(rest);
        for part in rest.split(|byte| SEPARATORS.contains(byte)) {
            self.add(part);
        }
        if name.eq_ignore_ascii_case(b"basic")
            && let Ok(pair) = BASE64_NOPAD.decode(rest)
        {
            let colon = pair.iter().position(|byte| *byte == b':').unwrap_or(pair.len());
            self.add_credentials(&pair[..colon], pair.get(colon + 1..).unwrap_or_default());
        }
    }

    fn add_credentials(&mut self, user: &[u8], password: &[u8]) {
        self.add_whole(user);
        // A password must not be shown even if it is short.
        if !password.is_empty() {
            self.insert(password, |secrets| &mut secrets.texts);
        }
        let pair = BASE64.encode(&[user, b":", password].concat());
        self.add_whole(trim_padding(pair.as_bytes()));
    }

    /// Adds a text that is looked for even if it is short.
    fn add_whole(&mut self, secret: &[u8]) {
        if !secret.is_empty() && secret.len() < MIN_SECRET {
            self.insert(secret, |secrets| &mut secrets.words);
        }
        self.add(secret);
    }

    /// Adds a text, unless it is short.
    fn add(&mut self, secret: &[u8]) {
        if secret.len() >= MIN_SECRET {
            self.insert(secret, |secrets| &mut secrets.texts);
        }
    }

    /// Adds to one of the two sets, unless that would be too much.
    fn insert(&mut self, secret: &[u8], set: fn(&mut Secrets) -> &mut HashSet<Vec<u8>>) {
        if self.size > MAX_SECRETS {
            return;
        }
        let secret = secret.to_ascii_lowercase();
        if set(self).contains(&secret) {
            return;
        }
        self.size = self.size.saturating_add(secret.len());
        if self.size <= MAX_SECRETS {
            set(self).insert(secret);
        }
    }
}

fn trim_padding(text: &[u8]) -> &[u8] {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    &text[..text.len() - padding]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(url: &str, headers: &[(&str, &str)], set: impl FnOnce(&mut Options)) -> Secrets {
        let mut options = Options::default();
        for (name, value) in headers {
            options.add_header(name, value.as_bytes()).unwrap();
        }
        set(&mut options);
        Secrets::of(&Endpoint::parse(url).unwrap(), &options)
    }

    #[track_caller]
    fn check(secrets: &Secrets, hidden: &[&str], shown: &[&str]) {
        for line in hidden {
            assert!(secrets.may_stand_in(line), "{line}");
        }
        for line in shown {
            assert!(!secrets.may_stand_in(line), "{line}");
        }
    }

    #[test]
    fn finds_the_values_of_headers_and_their_parts() {
        let headers = [
            ("X-Token", "Bearer t0ken"),
            ("Cookie", "a=c00kie; b=x"),
            ("X-Keys", "f1rst,sec0nd"),
            ("X-More", "id=1:th1rd&\"f0urth\""),
            ("X-Base", "cGFkZGVk=="),
            ("X-Spaced", "a1 b2 c3"),
        ];
        let secrets = secrets("ws://a/", &headers, |options| options.add_protocol("pr0tocol").unwrap());
        let hidden = [
            "t0ken?",
            "T0KEN?",
            "not 'c00kie'",
            "f1rst",
            "sec0nd",
            "th1rd",
            "f0urth",
            "no pr0tocol",
            "<cGFkZGVk>",
            "got a1 b2 c3",
        ];
        check(&secrets, &hidden, &["Bearer is missing in b", "a: no cookie", "b2 or a1"]);
    }

    #[test]
    fn finds_pieces_of_long_values_and_short_values_as_words() {
        let headers = [("X-Token", "Bearer abcdefghijkl"), ("X-Pin", "42"), ("X-Odd", "-z"), ("X-Key", "Key q7")];
        let secrets = secrets("ws://a/", &headers, |_| {});
        let hidden = ["not abcdef...", "...GHIJKL is wrong", "wrong: 42", "42", "(-z)", "no q7!"];
        check(&secrets, &hidden, &["not abcde", "142 or 4 2 or z", "q77"]);
    }

    #[test]
    fn finds_credentials_however_they_were_given() {
        let given = secrets("ws://a/", &[], |options| options.set_basic_auth(b"user", b"p4ssword").unwrap());
        let header = secrets("ws://a/", &[("Authorization", "basic dXNlcjpwNHNzd29yZA==")], |_| {});
        let bare = secrets("ws://a/", &[("Proxy-Authorization", "Basic dXNlcjpwNHNzd29yZA")], |_| {});
        for secrets in [given, header, bare] {
            let hidden =
                ["bad p4ssword", "unknown user", "dXNlcjpwNHNzd29yZA==", "dXNlcjpwNHNzd29yZA", "DXNLCJPWNHNZD29YZA"];
            check(&secrets, &hidden, &["use another", "Basic is missing"]);
        }
        let short = secrets("ws://a/", &[], |options| options.set_basic_auth(b"me", b"x7").unwrap());
        check(&short, &["wrong: x7", "wrong:yx7z", "not me"], &["some"]);
    }

    #[test]
    fn finds_the_values_of_the_query_and_of_a_location() {
        let mut secrets = secrets("ws://a/b?key=qu%20ery&x=1;s=sem1&bare%2Dvalue", &[], |_| {});
        let hidden = ["no key 'qu ery'", "/b?key=qu%20ery", "sem1", "bare-value", "bare%2dvalue"];
        check(&secrets, &hidden, &["no key x in b", "error 1"]);
        secrets.add_location(b"https://u53r:pa55@host/login?session=5e55ion&to=/a#fr4gment");
        let hidden = ["5e55ion", "fr4gment", "u53r", "pa55", "go to /login?"];
        check(&secrets, &hidden, &["no such page"]);
    }

    #[test]
    fn looks_for_no_more_than_a_few_thousand_bytes() {
        let long = "z".repeat(MAX_SECRETS);
        check(&secrets("ws://a/", &[("X-Long", &long)], |_| {}), &["zzzzzz"], &["sorry"]);
        let whole = format!("Bearer {}", "Z".repeat(MAX_SECRETS));
        check(&secrets("ws://a/", &[("X-Long", &whole)], |_| {}), &["zzzzzz"], &["sorry"]);
        check(&secrets("ws://a/?q=more", &[("X-Long", &long)], |_| {}), &["zzzzzz", "sorry"], &[]);
    }

    #[test]
    fn joins_the_secrets_of_several_requests() {
        let mut later = secrets("ws://a/?key=l4ter", &[], |_| {});
        later.join(&secrets("ws://a/?key=e4rly", &[("X-Pin", "42")], |_| {}));
        check(&later, &["l4ter", "e4rly", "42"], &["other"]);
    }
}
