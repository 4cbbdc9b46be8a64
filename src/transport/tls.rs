//! TLS by rustls: whom to trust, who we are, the handshake, and what its errors mean.
//!
//! Comes in: checked options and a socket. Goes out: an encrypted channel, or the precise cause. The only room that
//! names rustls; the ring provider is passed explicitly, no process-wide default is read or set.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use once_cell::sync::OnceCell;
use rustls_native_certs::{load_certs_from_paths, load_native_certs};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, InconsistentKeys, InvalidMessage,
    PeerIncompatible, RootCertStore, SignatureScheme,
};
use tokio_rustls::{TlsConnector, rustls};

use super::off_thread;
use super::stream::{Unvectored, cause as io_cause};
use crate::error::{ErrorCode, Failure, InvalidInput};
use crate::options::TlsOptions;
use crate::url::Endpoint;

/// TLS over a socket.
pub(super) type Channel = TlsStream<Unvectored<TcpStream>>;

/// The largest file of certificates or keys that is read; the bundle of a system has about 250 KiB.
const MAX_FILE: u64 = 8 * 1024 * 1024;

/// The system's roots, and the configuration of a connection without TLS options: one a process, so that sessions
/// resume. Failures are not kept: the next connection looks again.
static ROOTS: OnceCell<Arc<RootCertStore>> = OnceCell::new();
static PLAIN_CONFIG: OnceCell<Arc<ClientConfig>> = OnceCell::new();

/// Everything that one TLS handshake needs, checked.
pub(super) struct Setup {
    name: ServerName<'static>,
    trust: Trust,
    identity: Option<Arc<CertifiedKey>>,
}

enum Trust {
    System,
    Given(Verify),
}

enum Verify {
    By(Arc<RootCertStore>),
    Nothing,
}

impl Setup {
    /// Reads and parses what the options name; `None` for an endpoint without TLS, whose options are checked all the
    /// same.
    ///
    /// # Errors
    /// A name that no certificate can hold, files that cannot be read, PEM without what it should hold, a key that
    /// does not fit its certificate.
    pub fn new(endpoint: &Endpoint, options: &TlsOptions) -> Result<Option<Setup>, InvalidInput> {
        let name = match &options.server_name {
            Some(name) => server_name(name)
                .ok_or_else(|| InvalidInput::new(format!("option tls.server_name is no host name: {name:?}")))
                .map(Some)?,
            None => endpoint.ip().map(ServerName::from),
        };
        let given = match (&options.ca, &options.ca_file) {
            (Some(pem), _) => Some(roots_of("option tls.ca", pem)?),
            (None, Some(path)) => Some(roots_of(&format!("option tls.ca_file {path:?}"), &read("tls.ca_file", path)?)?),
            (None, None) => None,
        };
        let identity = match (&options.cert_file, &options.key_file) {
            (Some(cert), Some(key)) => Some(Arc::new(identity_of(cert, key)?)),
            _ => None,
        };
        let trust = match given {
            _ if options.insecure => Trust::Given(Verify::Nothing),
            Some(roots) => Trust::Given(Verify::By(Arc::new(roots))),
            None => Trust::System,
        };
        if !endpoint.secure {
            return Ok(None);
        }
        let unnameable = || InvalidInput::new(format!("no certificate can name the host {}", endpoint.host));
        let name = name.or_else(|| server_name(&endpoint.host.to_string())).ok_or_else(unnameable)?;
        Ok(Some(Setup { name, trust, identity }))
    }

    /// Tells whether the peer goes unverified.
    pub fn is_insecure(&self) -> bool {
        matches!(self.trust, Trust::Given(Verify::Nothing))
    }

