//! The options that say how the server is reached, and the rules between them.
//!
//! Comes in: strings of the right type. Goes out: parsed values in [`Options`].

use super::values::{Options, ProxyChoice};
use crate::error::InvalidInput;
use crate::quote::quoted;
use crate::url::{Proxy, Target};

impl Options {
    /// Sets the proxy; `None` uses none.
    ///
    /// # Errors
    /// As [`Proxy::parse`]. The text does not show the URL, which may hold a password.
    pub fn set_proxy(&mut self, url: Option<&str>) -> Result<(), InvalidInput> {
        let parsed = url.map(Proxy::parse).transpose();
        let proxy = parsed.map_err(|cause| InvalidInput::new(format!("option proxy {cause}")))?;
        self.proxy = proxy.map_or(ProxyChoice::Direct, ProxyChoice::By);
        Ok(())
    }

    /// Sets where to dial in place of the URL's host and port.
    ///
    /// # Errors
    /// As [`Target::parse`].
    pub fn set_connect_to(&mut self, text: &str) -> Result<(), InvalidInput> {
        // Before an @ a password may stand, which no text may show.
        let shown = if text.contains('@') { "the string".to_owned() } else { quoted(text) };
        let form = "must be \"host:port\" or \"unix:/path\"";
        let refuse = |cause| InvalidInput::new(format!("option connect_to {form}; {shown} {cause}"));
        self.connect_to = Some(Target::parse(text).map_err(refuse)?);
        Ok(())
    }

    /// Sets the address from which to dial.
    ///
    /// # Errors
    /// The text is no IP address.
    pub fn set_local_address(&mut self, text: &str) -> Result<(), InvalidInput> {
        let refuse = |_| InvalidInput::new(format!("option local_address must be an IP address, got {}", quoted(text)));
        self.local_address = Some(text.parse().map_err(refuse)?);
        Ok(())
    }

    /// Returns the options for servers of other origins, to which redirects lead: without what is for the URL's server
    /// alone. These are credentials, cookies, the Host header, the client's certificate and the name to verify.
    pub fn for_other_origins(&self) -> Options {
        const PRIVATE: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "host"];
        let mut options = self.clone();
        options.basic_auth = None;
        options.headers.retain(|(name, _)| !PRIVATE.iter().any(|private| name.eq_ignore_ascii_case(private)));
        (options.tls.cert_file, options.tls.cert) = (None, None);
        (options.tls.key_file, options.tls.key) = (None, None);
        options.tls.server_name = None;
        options
    }

    /// Checks the rules between the options of this file.
    ///
    /// # Errors
    /// A proxy together with `tls.insecure`, and what [`Options::check_unix`] refuses.
    pub(super) fn check_reach(&self) -> Result<(), InvalidInput> {
        if matches!(self.proxy, ProxyChoice::By(_)) && self.tls.insecure {
            return Err(InvalidInput::new("options proxy and tls.insecure exclude each other"));
        }
        match self.connect_to {
            Some(Target::Unix(_)) => self.check_unix("option connect_to names a Unix socket"),
            _ => Ok(()),
        }
    }

    /// Checks that no option needs TCP. `what` begins the text.
    ///
    /// # Errors
    /// A proxy, or `local_address`.
    pub fn check_unix(&self, what: &str) -> Result<(), InvalidInput> {
        let other = match (&self.proxy, self.local_address) {
            (ProxyChoice::By(_), _) => "option proxy",
            (_, Some(_)) => "option local_address",
            _ => return Ok(()),
        };
        Err(InvalidInput::new(format!("{what}, for which {other} cannot be used")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_no_credentials_of_a_wrong_option() {
        let mut options = Options::default();
        for error in [
            options.set_proxy(Some("ftp://user:secret@proxy")),
            options.set_proxy(Some("http://user:sec\r\nret@proxy")),
            options.set_connect_to("user:secret@host"),
        ] {
            let text = error.unwrap_err().to_string();
            assert!(text.starts_with("option ") && !text.contains("sec"), "{text}");
        }
    }

    #[test]
    fn refuses_options_of_tcp_together_with_a_unix_socket() {
        let set = |change: fn(&mut Options)| {
            let mut options = Options::default();
            change(&mut options);
            options.check()
        };
        assert!(set(|options| options.set_connect_to("127.0.0.1:80").unwrap()).is_ok());
        assert!(set(|options| options.set_proxy(Some("http://proxy")).unwrap()).is_ok());
        let refused = set(|options| {
            options.set_proxy(Some("http://proxy")).unwrap();
            options.tls.insecure = true;
        });
        assert_eq!(refused.unwrap_err().to_string(), "options proxy and tls.insecure exclude each other");
        #[cfg(unix)]
        for change in [
            |options: &mut Options| options.set_proxy(Some("http://proxy")).unwrap(),
            |options: &mut Options| options.set_local_address("127.0.0.1").unwrap(),
        ] {
            let mut options = Options::default();
            options.set_connect_to("unix:/run/a.sock").unwrap();
            assert_eq!(options.check(), Ok(()));
            change(&mut options);
            assert!(options.check().unwrap_err().to_string().contains("cannot be used"));
        }
    }
}
