//! The proxies that the environment names.
//!
//! Comes in: the environment's variables, read once. Goes out: the proxy for a URL, or which variable cannot be used.
//! Knows no option.

use std::ffi::OsString;

use super::bypass::Bypass;
use crate::url::{Endpoint, Proxy};

/// The variables for `ws` URLs, the one that counts most first. As in curl, the lower-case name goes first, and those
/// of HTTP count where WebSocket has none of its own.
const FOR_WS: [&str; 6] = ["ws_proxy", "WS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
const FOR_WSS: [&str; 6] = ["wss_proxy", "WSS_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const WITHOUT: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// What the environment says about proxies. Variables that are empty count as not set.
pub(in super::super) struct Environment {
    ws: Option<(&'static str, OsString)>,
    wss: Option<(&'static str, OsString)>,
    bypass: Bypass,
}

impl Environment {
    /// Reads the environment of the process.
    pub fn read() -> Environment {
        Environment::from(|name| std::env::var_os(name))
    }

    /// Reads the variables by `lookup`.
    pub(in super::super) fn from(lookup: impl Fn(&str) -> Option<OsString>) -> Environment {
        // A CGI program finds the request header `Proxy` in HTTP_PROXY, so whoever sends a request could choose it.
        let is_cgi = lookup("REQUEST_METHOD").is_some();
        let first = |names: &[&'static str]| {
            let trusted = names.iter().filter(|name| !(is_cgi && may_be_a_header(name)));
            let mut set = trusted.filter_map(|name| lookup(name).map(|value| (*name, value)));
            set.find(|(_, value)| !value.is_empty())
        };
        let bypass = first(&WITHOUT).map(|(_, value)| Bypass::parse(&value.to_string_lossy()));
        Environment { ws: first(&FOR_WS), wss: first(&FOR_WSS), bypass: bypass.unwrap_or(Bypass::parse("")) }
    }

    /// Returns the proxy for a URL, with the name of its variable.
    ///
    /// # Errors
    /// The variable does not hold a proxy's URL. The text names the variable and does not show its value.
    pub fn proxy_for(&self, endpoint: &Endpoint) -> Result<Option<(Proxy, &'static str)>, String> {
        let Some((name, value)) = (if endpoint.secure { &self.wss } else { &self.ws }) else { return Ok(None) };
        if self.bypass.covers(&endpoint.host_port()) {
            return Ok(None);
        }
        let refuse = |cause: &str| format!("the environment variable {name}, which names the proxy, {cause}");
        let text = value.to_str().ok_or_else(|| refuse("is not UTF-8"))?;
        // Without a scheme it is a proxy for HTTP, as in curl.
        let parsed = if text.contains("://") { Proxy::parse(text) } else { Proxy::parse(&format!("http://{text}")) };
        Ok(Some((parsed.map_err(|cause| refuse(&cause))?, name)))
    }
}

/// Tells whether a request header of a CGI program may be found by this name. Windows finds `HTTP_PROXY` by any
/// spelling of it.
fn may_be_a_header(name: &str) -> bool {
    name == "HTTP_PROXY" || cfg!(windows) && name.eq_ignore_ascii_case("HTTP_PROXY")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(variables: &[(&str, &str)], url: &str) -> Result<Option<String>, String> {
        let lookup = |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| value.into());
        let found = Environment::from(lookup).proxy_for(&Endpoint::parse(url).unwrap())?;
        Ok(found.map(|(proxy, variable)| format!("{variable} {}", proxy.address)))
    }

    fn chosen(variables: &[(&str, &str)], url: &str) -> Option<String> {
        proxy(variables, url).unwrap()
    }

    #[test]
    fn prefers_the_variable_of_the_scheme_and_the_lower_case() {
        let mut variables = Vec::new();
        let mut expected = None;
        for (name, value) in [
            ("ALL_PROXY", "f"),
            ("all_proxy", "e"),
            ("HTTPS_PROXY", "d"),
            ("https_proxy", "c"),
            ("WSS_PROXY", "b"),
            ("wss_proxy", "a:1"),
        ] {
            assert_eq!(chosen(&variables, "wss://host/"), expected);
            variables.push((name, value));
            let port = if value.len() == 1 { ":80" } else { "" };
            expected = Some(format!("{name} {value}{port}"));
        }
        assert_eq!(chosen(&variables, "wss://host/"), expected);
        assert_eq!(chosen(&variables, "ws://host/"), Some("all_proxy e:80".to_owned()));
        assert_eq!(
            chosen(&[("http_proxy", "h:1"), ("HTTP_PROXY", "H:2")], "ws://host/"),
            Some("http_proxy h:1".to_owned())
        );
        assert_eq!(chosen(&[("http_proxy", ""), ("ALL_PROXY", "x:2")], "ws://host/"), Some("ALL_PROXY x:2".to_owned()));
    }

    #[test]
    fn ignores_the_variable_that_a_request_header_can_set() {
        let variables = [("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "evil"), ("all_proxy", "good")];
        assert_eq!(chosen(&variables, "ws://host/"), Some("all_proxy good:80".to_owned()));
        assert_eq!(chosen(&variables[1..], "ws://host/"), Some("HTTP_PROXY evil:80".to_owned()));
    }

    #[test]
    fn uses_none_for_the_hosts_of_no_proxy() {
        let variables = [("http_proxy", "p:1"), ("NO_PROXY", "example.org, 10.0.0.0/8")];
        for (url, expected) in [
            ("ws://example.org/", None),
            ("ws://10.1.2.3:99/", None),
            ("wss://example.org/", None),
            ("ws://example.com/", Some("http_proxy p:1".to_owned())),
        ] {
            assert_eq!(chosen(&variables, url), expected, "{url}");
        }
    }

    #[test]
    fn names_a_variable_that_cannot_be_used_and_hides_its_value() {
        for value in ["socks4://u:secret@p", "http://", "http://u:secret@p:x", "u:secret@p/path", "secret secret"] {
            let error = proxy(&[("https_proxy", value)], "wss://host/").unwrap_err();
            assert!(error.contains("variable https_proxy") && !error.contains("secret"), "{error}");
            assert_eq!(chosen(&[("https_proxy", value)], "ws://host/"), None);
            assert_eq!(chosen(&[("https_proxy", value), ("no_proxy", "host")], "wss://host/"), None);
        }
    }
}
