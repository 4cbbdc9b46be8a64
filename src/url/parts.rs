//! URLs in the lenient form that scripts may ask for.
//!
//! Comes in: text. Goes out: its [`Parts`]. Knows nothing of connections.

use super::parse;
use crate::error::InvalidInput;
use crate::quote::quoted;

/// The parts of a URL, named as the URL standard's API names them, except that delimiters are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The whole URL, serialised.
    pub href: String,
    /// `ws`, `wss`, `http` or `https`.
    pub scheme: String,
    /// The user, percent-encoded; `""` if there is none.
    pub username: String,
    /// The password, percent-encoded; `""` if there is none.
    pub password: String,
    /// The host; an IPv6 address stands in brackets.
    pub host: String,
    /// The port; the scheme's default if the URL has none.
    pub port: u16,
    /// The path, beginning with `/`.
    pub path: String,
    /// The query without `?`.
    pub query: Option<String>,
    /// The fragment without `#`.
    pub fragment: Option<String>,
    /// The serialised origin, as in the HTML standard's MessageEvent.
    pub origin: String,
}

impl Parts {
    /// Parses a URL as the WHATWG URL standard does, without a base.
    ///
    /// # Errors
    /// The standard calls the URL a failure, or its scheme is none of `ws`, `wss`, `http` and `https`.
    pub fn parse(text: &str) -> Result<Parts, InvalidInput> {
        let url = parse(text)?;
        if !matches!(url.scheme(), "ws" | "wss" | "http" | "https") {
            return Err(InvalidInput::new(format!(
                "invalid URL: unknown scheme {}, must be \"ws\", \"wss\", \"http\" or \"https\"",
                quoted(url.scheme())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_urls_leniently_for_scripts() {
        let parts = Parts::parse("  HTTP://u:p@LOCALHOST:80/a b?x#f ").unwrap();
        assert_eq!(parts.href, "http://u:p@localhost/a%20b?x#f");
        assert_eq!((parts.port, parts.fragment.as_deref()), (80, Some("f")));
        assert_eq!(parts.origin, "http://localhost");
        assert!(Parts::parse("mailto:x").is_err());
        assert!(Parts::parse("/relative").is_err());
    }
}
