//! The request headers that a script adds, replaces or leaves out.
//!
//! Comes in: names and values. Goes out: checked headers in [`Options`]. Knows nothing of the request that they stand in.

use super::values::Options;
use crate::error::InvalidInput;
use crate::header::{check_value, is_token};
use crate::quote::quoted;

/// The error of a User-Agent that is both a value and false, by names in different letter case.
const USER_AGENT_TWICE: &str = "header \"User-Agent\" is given twice";

impl Options {
    /// Adds a request header.
    ///
    /// # Errors
    /// A name that is not a token; a name that belongs to the opening handshake (Connection, Upgrade, Sec-WebSocket-*,
    /// and those that announce a body); a second Host; a value with a control character (RFC 9110 section 5.5).
    pub fn add_header(&mut self, name: &str, value: &[u8]) -> Result<(), InvalidInput> {
        if !is_token(name) {
            return Err(InvalidInput::new(format!("invalid header name: {}", quoted(name))));
        }
        let lower = name.to_ascii_lowercase();
        if matches!(&*lower, "connection" | "upgrade" | "content-length" | "transfer-encoding")
            || lower.starts_with("sec-websocket-")
        {
            return Err(InvalidInput::new(format!(
                "header {} belongs to the opening handshake and cannot be set",
                quoted(name)
            )));
        }
        if lower == "host" && self.header("host").is_some() {
            return Err(InvalidInput::new("header \"Host\" is given twice"));
        }
        check_value(&format!("value of header {}", quoted(name)), value)?;
        if lower == "user-agent" {
            if self.user_agent().is_none() {
                return Err(InvalidInput::new(USER_AGENT_TWICE));
            }
            self.user_agent = None;
        }
        self.headers.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// Forgets all request headers, as if none was given.
    pub fn clear_headers(&mut self) {
        self.headers.clear();
        self.user_agent = Options::default().user_agent;
    }

    /// Removes a request header that is sent by default.
    ///
    /// # Errors
    /// Any other name than User-Agent, and one that is given or removed already.
    pub fn remove_header(&mut self, name: &str) -> Result<(), InvalidInput> {
        if !name.eq_ignore_ascii_case("user-agent") {
            return Err(InvalidInput::new(format!(
                "header {} cannot be removed by false, only \"User-Agent\" can",
                quoted(name)
            )));
        }
        // The default is gone once a script has given the header or removed it.
        self.user_agent.take().map(drop).ok_or_else(|| InvalidInput::new(USER_AGENT_TWICE))
    }

    /// Returns the User-Agent header.
    pub fn user_agent(&self) -> Option<&[u8]> {
        self.user_agent.as_deref().or_else(|| self.header("user-agent"))
    }

    /// Returns the first value of the request header that has this name, in lower case.
    pub fn header(&self, lower: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(lower)).map(|(_, value)| &value[..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_headers_that_would_change_the_request() {
        let mut options = Options::default();
        for (name, value) in [
            ("", "x"),
            ("a b", "x"),
            ("a\r\nb", "x"),
            ("a:", "x"),
            ("X", "a\r\nb: c"),
            ("X", "a\0"),
            ("connection", "close"),
            ("UPGRADE", "h2c"),
            ("Sec-WebSocket-Key", "x"),
            ("Content-Length", "1"),
        ] {
            assert!(options.add_header(name, value.as_bytes()).is_err(), "{name:?}: {value:?}");
        }
        assert!(options.headers.is_empty());
    }

    #[test]
    fn accepts_one_host_and_several_lines_of_other_headers() {
        let mut options = Options::default();
        options.add_header("Host", b"other.example").unwrap();
        assert!(options.add_header("host", b"third.example").is_err());
        options.add_header("Cookie", b"a=1").unwrap();
        options.add_header("Cookie", "b=é".as_bytes()).unwrap();
        assert_eq!(options.headers.len(), 3);
    }

    #[test]
    fn refuses_a_user_agent_that_is_both_given_and_removed() {
        let twice = |result: Result<(), InvalidInput>| {
            assert_eq!(result.unwrap_err().to_string(), "header \"User-Agent\" is given twice");
        };
        let mut options = Options::default();
        options.add_header("User-Agent", b"a").unwrap();
        options.add_header("User-Agent", b"b").unwrap();
        twice(options.remove_header("user-agent"));
        options.clear_headers();
        options.remove_header("User-Agent").unwrap();
        twice(options.add_header("user-agent", b"a"));
    }
}
