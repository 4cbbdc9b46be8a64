//! The URL of a proxy: `http://user:password@host:port`, `https://`, `socks5://` or `socks5h://`.
//!
//! Comes in: text of a script or of the environment. Goes out: a [`Proxy`], or what is wrong with the text, without the
//! text itself, which may hold a password.

use super::host_port::{HostPort, percent_decode};

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// By CONNECT (RFC 9110 section 9.3.6).
    Http,
    /// By CONNECT over TLS.
    Https,
    /// By SOCKS version 5 (RFC 1928), with an address that we have resolved.
    Socks5,
    /// By SOCKS version 5, with the name, which the proxy resolves.
    Socks5h,
}

/// A checked proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// How it is spoken to.
    pub kind: ProxyKind,
    /// Where it is.
    pub address: HostPort,
    /// User and password, percent-decoded. For SOCKS both are UTF-8 of 1 to 255 bytes.
    pub credentials: Option<(Vec<u8>, Vec<u8>)>,
}

impl Proxy {
    /// Parses the URL of a proxy.
    ///
    /// The default ports are 80 for `http`, 443 for `https` and 1080 for SOCKS.
    ///
    /// # Errors
    /// Another scheme, no host, a path, a query or a fragment, a control character in the URL or in its credentials
    /// once they are decoded, a colon in the user's name, and for SOCKS a user or a password that is empty, longer than
    /// 255 bytes (RFC 1929 section 2) or not UTF-8. The text continues one that names the option or the variable.
    pub fn parse(text: &str) -> Result<Proxy, String> {
        if let Some(at) = text.bytes().position(|byte| byte.is_ascii_control() || byte == b' ') {
            return Err(format!("holds a space or a control character at byte {}", at + 1));
        }
        let schemes = "must begin with http://, https://, socks5:// or socks5h://";
        let (scheme, rest) = text.split_once("://").ok_or_else(|| schemes.to_owned())?;
        let (kind, port) = match &*scheme.to_ascii_lowercase() {
            "http" => (ProxyKind::Http, 80),
            "https" => (ProxyKind::Https, 443),
            "socks5" => (ProxyKind::Socks5, 1080),
            "socks5h" => (ProxyKind::Socks5h, 1080),
            _ => return Err(schemes.to_owned()),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '\\', '?', '#']) {
            let hint = "in a user name or a password these characters are percent-encoded";
            return Err(format!("has a path, a query or a fragment; {hint}"));
        }
        let (credentials, host) = match rest.rsplit_once('@') {
            Some((pair, host)) => (Some(pair), host),
            None => (None, rest),
        };
        let address = HostPort::parse(host, Some(port))?;
        let credentials = credentials.map(|pair| parse_credentials(pair, kind)).transpose()?;
        Ok(Proxy { kind, address, credentials })
    }
}

fn parse_credentials(pair: &str, kind: ProxyKind) -> Result<(Vec<u8>, Vec<u8>), String> {
    let (user, password) = pair.split_once(':').unwrap_or((pair, ""));
    let (user, password) = (percent_decode(user), percent_decode(password));
    for (part, what) in [(&user, "user name"), (&password, "password")] {
        if part.iter().any(u8::is_ascii_control) {
            return Err(format!("has a {what} that holds a control character"));
        }
        let is_socks = matches!(kind, ProxyKind::Socks5 | ProxyKind::Socks5h);
        if is_socks && !(1..=255).contains(&part.len()) {
            return Err(format!("has a {what} of {} bytes, for SOCKS it must have 1 to 255", part.len()));
        }
        if is_socks && std::str::from_utf8(part).is_err() {
            return Err(format!("has a {what} that is not UTF-8"));
        }
    }
    if user.contains(&b':') {
        return Err("has a user name that holds a colon, which would end it".to_owned());
    }
    Ok((user, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_every_kind() {
        for (text, kind, address, credentials) in [
            ("http://proxy", ProxyKind::Http, "proxy:80", None),
            ("HTTPS://proxy/", ProxyKind::Https, "proxy:443", None),
            ("socks5://[::1]", ProxyKind::Socks5, "[::1]:1080", None),
            ("socks5h://a:b@1.2.3.4:80", ProxyKind::Socks5h, "1.2.3.4:80", Some(("a", "b"))),
            ("http://us%65r:p%40s:s@proxy:3128", ProxyKind::Http, "proxy:3128", Some(("user", "p@s:s"))),
            ("http://user@proxy", ProxyKind::Http, "proxy:80", Some(("user", ""))),
        ] {
            let proxy = Proxy::parse(text).unwrap();
            let expected = credentials.map(|(user, password)| (user.as_bytes().to_vec(), password.as_bytes().to_vec()));
            assert_eq!(
                (proxy.kind, proxy.address.to_string(), proxy.credentials),
                (kind, address.to_owned(), expected)
            );
        }
    }

    #[test]
    fn refuses_what_is_no_proxy_without_showing_it() {
        let long = "secret".repeat(50);
        for text in [
            "",
            "secret",
            "secret:3128",
            "ftp://secret",
            "socks4://secret",
            "secret://proxy",
            "http://",
            "http:///",
            "http://user:secret@",
            "http://user:secret@:80",
            "http://user:secret@proxy:0",
            "http://user:secret@proxy/path",
            "http://user:sec/ret@proxy",
            "http://user:secret@proxy?x",
            "http://user:secret@proxy#x",
            "http://user:secret@pro xy",
            "http://user:sec\r\nret@proxy",
            "http://user:sec%0d%0aret@proxy",
            "http://us%00er:secret@proxy",
            "http://us%3Aer:secret@proxy",
            "socks5://secret@proxy",
            "socks5://:secret@proxy",
            "socks5h://user:%ffsecret@proxy",
            &format!("socks5h://user:{long}@proxy"),
        ] {
            let error = Proxy::parse(text).err().unwrap_or_else(|| panic!("{text:?} was accepted"));
            assert!(!error.contains("secret") && !error.contains("user:"), "{text:?}: {error}");
        }
    }
}
