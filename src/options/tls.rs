//! The options of TLS: which servers are trusted, and the client's own certificate.
//!
//! Comes in: names and values of the right type. Goes out: [`TlsOptions`] that do not contradict each other. Reads no
//! file and knows no certificate.

use std::fmt;

use crate::error::InvalidInput;
use crate::quote::{quoted, quoted_unless_key};

/// Which servers are trusted, and the client's own certificate (RFC 8446 section 4.4.2).
///
/// It has no `Debug`, because it may hold a private key.
#[derive(Clone, Default)]
pub struct TlsOptions {
    /// A file of root certificates.
    pub ca_file: Option<String>,
    /// Root certificates as PEM text.
    pub ca: Option<Vec<u8>>,
    /// The certificates to accept, in place of those that roots have signed.
    pub fingerprints: Vec<Fingerprint>,
    /// A file with the client's certificate chain.
    pub cert_file: Option<String>,
    /// The client's certificate chain as PEM text.
    pub cert: Option<Vec<u8>>,
    /// A file with the client's private key.
    pub key_file: Option<String>,
    /// The client's private key as PEM text.
    pub key: Option<Vec<u8>>,
    /// The name to verify in place of the URL's host.
    pub server_name: Option<String>,
    /// Skips verification.
    pub insecure: bool,
    /// Writes the secrets of the sessions to the file that `SSLKEYLOGFILE` names.
    pub keylog: bool,
}

impl TlsOptions {
    /// Adds a certificate to accept, by its fingerprint.
    ///
    /// # Errors
    /// As [`Fingerprint::parse`].
    pub fn add_fingerprint(&mut self, text: &str) -> Result<(), InvalidInput> {
        self.fingerprints.push(Fingerprint::parse(text)?);
        Ok(())
    }

    /// Checks the rules between these options.
    ///
    /// # Errors
    /// Two options that exclude each other, a certificate without its key, a key without its certificate.
    pub fn check(&self) -> Result<(), InvalidInput> {
        let given = [
            ("tls.ca", self.ca.is_some()),
            ("tls.ca_file", self.ca_file.is_some()),
            ("tls.cert", self.cert.is_some()),
            ("tls.cert_file", self.cert_file.is_some()),
            ("tls.fingerprint", !self.fingerprints.is_empty()),
            ("tls.insecure", self.insecure),
            ("tls.key", self.key.is_some()),
            ("tls.key_file", self.key_file.is_some()),
        ];
        let is_given = |name: &str| given.contains(&(name, true));
        for (one, other) in EXCLUSIVE {
            if is_given(one) && is_given(other) {
                return Err(InvalidInput::new(format!("options {one} and {other} exclude each other")));
            }
        }
        if (self.cert.is_some() || self.cert_file.is_some()) != (self.key.is_some() || self.key_file.is_some()) {
            return Err(InvalidInput::new(
                "options tls.cert_file and tls.key_file must be given together, or tls.cert and tls.key in their place",
            ));
        }
        Ok(())
    }
}

/// The options that exclude each other: the same thing in two ways, and two ways to decide about a server.
const EXCLUSIVE: [(&str, &str); 6] = [
    ("tls.ca", "tls.ca_file"),
    ("tls.cert", "tls.cert_file"),
    ("tls.key", "tls.key_file"),
    ("tls.fingerprint", "tls.ca"),
    ("tls.fingerprint", "tls.ca_file"),
    ("tls.fingerprint", "tls.insecure"),
];

/// How to print a fingerprint, for error texts.
const COMMAND: &str = "openssl x509 -noout -fingerprint -sha256";

/// What `openssl x509 -fingerprint -sha256` writes before the digits, in small letters. OpenSSL 1.1 writes large ones.
const PREFIX: &str = "sha256 fingerprint=";

/// The SHA-256 of a whole certificate in DER form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Parses a fingerprint as OpenSSL prints it: 64 hexadecimal digits with or without colons, or the whole line.
    ///
    /// # Errors
    /// Other characters, another number of digits.
    pub fn parse(text: &str) -> Result<Fingerprint, InvalidInput> {
        let refuse = |cause: String| {
            let shown = quoted_unless_key(text);
            InvalidInput::new(format!("option tls.fingerprint {shown} {cause}: {COMMAND} prints the right one"))
        };
        let line = text.trim();
        let digits = match line.get(..PREFIX.len()) {
            Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => &line[PREFIX.len()..],
            _ => line,
        };
        let digits = digits.replace(':', "");
        if let Some(other) = digits.chars().find(|char| !char.is_ascii_hexdigit()) {
            let other = quoted(other.encode_utf8(&mut [0; 4]));
            return Err(refuse(format!("holds {other}, which is neither a hexadecimal digit nor a colon")));
        }
        let decoded = data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok();
        match decoded.and_then(|bytes| bytes.try_into().ok()) {
            Some(bytes) => Ok(Fingerprint(bytes)),
            None => {
                let kind = match digits.len() {
                    32 => ", as an MD5 fingerprint has",
                    40 => ", as a SHA-1 fingerprint has",
                    128 => ", as a SHA-512 fingerprint has",
                    _ => "",
                };
                Err(refuse(format!("has {} hexadecimal digits{kind}, must have 64 (SHA-256)", digits.len())))
            }
        }
    }
}