    /// Does the TLS handshake.
    ///
    /// # Errors
    /// `tls`.
    pub async fn connect(self, socket: TcpStream) -> Result<Channel, Failure> {
        let config = match (self.trust, PLAIN_CONFIG.get()) {
            (Trust::Given(verify), _) => configure(verify, self.identity),
            (Trust::System, Some(config)) if self.identity.is_none() => Ok(config.clone()),
            (Trust::System, _) => match off_thread(|| system_config(self.identity)).await {
                Ok(config) => config,
                Err(error) => Err(io_cause(&error)),
            },
        };
        let config = config.map_err(|text| Failure::new(ErrorCode::Tls, text))?;
        let channel = TlsConnector::from(config).connect(self.name, Unvectored(socket)).await;
        channel.map_err(|error| {
            let text = match cause(&error) {
                Some(text) => text,
                None if error.kind() == io::ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
                None => io_cause(&error),
            };
            Failure::new(ErrorCode::Tls, text)
        })
    }
}

/// Returns what a TLS error says, `None` where the error is not one.
pub(super) fn cause(error: &io::Error) -> Option<String> {
    error.get_ref()?.downcast_ref::<Error>().map(describe)
}

fn describe(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(invalid) => describe_certificate(invalid),
        Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
            "the server does not speak TLS".to_owned()
        }
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13 | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        )
        | Error::AlertReceived(AlertDescription::ProtocolVersion) => {
            "the server speaks neither TLS 1.2 nor TLS 1.3".to_owned()
        }
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the server wants a client certificate (options tls.cert_file and tls.key_file)".to_owned()
        }
        Error::AlertReceived(alert) => format!("the server sent the alert {alert:?}"),
        other => other.to_string(),
    }
}

fn describe_certificate(invalid: &CertificateError) -> String {
    match invalid {
        CertificateError::UnknownIssuer => "the certificate's issuer is unknown: no trusted CA signed it".to_owned(),
        // A trusted CA has the issuer's name, and another key: a private CA that was made anew.
        CertificateError::BadSignature => {
            "the certificate's issuer is unknown: no trusted CA signed it (bad signature)".to_owned()
        }
        CertificateError::Expired => "the certificate has expired".to_owned(),
        CertificateError::ExpiredContext { time, not_after } => {
            format!("the certificate has expired, {} ago", span(time.as_secs(), not_after.as_secs()))
        }
        CertificateError::NotValidYet => "the certificate is not yet valid".to_owned(),
        CertificateError::NotValidYetContext { time, not_before } => {
            format!("the certificate is not yet valid, it will be in {}", span(not_before.as_secs(), time.as_secs()))
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names = match &presented[..] {
                [] => "no name at all".to_owned(),
                // The peer may have put hundreds in.
                [few @ .., _] if few.len() < 4 => presented.join(", "),
                many => format!("{}, and {} more", many[..3].join(", "), many.len() - 3),
            };
            format!("the certificate is not valid for {}, it is for {names}", expected.to_str())
        }
        // By its name, because the crate that defines it is not ours to depend on.
        CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity" => {
            "the certificate is a CA's own, and no server may use that".to_owned()
        }
        other => format!("the certificate is invalid: {other}"),
    }
}

fn span(late: u64, early: u64) -> String {
    match late.saturating_sub(early) {
        seconds if seconds >= 2 * 24 * 3600 => format!("{} days", seconds / (24 * 3600)),
        seconds => format!("{seconds} s"),
    }
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceCell<Arc<CryptoProvider>> = OnceCell::new();
    PROVIDER.get_or_init(|| Arc::new(ring::default_provider())).clone()
}

/// Blocks while the system's roots are read.
fn system_config(identity: Option<Arc<CertifiedKey>>) -> Result<Arc<ClientConfig>, String> {
    let roots = ROOTS.get_or_try_init(|| load_roots().map(Arc::new))?.clone();
    match identity {
        None => PLAIN_CONFIG.get_or_try_init(|| configure(Verify::By(roots), None)).cloned(),
        Some(_) => configure(Verify::By(roots), identity),
    }
}

fn configure(verify: Verify, identity: Option<Arc<CertifiedKey>>) -> Result<Arc<ClientConfig>, String> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| error.to_string())?;
    let builder = match verify {
        Verify::By(roots) => builder.with_root_certificates(roots),
        Verify::Nothing => builder.dangerous().with_custom_certificate_verifier(Arc::new(AcceptAny(provider()))),
    };
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(key) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key))),
    };
    // As browsers do: the opening handshake is HTTP/1.1, and a server with other protocols on the port must know.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Takes the files that the environment names, else the system's, else those of webpki-roots.
