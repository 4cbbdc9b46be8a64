//! TLS by rustls: trust roots, client certificates, the handshake, and the texts of its errors.
//!
//! Comes in: checked options and a socket. Goes out: an encrypted channel, or the precise cause. Only this module names
//! rustls. The ring provider is passed explicitly; no process-wide default is read or set.

mod channel;
mod configs;
mod der;
mod errors;
mod file;
mod identity;
mod key_log;
mod keys;
mod others;
mod pem;
mod raw_key;
mod roots;
mod source;
mod verifier;

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use once_cell::sync::OnceCell;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};

pub(super) use self::channel::Channel;
pub(super) use self::errors::cause;
use self::key_log::KeyLogFile;
pub(super) use self::others::{Others, check_name};
use self::source::Source;
use self::verifier::Verifier;
use super::{background, io_text};
use crate::error::{ErrorCode, Failure, InvalidInput};
use crate::options::{Fingerprint, TlsOptions};
use crate::quote::{quoted, quoted_unless_key};
use crate::url::Endpoint;

/// Stands for a host that no certificate can name. The name of an address is not sent (RFC 6066 section 3).
const NO_NAME: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Everything that one TLS handshake needs, checked.
#[derive(Clone)]
pub(super) struct Setup {
    name: ServerName<'static>,
    trust: Trust,
    identity: Option<Arc<CertifiedKey>>,
    sessions: Sessions,
}

#[derive(Clone)]
enum Trust {
    System,
    Given(Arc<RootCertStore>),
    Fingerprints(Vec<Fingerprint>),
    Anyone,
}

/// Which other connections may resume the sessions.
#[derive(Clone)]
enum Sessions {
    /// Those whose options have the same contents.
    Shared(configs::Key),
    /// None, because the secrets are logged.
    Logged(Arc<KeyLogFile>),
}

impl Setup {
    /// Reads and parses the files that the options name. Returns what other peers of the same connection need, too, and
    /// `None` for an endpoint without TLS, for which the options are checked as well.
    ///
    /// # Errors
    /// No certificate can contain the name, a file cannot be read or opened, PEM is not understood, or a key does not
    /// fit its certificate.
    pub fn new(endpoint: &Endpoint, options: &TlsOptions) -> Result<(Option<Setup>, Others), InvalidInput> {
        let name = match &options.server_name {
            Some(name) => server_name(name)
                .ok_or_else(|| {
                    let shown = quoted_unless_key(name);
                    InvalidInput::new(format!("option tls.server_name is no host name: {shown}"))
                })
                .map(Some)?,
            None => endpoint.ip().map(ServerName::from),
        };
        let ca = Source::of("tls.ca", options.ca.as_deref(), options.ca_file.as_deref())?;
        let roots = ca.as_ref().map(|ca| roots::given(&ca.bytes).map_err(|cause| ca.refuse(cause))).transpose()?;
        let roots = roots.map(Arc::new);
        let trust = trust(options, roots.clone());
        let cert = Source::of("tls.cert", options.cert.as_deref(), options.cert_file.as_deref())?;
        let key = Source::of("tls.key", options.key.as_deref(), options.key_file.as_deref())?;
        let identity = match (&cert, &key) {
            (Some(cert), Some(key)) => Some(Arc::new(identity::parse(cert, key, provider())?)),
            _ => None,
        };
        let name = match name.or_else(|| server_name(&endpoint.host.to_string())) {
            Some(name) => name,
            None if !endpoint.secure || !matches!(trust, Trust::System | Trust::Given(_)) => ServerName::from(NO_NAME),
            None => {
                let host = quoted(endpoint.host.to_string());
                return Err(InvalidInput::new(format!("no certificate can name the host {host}")));
            }
        };
        // The last check, so that options which are refused create no file.
        let log = if options.keylog { KeyLogFile::open()?.map(Arc::new) } else { None };
        let others = Others::new(&trust, roots, &ca, log.as_ref());
        let sessions = Sessions::new(log.as_ref(), &trust, [&ca, &cert, &key]);
        Ok((endpoint.secure.then_some(Setup { name, trust, identity, sessions }), others))
    }

