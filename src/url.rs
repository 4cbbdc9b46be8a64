//! URLs, read as the WHATWG URL standard reads them and held to what a connection needs.
//!
//! [`Endpoint`] is the strict form that connections use. [`Parts`] is the lenient form that scripts may ask for.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use crate::error::InvalidInput;

/// Where a connection goes: the checked form of a `ws` or `wss` URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `wss` in place of `ws`.
    pub secure: bool,
    /// The host.
    pub host: Host<String>,
    /// The port, 80 or 443 where the URL has none.
    pub port: u16,
    /// Path and query, as the request line has them.
    pub resource: String,
    /// User and password of the URL, percent-decoded.
    pub credentials: Option<(Vec<u8>, Vec<u8>)>,
    /// The whole URL without user and password.
    pub href: String,
}

impl Endpoint {
    /// Reads a `ws` or `wss` URL (RFC 6455 section 3).
    ///
    /// # Errors
    /// Spaces and control characters, a fragment (even an empty one), another scheme, no host, whatever the URL
    /// standard calls a failure. The text never holds the URL's user, password or query.
    pub fn parse(text: &str) -> Result<Endpoint, InvalidInput> {
        if let Some(bad) = text.chars().find(|c| c.is_ascii_control() || *c == ' ') {
            return Err(InvalidInput::new(format!("invalid URL: holds {bad:?}")));
        }
        if text.contains('#') {
            return Err(InvalidInput::new("invalid URL: a WebSocket URL has no fragment (#)"));
        }
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(InvalidInput::new("invalid URL: no scheme, must begin with ws:// or wss://"));
        };
        if !["ws", "wss"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            // Without // it may be a user name, which no text tells.
            let named = if rest.starts_with("//") { format!(" {scheme:?}") } else { String::new() };
            return Err(InvalidInput::new(format!("invalid URL: unknown scheme{named}, must be \"ws\" or \"wss\"")));
        }
        if !rest.starts_with("//") || rest[2..].starts_with(['/', '?', '\\']) || rest.len() == 2 {
            return Err(InvalidInput::new("invalid URL: no host"));
        }
        let url = Url::parse(text).map_err(|error| InvalidInput::new(format!("invalid URL: {error}")))?;
        Endpoint::from_url(url)
    }

    fn from_url(mut url: Url) -> Result<Endpoint, InvalidInput> {
        let (Some(host), Some(port)) = (url.host().map(|host| host.to_owned()), url.port_or_known_default()) else {
            return Err(InvalidInput::new("invalid URL: no host"));
        };
        if port == 0 {
            return Err(InvalidInput::new("invalid URL: port 0, must be 1-65535"));
        }
        let credentials = (!url.username().is_empty() || url.password().is_some())
            .then(|| (percent_decode(url.username()), percent_decode(url.password().unwrap_or(""))));
        // Neither call can fail on a URL that has a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let mut resource = url.path().to_owned();
        if let Some(query) = url.query() {
            resource.push('?');
            resource.push_str(query);
        }
        Ok(Endpoint { secure: url.scheme() == "wss", host, port, resource, credentials, href: url.into() })
    }

    /// Returns `host:port` for texts and for the resolver; IPv6 in brackets.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Returns the value of the Host header: the port only where it is not the scheme's own.
    pub fn host_header(&self) -> String {
        let default = if self.secure { 443 } else { 80 };
        if self.port == default { self.host.to_string() } else { self.authority() }
    }

    /// Returns the address where the host is one, and no name.
    pub fn ip(&self) -> Option<IpAddr> {
        match self.host {
            Host::Domain(_) => None,
            Host::Ipv4(ip) => Some(ip.into()),
            Host::Ipv6(ip) => Some(ip.into()),
        }
    }
}

/// Scheme, host and port: what may be shown anywhere.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.secure { "wss" } else { "ws" }, self.host_header())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

/// The parts of a URL, named as the URL standard's API names them, except that delimiters are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The whole, serialised.
    pub href: String,
    /// `ws`, `wss`, `http` or `https`.
    pub scheme: String,
    /// The user, percent-encoded, `""` where there is none.
    pub username: String,
    /// The password, percent-encoded, `""` where there is none.
    pub password: String,
    /// The host, IPv6 in brackets.
    pub host: String,
    /// The port, the scheme's own where the URL has none.
    pub port: u16,
    /// The path, beginning with `/`.
    pub path: String,
    /// The query without `?`.
    pub query: Option<String>,
    /// The fragment without `#`.
    pub fragment: Option<String>,
    /// The serialised origin, as the HTML standard's MessageEvent has it.
    pub origin: String,
}