///
/// Who sets the environment means it: where nothing usable comes of it there is no fallback.
fn load_roots() -> Result<RootCertStore, String> {
    let file = std::env::var_os("SSL_CERT_FILE").filter(|file| !file.is_empty()).map(PathBuf::from);
    let dirs = std::env::var_os("SSL_CERT_DIR").unwrap_or_default();
    let dirs: Vec<PathBuf> = std::env::split_paths(&dirs).filter(|dir| !dir.as_os_str().is_empty()).collect();
    let mut roots = RootCertStore::empty();
    if file.is_none() && dirs.is_empty() {
        roots.add_parsable_certificates(load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        return Ok(roots);
    }
    if let Some(file) = file {
        let loaded = load_certs_from_paths(Some(&file), None);
        if roots.add_parsable_certificates(loaded.certs).0 == 0 {
            return Err(unusable("SSL_CERT_FILE", &[file], &loaded.errors));
        }
    }
    let (mut added, mut errors) = (0, Vec::new());
    for dir in &dirs {
        let loaded = load_certs_from_paths(None, Some(dir));
        added += roots.add_parsable_certificates(loaded.certs).0;
        errors.extend(loaded.errors);
    }
    if !dirs.is_empty() && added == 0 {
        return Err(unusable("SSL_CERT_DIR", &dirs, &errors));
    }
    Ok(roots)
}

fn unusable(variable: &str, paths: &[PathBuf], errors: &[rustls_native_certs::Error]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let cause = match errors.first().map(|error| &error.kind) {
        Some(rustls_native_certs::ErrorKind::Io { inner, .. }) => io_cause(inner),
        Some(_) => "not PEM".to_owned(),
        None => "no certificate in it".to_owned(),
    };
    format!("{variable} names no usable trust roots: {}: {cause}", paths.join(":"))
}

fn server_name(text: &str) -> Option<ServerName<'static>> {
    // The root's dot is no part of a certificate's name (RFC 6066 section 3).
    let text = text.strip_suffix('.').unwrap_or(text);
    ServerName::try_from(text.to_owned()).ok()
}

fn read(option: &str, path: &str) -> Result<Vec<u8>, InvalidInput> {
    let refuse = |cause: String| InvalidInput::new(format!("option {option} {path:?}: {cause}"));
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(refuse(io_cause(&error))),
        Ok(_) if bytes.len() as u64 > MAX_FILE => Err(refuse(format!("too big, limit {MAX_FILE} bytes"))),
        Ok(_) => Ok(bytes),
    }
}

fn certificates(what: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, InvalidInput> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| InvalidInput::new(format!("{what} is not valid PEM")))?;
    if certificates.is_empty() {
        return Err(InvalidInput::new(format!("{what} holds no certificate in PEM form")));
    }
    Ok(certificates)
}

fn roots_of(what: &str, pem: &[u8]) -> Result<RootCertStore, InvalidInput> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(what, pem)? {
        let added = roots.add(certificate);
        added.map_err(|error| InvalidInput::new(format!("{what} holds a certificate that cannot be read: {error}")))?;
    }
    Ok(roots)
}

fn identity_of(cert_file: &str, key_file: &str) -> Result<CertifiedKey, InvalidInput> {
    let chain = certificates(&format!("option tls.cert_file {cert_file:?}"), &read("tls.cert_file", cert_file)?)?;
    let what = format!("option tls.key_file {key_file:?}");
    let key = PrivateKeyDer::from_pem_slice(&read("tls.key_file", key_file)?)
        .map_err(|_| InvalidInput::new(format!("{what} holds no private key in unencrypted PEM form")))?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            InvalidInput::new(format!("{what} does not fit the certificate of tls.cert_file {cert_file:?}"))
        }
        _ => InvalidInput::new(format!("{what} and tls.cert_file {cert_file:?} cannot be used together")),
    })
}

/// Accepts any certificate, and still demands proof that the peer has its key.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