    /// Does the TLS handshake.
    ///
    /// # Errors
    /// `tls`.
    pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(&self, socket: S) -> Result<Channel<S>, Failure> {
        let config = self.configuration().await.map_err(|text| Failure::new(ErrorCode::Tls, text))?;
        Channel::shake_hands(config, self.name.clone(), socket).await.map_err(|error| {
            let lost = |text: String| Failure { unanswered: true, ..Failure::new(ErrorCode::Tls, text) };
            match cause(&error) {
                Some(text) => Failure::new(ErrorCode::Tls, text),
                None if error.kind() == io::ErrorKind::UnexpectedEof => {
                    lost("the server closed the connection".to_owned())
                }
                None => lost(io_text::describe(&error)),
            }
        })
    }

    async fn configuration(&self) -> Result<Arc<ClientConfig>, String> {
        if let Sessions::Shared(key) = self.sessions
            && let Some(config) = configs::find(key)
        {
            return Ok(config);
        }
        let verifier = match &self.trust {
            Trust::Anyone => Verifier::accepting_anyone(provider()),
            Trust::Fingerprints(fingerprints) => Verifier::accepting(fingerprints.clone(), provider()),
            Trust::Given(roots) => Verifier::by(roots.clone(), provider())?,
            Trust::System => {
                let roots = background::run(roots::system).await.map_err(|error| io_text::describe(&error))??;
                Verifier::by(roots, provider())?
            }
        };
        let mut config = configure(verifier, self.identity.clone())?;
        match &self.sessions {
            Sessions::Shared(key) => Ok(configs::keep(*key, config)),
            Sessions::Logged(log) => {
                config.key_log = log.clone();
                Ok(Arc::new(config))
            }
        }
    }
}

impl Sessions {
    fn new(log: Option<&Arc<KeyLogFile>>, trust: &Trust, sources: [&Option<Source>; 3]) -> Sessions {
        match log {
            Some(log) => Sessions::Logged(log.clone()),
            None => Sessions::Shared(contents(trust, sources)),
        }
    }
}

fn trust(options: &TlsOptions, roots: Option<Arc<RootCertStore>>) -> Trust {
    match roots {
        _ if !options.fingerprints.is_empty() => Trust::Fingerprints(options.fingerprints.clone()),
        _ if options.insecure => Trust::Anyone,
        Some(roots) => Trust::Given(roots),
        None => Trust::System,
    }
}

/// Returns the key of a configuration that has this trust and these sources.
fn contents(trust: &Trust, sources: [&Option<Source>; 3]) -> configs::Key {
    let [ca, cert, key] = sources.map(|source| source.as_ref().map_or(&[][..], |source| &source.bytes));
    let (kind, fingerprints) = match trust {
        Trust::System => ("system", Vec::new()),
        Trust::Given(_) => ("roots", Vec::new()),
        Trust::Fingerprints(list) => ("fingerprints", list.iter().flat_map(|one| one.0).collect()),
        Trust::Anyone => ("anyone", Vec::new()),
    };
    configs::Key::of(&[kind.as_bytes(), &fingerprints, ca, cert, key])
}

fn server_name(text: &str) -> Option<ServerName<'static>> {
    // The root's dot is no part of a certificate's name (RFC 6066 section 3).
    let text = text.strip_suffix('.').unwrap_or(text);
    ServerName::try_from(text.to_owned()).ok()
}

fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceCell<Arc<CryptoProvider>> = OnceCell::new();
    PROVIDER.get_or_init(|| Arc::new(ring::default_provider()))
}

fn configure(verifier: Verifier, identity: Option<Arc<CertifiedKey>>) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(provider().clone())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| errors::describe(&error))?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(key) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key))),
    };
    // As browsers do, because the opening handshake is HTTP/1.1 and the server may offer other protocols on the port.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
