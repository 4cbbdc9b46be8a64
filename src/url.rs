//! URLs, parsed as the WHATWG URL standard says, with the restrictions of RFC 6455.
//!
//! Comes in: text. Goes out: an [`Endpoint`], the strict form that connections use, [`Parts`], the lenient form that
//! scripts may ask for, a [`Proxy`], or a [`Target`] to dial. Knows nothing of connections.

mod host_port;
mod local;
mod parts;
mod proxy;

use std::fmt;
use std::net::IpAddr;

use url::{Host, ParseError, Url};

pub use self::host_port::HostPort;
use self::host_port::percent_decode;
pub use self::local::Target;
pub use self::parts::Parts;
pub use self::proxy::{Proxy, ProxyKind};
use crate::error::InvalidInput;
use crate::quote::quoted;

/// The longest URL in bytes, percent-encoded and without user and password: the http crate, which writes the request,
/// takes no longer one.
const MAX_URL: usize = u16::MAX as usize - 1;

/// Where a connection goes: the checked form of a `ws`, `wss`, `ws+unix` or `wss+unix` URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// True for `wss` and `wss+unix`, false for `ws` and `ws+unix`.
    pub secure: bool,
    /// The absolute path of the Unix socket, for `ws+unix` and `wss+unix`.
    pub socket: Option<String>,
    /// The host; `localhost` for a Unix socket.
    pub host: Host<String>,
    /// The port; 80 or 443 if the URL has none.
    pub port: u16,
    /// Path and query, as they stand in the request line.
    pub resource: String,
    /// User and password of the URL, percent-decoded.
    pub credentials: Option<(Vec<u8>, Vec<u8>)>,
    /// The whole URL without user and password.
    pub href: String,
}

impl Endpoint {
    /// Parses a `ws` or `wss` URL (RFC 6455 section 3), or a `ws+unix` or `wss+unix` URL as Node's ws writes it:
    /// `ws+unix:///path/of/socket:/resource`.
    ///
    /// # Errors
    /// The URL holds a space or a control character, has a fragment (even an empty one), another scheme or no host, has
    /// more than 65534 bytes once it is percent-encoded, or the URL standard calls it a failure. The text never
    /// contains the URL's user, password or query.
    pub fn parse(text: &str) -> Result<Endpoint, InvalidInput> {
        if let Some(at) = text.bytes().position(|byte| byte.is_ascii_control() || byte == b' ') {
            let what = match text.as_bytes()[at] {
                b' ' => "a space".to_owned(),
                control => format!("the control character 0x{control:02x}"),
            };
            return Err(InvalidInput::new(format!("invalid URL: holds {what} at byte {}", at + 1)));
        }
        if text.contains('#') {
            return Err(InvalidInput::new("invalid URL: a WebSocket URL has no fragment (#)"));
        }
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(InvalidInput::new("invalid URL: no scheme, must begin with ws:// or wss://"));
        };
        if let Some(scheme) = ["ws+unix", "wss+unix"].iter().find(|known| scheme.eq_ignore_ascii_case(known)) {
            return local::parse_url(scheme, rest);
        }
        if !["ws", "wss"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            // Without // it may be a user name, which no text may contain.
            let named = if rest.starts_with("//") { format!(" {}", quoted(scheme)) } else { String::new() };
            return Err(InvalidInput::new(format!("invalid URL: unknown scheme{named}, must be \"ws\" or \"wss\"")));
        }
        if !rest.starts_with("//") || rest[2..].starts_with(['/', '?', '\\']) || rest.len() == 2 {
            return Err(InvalidInput::new("invalid URL: no host"));
        }
        Endpoint::from_url(parse(text)?)
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
        check_length(url.as_str())?;
        let mut resource = url.path().to_owned();
        if let Some(query) = url.query() {
            resource.push('?');
            resource.push_str(query);
        }
        let secure = url.scheme() == "wss";
        Ok(Endpoint { secure, socket: None, host, port, resource, credentials, href: url.into() })
    }

    /// Resolves the target of a redirect, which may be relative (RFC 9110 section 10.2.2). `http` and `https` count as
    /// `ws` and `wss`. Returns `None` if it leads to no WebSocket server. User, password and fragment are left out.
    ///
    /// A target with the scheme, host and port of this endpoint has its socket, too.
    pub fn join(&self, location: &str) -> Option<Endpoint> {
        let scheme = if self.secure { "wss" } else { "ws" };
        let base = parse(&format!("{scheme}://{}{}", self.host_header(), self.resource)).ok()?;
        let mut url = base.join(location).ok()?;
        let scheme = match url.scheme() {
            "ws" | "http" => "ws",
            "wss" | "https" => "wss",
            _ => return None,
        };
        url.set_scheme(scheme).ok()?;
        url.set_fragment(None);
        let joined = Endpoint { credentials: None, ..Endpoint::from_url(url).ok()? };
        Some(if joined.has_origin(self) { joined.with_socket_of(self) } else { joined })
    }

    fn with_socket_of(self, other: &Endpoint) -> Endpoint {
        let Some(socket) = &other.socket else { return self };
        let href = format!("{other}:{}", self.resource);
        Endpoint { socket: Some(socket.clone()), href, ..self }
    }

    /// Returns whether scheme, host and port are those of `other`.
    pub fn has_origin(&self, other: &Endpoint) -> bool {
        self.secure == other.secure && self.host == other.host && self.port == other.port
    }

    /// Returns `host:port` for texts, or the path of the socket; an IPv6 address stands in brackets.
    pub fn authority(&self) -> String {
        match &self.socket {
            Some(path) => format!("unix:{}", quoted(path)),
            None => self.host_port().to_string(),
        }
    }

    /// Returns host and port.
    pub fn host_port(&self) -> HostPort {
        HostPort { host: self.host.clone(), port: self.port }
    }

    /// Returns the value of the Host header, which has the port only if it is not the scheme's default.
    pub fn host_header(&self) -> String {
        let default = if self.secure { 443 } else { 80 };
        if self.port == default { self.host.to_string() } else { format!("{}:{}", self.host, self.port) }
    }

    /// Returns the address if the host is an address and not a name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host_port().ip()
    }
}

