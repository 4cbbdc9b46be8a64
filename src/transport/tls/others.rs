//! TLS with other peers than the URL's server: proxies, and the servers to which redirects lead.
//!
//! Comes in: what the options trust. Goes out: a [`Setup`] for any of them. It has no client certificate, because that
//! is for the URL's server, and no other name than the peer's own.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use url::Host;

use super::key_log::KeyLogFile;
use super::source::Source;
use super::{Sessions, Setup, Trust, server_name};
use crate::error::InvalidInput;
use crate::quote::quoted;

/// Whom to trust.
pub(in super::super) struct Others {
    servers: Trusted,
    proxies: Trusted,
}

struct Trusted {
    trust: Trust,
    sessions: Sessions,
}

impl Others {
    /// Trusts servers as the URL's. Proxies are always verified, by the roots that the options give in `ca`, or else by
    /// the system's: a fingerprint is that of a server, and says nothing about a proxy.
    pub(super) fn new(
        trust: &Trust,
        roots: Option<Arc<RootCertStore>>,
        ca: &Option<Source>,
        log: Option<&Arc<KeyLogFile>>,
    ) -> Others {
        let trusted = |trust: Trust| Trusted { sessions: Sessions::new(log, &trust, [ca, &None, &None]), trust };
        let proxies = roots.map_or(Trust::System, Trust::Given);
        Others { servers: trusted(trust.clone()), proxies: trusted(proxies) }
    }

    /// Returns the setup for a server to which a redirect leads.
    ///
    /// # Errors
    /// No certificate can contain its name.
    pub fn server(&self, host: &Host<String>) -> Result<Setup, InvalidInput> {
        self.servers.setup(host)
    }

    /// Returns the setup for a proxy.
    ///
    /// # Errors
    /// No certificate can contain its name.
    pub fn proxy(&self, host: &Host<String>) -> Result<Setup, InvalidInput> {
        self.proxies.setup(host)
    }
}

impl Trusted {
    fn setup(&self, host: &Host<String>) -> Result<Setup, InvalidInput> {
        Ok(Setup { name: name_of(host)?, trust: self.trust.clone(), identity: None, sessions: self.sessions.clone() })
    }
}

/// Checks that a certificate can contain the name of a host.
///
/// # Errors
/// It cannot.
pub(in super::super) fn check_name(host: &Host<String>) -> Result<(), InvalidInput> {
    name_of(host).map(drop)
}

fn name_of(host: &Host<String>) -> Result<ServerName<'static>, InvalidInput> {
    let name = host.to_string();
    // An address stands without brackets in a certificate.
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    server_name(bare).ok_or_else(|| InvalidInput::new(format!("no certificate can name the host {}", quoted(&name))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verifies_a_proxy_whatever_servers_are_accepted() {
        let roots = Arc::new(RootCertStore::empty());
        for (roots, servers) in [(None, Trust::Anyone), (Some(roots), Trust::Anyone)] {
            let others = Others::new(&servers, roots.clone(), &None, None);
            assert!(matches!(others.servers.trust, Trust::Anyone));
            match (others.proxies.trust, roots) {
                (Trust::Given(used), Some(given)) => assert!(Arc::ptr_eq(&used, &given)),
                (Trust::System, None) => {}
                _ => panic!("a proxy that anyone may be"),
            }
        }
    }
}
