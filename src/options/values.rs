//! The values of the options, their defaults, and the rules that one value or several together must obey.
//!
//! Comes in: names and values of the right type. Goes out: [`Options`] that the layers above may trust.

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Duration;

use super::reconnect::Reconnect;
use super::tls::TlsOptions;
use crate::error::InvalidInput;
use crate::extension::Compression;
use crate::header::{check_value, is_token};
use crate::quote::quoted;
use crate::url::{Proxy, Target};

/// The User-Agent header that is sent by default.
const USER_AGENT: &str = concat!("websocket-native/", env!("CARGO_PKG_VERSION"));

/// Credentials for Basic authorization (RFC 7617).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct BasicAuth {
    /// The user name. It has no colon, because the first colon ends it on the wire.
    pub user: Vec<u8>,
    /// The password.
    pub password: Vec<u8>,
}

/// Which proxy to use.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum ProxyChoice {
    /// The one that the environment names for the URL, if there is one.
    #[default]
    Environment,
    /// None.
    Direct,
    /// This one, for every URL.
    By(Proxy),
}

/// Everything a script may choose for one connection; [`table`](super::table) says what each option does.
#[derive(Clone)]
pub struct Options {
    /// Further request headers, in the order in which they are sent.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The User-Agent header, unless `headers` has one; `None` sends none.
    pub user_agent: Option<Vec<u8>>,
    /// The subprotocols to offer, the preferred one first.
    pub protocols: Vec<String>,
    /// Fails the handshake when the server chooses no subprotocol.
    pub require_protocol: bool,
    /// The Origin header (RFC 6454).
    pub origin: Option<Vec<u8>>,
    /// Basic authorization.
    pub basic_auth: Option<BasicAuth>,
    /// The proxy.
    pub proxy: ProxyChoice,
    /// Where to dial in place of the URL's host and port.
    pub connect_to: Option<Target>,
    /// The address of this machine from which to dial.
    pub local_address: Option<IpAddr>,
    /// How many redirects are followed.
    pub max_redirects: u8,
    /// The deadline for opening the connection.
    pub open_timeout: Duration,
    /// The deadline for the peer's answer to our Close.
    pub close_timeout: Duration,
    /// The time between keepalive pings; `None` sends none.
    pub ping_interval: Option<Duration>,
    /// How long the peer may stay silent after a keepalive ping; `None` waits for ever.
    pub ping_timeout: Option<Duration>,
    /// The size of the largest message to accept, in bytes.
    pub max_message_size: usize,
    /// The most frames that one message may come in.
    pub max_fragments: usize,
    /// The bytes that may wait for the script before the engine stops reading.
    pub max_queue: usize,
    /// The bytes that may wait for the transport before `send` refuses a message.
    pub max_buffered: usize,
    /// Delivers the event `ping`.
    pub report_pings: bool,
    /// Delivers the event `closing`.
    pub report_closing: bool,
    /// Delivers the event `drain`.
    pub report_drain: bool,
    /// How a lost connection is opened again; `None` never does.
    pub reconnect: Option<Reconnect>,
    /// What to offer of permessage-deflate (RFC 7692); `None` offers nothing.
    pub compression: Option<Compression>,
    /// TLS, for `wss`.
    pub tls: TlsOptions,
}

/// Everything a script may choose for one message; [`table`](super::table) says what each option does.
#[derive(Clone, Copy)]
pub struct SendOptions {
    /// Whether the message may be compressed.
    pub compress: bool,
}

impl Default for SendOptions {
    fn default() -> Self {
        SendOptions { compress: true }
    }
}

/// The longest offer of subprotocols in bytes. Servers refuse whole requests far below it.
const MAX_OFFER: usize = 64 * 1024;

const MIB: usize = 1024 * 1024;

impl Default for Options {
    fn default() -> Self {
        Options {
            headers: Vec::new(),
            user_agent: Some(USER_AGENT.into()),
            protocols: Vec::new(),
            require_protocol: false,
            origin: None,
            basic_auth: None,
            proxy: ProxyChoice::default(),
            connect_to: None,
            local_address: None,
            max_redirects: 0,
            open_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(10),
            ping_interval: Some(Duration::from_secs(20)),
            ping_timeout: Some(Duration::from_secs(20)),
            max_message_size: 16 * MIB,
            max_fragments: 131_072,
            max_queue: 16 * MIB,
            max_buffered: 16 * MIB,
            report_pings: false,
            report_closing: false,
            report_drain: false,
            reconnect: None,
            compression: None,
            tls: TlsOptions::default(),
        }
    }
}

impl Options {
    /// Adds a subprotocol to the offer.
    ///
    /// # Errors
    /// A name that is not a token (RFC 6455 section 4.1). [`Options::check`] finds one that is offered twice.
    pub fn add_protocol(&mut self, name: &str) -> Result<(), InvalidInput> {
        if !is_token(name) {
            return Err(InvalidInput::new(format!("invalid subprotocol: {}", quoted(name))));
        }
        self.protocols.push(name.to_owned());
        Ok(())
    }

    /// Sets the Origin header.
    ///
    /// # Errors
    /// A value with a control character (RFC 9110 section 5.5).
    pub fn set_origin(&mut self, origin: &[u8]) -> Result<(), InvalidInput> {
        check_value("option origin", origin)?;
        self.origin = Some(origin.to_owned());
        Ok(())
    }