/// Writes scheme, host and port, which may be shown anywhere; for a Unix socket its path, as it stands in the URL.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.socket {
            Some(_) => f.write_str(self.href.strip_suffix(&*self.resource).map_or("", |url| url.trim_end_matches(':'))),
            None => write!(f, "{}://{}", if self.secure { "wss" } else { "ws" }, self.host_header()),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

fn parse(text: &str) -> Result<Url, InvalidInput> {
    Url::parse(text).map_err(|error| {
        let cause = match error {
            ParseError::EmptyHost => "no host",
            ParseError::IdnaError => "the host is no valid international domain name",
            ParseError::InvalidDomainCharacter => "the host holds a character that no name may have",
            ParseError::InvalidIpv4Address => "the host is no valid IPv4 address",
            ParseError::InvalidIpv6Address => "the host is no valid IPv6 address",
            ParseError::InvalidPort => "the port is not a number up to 65535",
            ParseError::RelativeUrlWithoutBase => "no scheme, must begin with ws:// or wss://",
            ParseError::Overflow => "longer than 4 GiB",
            _ => "not understood",
        };
        InvalidInput::new(format!("invalid URL: {cause}"))
    })
}

fn check_length(href: &str) -> Result<(), InvalidInput> {
    match href.len() {
        0..=MAX_URL => Ok(()),
        length => {
            let text = format!("invalid URL: {length} bytes when it is percent-encoded, limit {MAX_URL}");
            Err(InvalidInput::new(text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_a_connection_needs() {
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
    fn keeps_a_percent_sign_that_no_two_digits_follow() {
        let endpoint = Endpoint::parse("ws://a%+b:c%zz%4@host/").unwrap();
        assert_eq!(endpoint.credentials, Some((b"a%+b".to_vec(), b"c%zz%4".to_vec())));
    }

    #[test]
    fn leaves_the_default_port_out_of_the_host_header() {
        assert_eq!(Endpoint::parse("ws://[::1]:80").unwrap().host_header(), "[::1]");
        assert_eq!(Endpoint::parse("wss://[::1]:80").unwrap().host_header(), "[::1]:80");
        assert_eq!(Endpoint::parse("ws://a").unwrap().resource, "/");
    }

    #[test]
    fn cuts_a_host_that_is_too_long_for_a_name_in_texts_alone() {
        let host = "h".repeat(1000);
        let endpoint = Endpoint::parse(&format!("ws://{host}:81/")).unwrap();
        assert_eq!(endpoint.authority(), format!("\"{}\"... (1000 bytes):81", &host[..200]));
        assert_eq!(endpoint.host_header(), format!("{host}:81"));
    }

    #[test]
    fn refuses_what_is_not_a_websocket_url() {
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
    fn refuses_a_url_that_is_too_long_once_it_is_encoded() {
        let longest = format!("ws://host/{}", "a".repeat(MAX_URL - 10));
        assert!(Endpoint::parse(&longest).is_ok());
        assert!(Endpoint::parse(&longest.replace("ws://", "ws://user:password@")).is_ok());
        for (text, length) in [
            (longest + "a", 65_535),
            (format!("ws://host/?{}", "b".repeat(1 << 20)), 1_048_587),
            (format!("ws://{}/", "c".repeat(1 << 20)), 1_048_582),
            (format!("ws://host/{}", "\u{fc}".repeat(20_000)), 120_010),
        ] {
            let error = Endpoint::parse(&text).unwrap_err().to_string();
            assert_eq!(error, format!("invalid URL: {length} bytes when it is percent-encoded, limit 65534"));
        }
    }
}
