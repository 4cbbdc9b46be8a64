//! The parts of a URL's authority: `user:password@host:port`.
//!
//! Comes in: text. Goes out: host, port and decoded credentials, or what is wrong, without the text itself, which may
//! hold a password.

use std::fmt;
use std::net::IpAddr;

use url::Host;

use crate::quote::quoted;

/// The longest name of a host in bytes (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 253;

/// A host and a port: where a connection goes.
#[derive(Clone, PartialEq, Eq)]
pub struct HostPort {
    /// The host.
    pub host: Host<String>,
    /// The port.
    pub port: u16,
}

impl HostPort {
    /// Parses `host:port`; an IPv6 address stands in brackets. `default` is the port if there is none.
    ///
    /// # Errors
    /// The text says what is wrong with which part, and shows neither.
    pub(super) fn parse(text: &str, default: Option<u16>) -> Result<HostPort, &'static str> {
        // The colons of an IPv6 address are no end of a host.
        let bracket = text.rfind(']').map_or(0, |at| at + 1);
        let (host, port) = match text[bracket..].rfind(':') {
            Some(at) => (&text[..bracket + at], Some(&text[bracket + at + 1..])),
            None => (text, None),
        };
        if host.is_empty() {
            return Err("has no host");
        }
        let host = Host::parse(host).map_err(|_| "has an invalid host")?;
        let digits = port.filter(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
        let port = match (port, default) {
            (None | Some(""), Some(default)) => default,
            (None | Some(""), None) => return Err("has no port"),
            _ => digits.and_then(|digits| digits.parse().ok()).ok_or("has a port that is not a number up to 65535")?,
        };
        if port == 0 {
            return Err("has the port 0, must be 1-65535");
        }
        Ok(HostPort { host, port })
    }

    /// Returns the address if the host is an address and not a name.
    pub fn ip(&self) -> Option<IpAddr> {
        match self.host {
            Host::Domain(_) => None,
            Host::Ipv4(ip) => Some(ip.into()),
            Host::Ipv6(ip) => Some(ip.into()),
        }
    }
}

/// Writes `host:port` for texts. A host that is too long for any name is cut.
impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.to_string();
        let host = if host.len() > MAX_NAME { quoted(host) } else { host };
        write!(f, "{host}:{}", self.port)
    }
}

/// Decodes the percent-encoding of user, password or path. A percent sign that no two digits follow stays.
pub(super) fn percent_decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        let hex = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match hex.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_hosts_of_every_form() {
        for (text, shown) in [
            ("Proxy.Example:3128", "proxy.example:3128"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("[::1]:65535", "[::1]:65535"),
            ("localhost", "localhost:7"),
            ("[2001:DB8::1]", "[2001:db8::1]:7"),
            ("b\u{fc}cher.example:", "xn--bcher-kva.example:7"),
        ] {
            let parsed = HostPort::parse(text, Some(7)).map(|parsed| parsed.to_string());
            assert_eq!(parsed.as_deref(), Ok(shown), "{text}");
        }
    }

    #[test]
    fn says_which_part_is_wrong() {
        for (text, cause) in [
            ("", "has no host"),
            (":80", "has no host"),
            ("host", "has no port"),
            ("host:", "has no port"),
            ("host:x", "has a port that is not a number up to 65535"),
            ("host:+1", "has a port that is not a number up to 65535"),
            ("host:65536", "has a port that is not a number up to 65535"),
            ("host:0", "has the port 0, must be 1-65535"),
            ("::1:80", "has an invalid host"),
            ("[::1:80", "has an invalid host"),
            ("a b:80", "has an invalid host"),
            ("a/b:80", "has an invalid host"),
            ("256.0.0.1:80", "has an invalid host"),
        ] {
            assert_eq!(HostPort::parse(text, None).map(|parsed| parsed.to_string()), Err(cause), "{text:?}");
        }
    }
}