    /// Sets the user name and the password of Basic authorization.
    ///
    /// # Errors
    /// As [`Options::set_user`] and [`Options::set_password`].
    pub fn set_basic_auth(&mut self, user: &[u8], password: &[u8]) -> Result<(), InvalidInput> {
        self.set_user(user)?;
        self.set_password(password)
    }

    /// Sets the user name of Basic authorization.
    ///
    /// # Errors
    /// A colon or a control character in the name (RFC 7617 section 2).
    pub fn set_user(&mut self, user: &[u8]) -> Result<(), InvalidInput> {
        if user.contains(&b':') {
            return Err(InvalidInput::new("user name of basic_auth holds a colon, which would end it"));
        }
        check_value("user name of basic_auth", user)?;
        self.basic_auth.get_or_insert_default().user = user.to_owned();
        Ok(())
    }

    /// Sets the password of Basic authorization.
    ///
    /// # Errors
    /// A control character in the password (RFC 7617 section 2).
    pub fn set_password(&mut self, password: &[u8]) -> Result<(), InvalidInput> {
        check_value("password of basic_auth", password)?;
        self.basic_auth.get_or_insert_default().password = password.to_owned();
        Ok(())
    }

    /// Checks the rules between options, once all of them are set.
    ///
    /// # Errors
    /// Credentials together with an Authorization header, an origin together with an Origin header, a subprotocol that
    /// is offered twice, more subprotocols than a header may hold, `require_protocol` without subprotocols, options of
    /// TLS that contradict each other, `insecure` together with a proxy, a Unix socket together with a proxy or
    /// `local_address`; those of [`Reconnect::check`].
    pub fn check(&self) -> Result<(), InvalidInput> {
        if self.basic_auth.is_some() && self.header("authorization").is_some() {
            return Err(InvalidInput::new(
                "credentials are given twice: basic_auth (or the URL) and an Authorization header",
            ));
        }
        if self.origin.is_some() && self.header("origin").is_some() {
            return Err(InvalidInput::new("the origin is given twice: option origin and an Origin header"));
        }
        self.check_protocols()?;
        if self.require_protocol && self.protocols.is_empty() {
            return Err(InvalidInput::new("option require_protocol needs option protocols"));
        }
        self.tls.check()?;
        self.check_reach()?;
        self.reconnect.as_ref().map_or(Ok(()), Reconnect::check)
    }

    /// Checks the offer as a whole. Names that differ only in the case of letters count as equal, as the web platform
    /// tests have it ("Create-protocols-repeated-case-insensitive").
    fn check_protocols(&self) -> Result<(), InvalidInput> {
        let size = self.protocols.iter().map(|name| name.len() + 2).sum::<usize>().saturating_sub(2);
        if size > MAX_OFFER {
            return Err(InvalidInput::new(format!(
                "option protocols makes a header of {size} bytes, limit {MAX_OFFER}"
            )));
        }
        let mut seen = HashSet::new();
        match self.protocols.iter().find(|name| !seen.insert(name.to_ascii_lowercase())) {
            Some(twice) => Err(InvalidInput::new(format!("subprotocol {} is given twice", quoted(twice)))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_names_in_plain_characters() {
        let mut options = Options::default();
        let name = "J\u{fc}rgen\u{1b}\n";
        let texts = [options.add_header(name, b"x").unwrap_err(), options.add_protocol(name).unwrap_err()];
        for text in texts {
            assert!(text.to_string().ends_with("\"J\u{fc}rgen\\x1b\\n\""), "{text}");
        }
    }

    #[test]
    fn refuses_invalid_and_repeated_subprotocols() {
        let mut options = Options::default();
        for name in ["", "a b", "a,b", "é"] {
            assert!(options.add_protocol(name).is_err(), "{name:?}");
        }
        for name in ["chat", "super"] {
            options.add_protocol(name).unwrap();
        }
        assert_eq!(options.check(), Ok(()));
        options.add_protocol("Chat").unwrap();
        assert_eq!(options.check().unwrap_err().to_string(), "subprotocol \"Chat\" is given twice");
    }

    #[test]
    fn refuses_more_subprotocols_than_a_header_may_hold() {
        let offer = |count: usize| Options {
            // Each takes 8 bytes with the comma and the space behind it.
            protocols: (0..count).map(|number| format!("p{number:05}")).collect(),
            ..Options::default()
        };
        assert_eq!(offer(8192).check(), Ok(()));
        let text = offer(60_000).check().unwrap_err().to_string();
        assert_eq!(text, "option protocols makes a header of 479998 bytes, limit 65536");
    }

    #[test]
    fn refuses_options_that_contradict_each_other() {
        let mut options = Options::default();
        options.set_basic_auth(b"me", b"secret").unwrap();
        options.add_header("authorization", b"Bearer x").unwrap();
        assert!(!options.check().unwrap_err().to_string().contains("secret"));
        assert!(Options { require_protocol: true, ..Options::default() }.check().is_err());
        let tls = TlsOptions { cert_file: Some("c.pem".into()), ..TlsOptions::default() };
        assert!(Options { tls, ..Options::default() }.check().is_err());
        assert!(Options::default().set_basic_auth(b"a:b", b"").is_err());
    }
}
