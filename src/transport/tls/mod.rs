//! TLS by rustls: trust roots, client certificates, the handshake, and the texts of its errors.
//!
//! Comes in: checked options and a socket. Goes out: an encrypted channel, or the precise cause. Only this module names
//! rustls. The ring provider is passed explicitly; no process-wide default is read or set.

mod channel;
mod der;
mod errors;
mod file;
mod identity;
mod keys;
mod others;
mod pem;
mod roots;
mod verifier;

use std::io;
use std::path::Path;
use std::sync::Arc;

use once_cell::sync::OnceCell;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};

pub(super) use self::channel::Channel;
pub(super) use self::errors::cause;
pub(super) use self::others::Others;
use self::verifier::Verifier;
use super::{background, io_text};
use crate::error::{ErrorCode, Failure, InvalidInput};
use crate::options::TlsOptions;
use crate::quote::quoted;
use crate::url::Endpoint;

/// The configuration of connections without TLS options: one for the process, so that sessions resume.
static PLAIN_CONFIG: OnceCell<Arc<ClientConfig>> = OnceCell::new();

/// Everything that one TLS handshake needs, checked.
#[derive(Clone)]
pub(super) struct Setup {
    name: ServerName<'static>,
    trust: Trust,
    identity: Option<Arc<CertifiedKey>>,
}

#[derive(Clone)]
enum Trust {
    System,
    Given(Arc<RootCertStore>),
    Anyone,
}

impl Setup {
    /// Reads and parses the files that the options name. Returns `None` for an endpoint without TLS, for which the options
    /// are checked, too.
    ///
    /// # Errors
    /// No certificate can contain the name, a file cannot be read, PEM is not understood, or a key does not fit its
    /// certificate.
    pub fn new(endpoint: &Endpoint, options: &TlsOptions) -> Result<Option<Setup>, InvalidInput> {
        let name = match &options.server_name {
            Some(name) => server_name(name)
                .ok_or_else(|| InvalidInput::new(format!("option tls.server_name is no host name: {}", quoted(name))))
                .map(Some)?,
            None => endpoint.ip().map(ServerName::from),
        };
        let given = given_roots(options)?;
        let identity = match (&options.cert_file, &options.key_file) {
            (Some(cert), Some(key)) => Some(Arc::new(identity::read(cert, key, provider())?)),
            _ => None,
        };
        let trust = match given {
            _ if options.insecure => Trust::Anyone,
            Some(roots) => Trust::Given(Arc::new(roots)),
            None => Trust::System,
        };
        if !endpoint.secure {
            return Ok(None);
        }
        let host = endpoint.host.to_string();
        let unnameable = || InvalidInput::new(format!("no certificate can name the host {}", quoted(&host)));
        let name = name.or_else(|| server_name(&host)).ok_or_else(unnameable)?;
        Ok(Some(Setup { name, trust, identity }))
    }

    /// Does the TLS handshake.
    ///
    /// # Errors
    /// `tls`.
    pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(&self, socket: S) -> Result<Channel<S>, Failure> {
        let config = configuration(self.trust.clone(), self.identity.clone()).await;
        let config = config.map_err(|text| Failure::new(ErrorCode::Tls, text))?;
        Channel::shake_hands(config, self.name.clone(), socket).await.map_err(|error| {
            let text = match cause(&error) {
                Some(text) => text,
                None if error.kind() == io::ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
                None => io_text::describe(&error),
            };
            Failure::new(ErrorCode::Tls, text)
        })
    }
}

fn given_roots(options: &TlsOptions) -> Result<Option<RootCertStore>, InvalidInput> {
    let (option, roots) = match (&options.ca, &options.ca_file) {
        (Some(pem), _) => ("tls.ca".to_owned(), roots::given(pem)),
        (None, Some(path)) => {
            let bytes = file::read(Path::new(path)).map_err(|cause| format!("cannot be read: {cause}"));
            (format!("tls.ca_file {}", quoted(path)), bytes.and_then(|bytes| roots::given(&bytes)))
        }
        (None, None) => return Ok(None),
    };
    roots.map(Some).map_err(|cause| InvalidInput::new(format!("option {option} {cause}")))
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

async fn configuration(trust: Trust, identity: Option<Arc<CertifiedKey>>) -> Result<Arc<ClientConfig>, String> {
    let verifier = match trust {
        Trust::Anyone => Verifier::accepting_anyone(provider()),
        Trust::Given(roots) => Verifier::by(roots, provider())?,
        Trust::System => {
            if let (None, Some(config)) = (&identity, PLAIN_CONFIG.get()) {
                return Ok(config.clone());
            }
            let roots = background::run(roots::system).await.map_err(|error| io_text::describe(&error))??;
            let verifier = Verifier::by(roots, provider())?;
            return match identity {
                None => PLAIN_CONFIG.get_or_try_init(|| configure(verifier, None)).cloned(),
                Some(_) => configure(verifier, identity),
            };
        }
    };
    configure(verifier, identity)
}

fn configure(verifier: Verifier, identity: Option<Arc<CertifiedKey>>) -> Result<Arc<ClientConfig>, String> {
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
    Ok(Arc::new(config))
}
