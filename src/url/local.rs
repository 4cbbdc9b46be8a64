//! Unix sockets: the URLs that name one, and the address that `connect_to` may be.
//!
//! Comes in: text. Goes out: an absolute path, checked for this system, or a text that says what is wrong. Knows
//! nothing of connections.

use url::Host;

use super::host_port::{HostPort, percent_decode};
use super::{Endpoint, parse};
use crate::error::InvalidInput;

/// Where to dial instead of the URL's host.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// By TCP.
    Tcp(HostPort),
    /// By a Unix socket with this absolute path.
    Unix(String),
}

impl Target {
    /// Parses `host:port` or `unix:/path`.
    ///
    /// # Errors
    /// Neither of the two, or a path that no Unix socket of this system can have. The text continues one that names the
    /// option.
    pub fn parse(text: &str) -> Result<Target, String> {
        match text.strip_prefix("unix:") {
            Some(path) => Ok(Target::Unix(check_path(path)?)),
            None => Ok(Target::Tcp(HostPort::parse(text, None)?)),
        }
    }
}

/// Parses what follows the scheme of a `ws+unix` or `wss+unix` URL: `///path/of/socket:/resource`, as Node's ws writes
/// it. The host, for the Host header and for certificates, is `localhost`.
pub(super) fn parse_url(scheme: &str, rest: &str) -> Result<Endpoint, InvalidInput> {
    let refuse = |cause: &str| InvalidInput::new(format!("invalid URL: {cause}"));
    let form = || refuse(&format!("must have the form {scheme}:///path/of/socket:/resource"));
    // Both `ws+unix:///path` and `ws+unix:/path` are in use.
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (path, resource) = rest.split_once(':').unwrap_or((rest, "/"));
    if !path.starts_with('/') || !resource.starts_with('/') {
        return Err(form());
    }
    if path.contains('?') {
        return Err(refuse("the path of the socket holds a question mark, which must be percent-encoded"));
    }
    let decoded = String::from_utf8(percent_decode(path));
    let decoded = decoded.map_err(|_| refuse("the path of the socket is not UTF-8 once it is decoded"))?;
    let socket = check_path(&decoded).map_err(|cause| refuse(&format!("the path of the socket {cause}")))?;
    let plain = scheme.trim_end_matches("+unix");
    let url = parse(&format!("{plain}://localhost{resource}"))?;
    let inner = Endpoint::from_url(url)?;
    debug_assert_eq!(inner.host, Host::Domain("localhost".to_owned()));
    let href = format!("{scheme}://{}:{}", percent_encode(&socket), inner.resource);
    super::check_length(&href)?;
    Ok(Endpoint { socket: Some(socket), href, ..inner })
}

/// Encodes everything of a path but what may stand in the path of a URL, and the colon, which would end it.
fn percent_encode(path: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ if b"/-._~!$&'()*+,;=@".contains(&byte) => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    path.bytes().map(encode).collect()
}

/// Checks that a path is absolute and that this system has Unix sockets with such a path.
fn check_path(path: &str) -> Result<String, String> {
    if !path.starts_with('/') {
        return Err("is not absolute".to_owned());
    }
    if let Some(at) = path.bytes().position(|byte| byte == 0) {
        return Err(format!("holds a NUL at byte {}", at + 1));
    }
    let most = longest_path()?;
    if path.len() > most {
        return Err(format!("has {} bytes, limit {most}", path.len()));
    }
    Ok(path.to_owned())
}

/// Returns how many bytes the path of a socket may have: a NUL follows it in the system's structure.
#[cfg(unix)]
fn longest_path() -> Result<usize, String> {
    Ok(size_of::<libc::sockaddr_un>() - std::mem::offset_of!(libc::sockaddr_un, sun_path) - 1)
}

#[cfg(not(unix))]
fn longest_path() -> Result<usize, String> {
    Err("names a Unix socket, and these are not available on this system".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Endpoint {
        Endpoint::parse(text).unwrap()
    }

    #[cfg(unix)]
    #[test]
    fn parses_the_urls_that_nodes_ws_takes() {
        for (text, socket, resource, href) in [
            ("ws+unix:///run/a.sock", "/run/a.sock", "/", "ws+unix:///run/a.sock:/"),
            ("WS+UNIX:/run/a.sock:/b?c=:d", "/run/a.sock", "/b?c=:d", "ws+unix:///run/a.sock:/b?c=:d"),
            (
                "ws+unix:///a%20%3a%3F:/b c".replace("b c", "%20").as_str(),
                "/a :?",
                "/%20",
                "ws+unix:///a%20%3A%3F:/%20",
            ),
            ("ws+unix:///\u{fc}%41", "/\u{fc}A", "/", "ws+unix:///%C3%BCA:/"),
            ("wss+unix:///s:/", "/s", "/", "wss+unix:///s:/"),
        ] {
            let endpoint = parsed(text);
            assert_eq!(endpoint.socket.as_deref(), Some(socket), "{text}");
            assert_eq!((&*endpoint.resource, &*endpoint.href, &*endpoint.host_header()), (resource, href, "localhost"));
            assert_eq!(endpoint.secure, text.starts_with("wss"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn shows_the_path_and_no_query() {
        let endpoint = parsed("ws+unix:///run/a.sock:/x?secret");
        assert_eq!(endpoint.to_string(), "ws+unix:///run/a.sock");
        assert_eq!(endpoint.authority(), "unix:\"/run/a.sock\"");
    }

    #[test]
    fn refuses_what_names_no_socket() {
        let long = format!("ws+unix:///{}", "a".repeat(200));
        for text in [
            "ws+unix:",
            "ws+unix://",
            "ws+unix://host/path",
            "ws+unix:relative",
            "ws+unix:///a:b",
            "ws+unix:///a?secret",
            "ws+unix:///a%00b",
            "ws+unix:///%ff",
            "ws+unix:///a:/#f",
            "unix:///a",
            &*long,
        ] {
            let error = Endpoint::parse(text).expect_err(text).to_string();
            assert!(error.starts_with("invalid URL: ") && !error.contains("secret"), "{text}: {error}");
        }
    }

    #[test]
    fn parses_where_to_connect_to() {
        let shown = |text: &str| match Target::parse(text)? {
            Target::Tcp(address) => Ok(address.to_string()),
            Target::Unix(path) => Ok::<_, String>(path),
        };
        assert_eq!(shown("Other.example:8080").unwrap(), "other.example:8080");
        #[cfg(unix)]
        assert_eq!(shown("unix:/run/a b.sock").unwrap(), "/run/a b.sock");
        for text in ["", "host", "host:", "ws://host:80", "u:p@host:80", "host:80/x", "unix:", "unix:a", "unix:/a\0"] {
            assert!(shown(text).is_err(), "{text:?}");
        }
    }
}
