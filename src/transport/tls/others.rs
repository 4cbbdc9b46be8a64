//! TLS with other peers than the URL's server: proxies, and the servers to which redirects lead.
//!
//! Comes in: the options. Goes out: a [`Setup`] for any of them, which trusts the same roots. It has no client certificate,
//! because that is for the URL's server, and no other name than the peer's own.

use std::sync::Arc;

use url::Host;

use super::{Setup, Trust, given_roots, server_name};
use crate::error::InvalidInput;
use crate::options::TlsOptions;
use crate::quote::quoted;

/// Whom to trust.
pub(in super::super) struct Others(Trust);

impl Others {
    /// Takes the roots of the server's setup, or reads those that the options name if the server is not spoken to by TLS.
    ///
    /// # Errors
    /// A file that cannot be read, PEM that is not understood.
    pub fn new(server: Option<&Setup>, options: &TlsOptions) -> Result<Others, InvalidInput> {
        if let Some(server) = server {
            return Ok(Others(server.trust.clone()));
        }
        Ok(Others(match given_roots(options)? {
            _ if options.insecure => Trust::Anyone,
            Some(roots) => Trust::Given(Arc::new(roots)),
            None => Trust::System,
        }))
    }

    /// Returns the setup for a host.
    ///
    /// # Errors
    /// No certificate can contain its name.
    pub fn setup(&self, host: &Host<String>) -> Result<Setup, InvalidInput> {
        let name = host.to_string();
        // An address stands without brackets in a certificate.
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let unnameable = || InvalidInput::new(format!("no certificate can name the host {}", quoted(&name)));
        Ok(Setup { name: server_name(bare).ok_or_else(unnameable)?, trust: self.0.clone(), identity: None })
    }
}