impl fmt::Display for Fingerprint {
    /// Writes the fingerprint as OpenSSL does, with colons.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if at == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_a_fingerprint_in_every_form_that_openssl_prints() {
        let bytes = Fingerprint(std::array::from_fn(|at| 0xa0 ^ at as u8));
        let colons = bytes.to_string();
        assert!(colons.starts_with("A0:A1:A2:") && colons.len() == 95, "{colons}");
        for text in [
            colons.clone(),
            colons.to_lowercase(),
            colons.replace(':', ""),
            format!("sha256 Fingerprint={colons}\n"),
            format!("  SHA256 Fingerprint={colons}\r\n"),
        ] {
            assert_eq!(Fingerprint::parse(&text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn says_what_a_fingerprint_lacks() {
        for (text, expected) in [
            (String::new(), "has 0 hexadecimal digits, must have 64 (SHA-256)"),
            ("ab".repeat(20), "has 40 hexadecimal digits, as a SHA-1 fingerprint has, must have 64 (SHA-256)"),
            ("AB:".repeat(20), "has 40 hexadecimal digits, as a SHA-1 fingerprint has, must have 64"),
            ("ab".repeat(16), "has 32 hexadecimal digits, as an MD5 fingerprint has, must have 64"),
            ("ab".repeat(64), "has 128 hexadecimal digits, as a SHA-512 fingerprint has, must have 64"),
            ("a".repeat(63), "has 63 hexadecimal digits, must have 64"),
            ("a".repeat(65), "has 65 hexadecimal digits, must have 64"),
            (format!("sha1 Fingerprint={}", "AB:".repeat(20)), "holds \"s\", which is neither a hexadecimal digit"),
            (format!("{}\u{e4}", "ab".repeat(32)), "holds \"\u{e4}\", which is neither"),
            (format!("{} {}", "ab".repeat(16), "ab".repeat(16)), "holds \" \", which is neither"),
        ] {
            let error = Fingerprint::parse(&text).unwrap_err().to_string();
            assert!(error.starts_with("option tls.fingerprint \"") && error.contains(expected), "{error}");
            assert!(error.ends_with("openssl x509 -noout -fingerprint -sha256 prints the right one"), "{error}");
        }
    }

    #[test]
    fn refuses_options_that_contradict_each_other() {
        let text = || Some(Vec::new());
        let file = || Some(String::new());
        let none = TlsOptions::default;
        let pinned = || TlsOptions { fingerprints: vec![Fingerprint([0; 32])], ..none() };
        let together = "options tls.cert_file and tls.key_file must be given together, or tls.cert and tls.key";
        for (tls, expected) in [
            (TlsOptions { ca: text(), ca_file: file(), ..none() }, "options tls.ca and tls.ca_file exclude"),
            (TlsOptions { ca: text(), ..pinned() }, "options tls.fingerprint and tls.ca exclude"),
            (TlsOptions { ca_file: file(), ..pinned() }, "options tls.fingerprint and tls.ca_file exclude"),
            (TlsOptions { insecure: true, ..pinned() }, "options tls.fingerprint and tls.insecure exclude"),
            (
                TlsOptions { cert: text(), cert_file: file(), key: text(), ..none() },
                "tls.cert and tls.cert_file exclude",
            ),
            (TlsOptions { cert: text(), key_file: file(), key: text(), ..none() }, "tls.key and tls.key_file exclude"),
            (TlsOptions { cert: text(), ..none() }, together),
            (TlsOptions { cert_file: file(), ..none() }, together),
            (TlsOptions { key: text(), ..none() }, together),
            (TlsOptions { key_file: file(), ..none() }, together),
        ] {
            let error = tls.check().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        for tls in [
            TlsOptions { server_name: file(), keylog: true, ..pinned() },
            TlsOptions { cert: text(), key_file: file(), ..pinned() },
            TlsOptions { cert_file: file(), key: text(), ca: text(), ..none() },
        ] {
            assert_eq!(tls.check(), Ok(()));
        }
    }
}