impl Parts {
    /// Reads a URL as the WHATWG URL standard does, without a base.
    ///
    /// # Errors
    /// What the standard calls a failure, and schemes other than `ws`, `wss`, `http` and `https`.
    pub fn parse(text: &str) -> Result<Parts, InvalidInput> {
        let url = Url::parse(text).map_err(|error| InvalidInput::new(format!("invalid URL: {error}")))?;
        if !matches!(url.scheme(), "ws" | "wss" | "http" | "https") {
            return Err(InvalidInput::new(format!(
                "invalid URL: unknown scheme {:?}, must be \"ws\", \"wss\", \"http\" or \"https\"",
                url.scheme()
            )));
        }
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(InvalidInput::new("invalid URL: no host"));
        };
        Ok(Parts {
            scheme: url.scheme().to_owned(),
            username: url.username().to_owned(),
            password: url.password().unwrap_or("").to_owned(),
            host: host.to_owned(),
            port,
            path: url.path().to_owned(),
            query: url.query().map(str::to_owned),
            fragment: url.fragment().map(str::to_owned),
            origin: url.origin().ascii_serialization(),
            href: url.into(),
        })
    }
}

fn percent_decode(text: &str) -> Vec<u8> {
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
    fn reads_what_a_connection_needs() {
        let endpoint =
            Endpoint::parse("wss://Us%65r:p%40ss@EXAMPLE.com:8443/a b?q=%20".replace(' ', "%20").as_str()).unwrap();
        assert!(endpoint.secure);
        assert_eq!(endpoint.host.to_string(), "example.com");
        assert_eq!(endpoint.port, 8443);
        assert_eq!(endpoint.resource, "/a%20b?q=%20");
        assert_eq!(endpoint.credentials, Some((b"User".to_vec(), b"p@ss".to_vec())));
        assert_eq!(endpoint.href, "wss://example.com:8443/a%20b?q=%20");
        assert_eq!(endpoint.to_string(), "wss://example.com:8443");
    }

    #[test]
    fn leaves_a_percent_sign_without_two_digits_as_it_is() {
        let endpoint = Endpoint::parse("ws://a%+b:c%zz%4@host/").unwrap();
        assert_eq!(endpoint.credentials, Some((b"a%+b".to_vec(), b"c%zz%4".to_vec())));
    }

    #[test]
    fn leaves_the_schemes_own_port_out_of_the_host_header() {
        assert_eq!(Endpoint::parse("ws://[::1]:80").unwrap().host_header(), "[::1]");
        assert_eq!(Endpoint::parse("wss://[::1]:80").unwrap().host_header(), "[::1]:80");
        assert_eq!(Endpoint::parse("ws://a").unwrap().resource, "/");
    }

    #[test]
    fn refuses_what_is_no_websocket_url() {
        for text in [
            "",
            "ws",
            "ws:",
            "ws:/",
            "ws://",
            "ws:///path",
            "ws://?q",
            "http://a/",
            "ftp://a/",
            "//a/",
            "/a",
            "ws://a/#",
            "ws://a/#f",
            "ws://a b/",
            " ws://a/",
            "ws://a/\r\nX: y",
            "ws://a/\0",
            "ws://a:65536/",
            "ws://a:0/",
            "ws://[::1/",
            "ws://user:secret@/",
            "secret:x@example.com/",
        ] {
            let error = Endpoint::parse(text).expect_err(text).to_string();
            assert!(error.starts_with("invalid URL: ") && !error.contains("secret"), "{text:?}: {error}");
        }
    }

    #[test]
    fn reads_urls_leniently_for_scripts() {
        let parts = Parts::parse("  HTTP://u:p@LOCALHOST:80/a b?x#f ").unwrap();
        assert_eq!(parts.href, "http://u:p@localhost/a%20b?x#f");
        assert_eq!((parts.port, parts.fragment.as_deref()), (80, Some("f")));
        assert_eq!(parts.origin, "http://localhost");
        assert!(Parts::parse("mailto:x").is_err());
        assert!(Parts::parse("/relative").is_err());
    }
}
