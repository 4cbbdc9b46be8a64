//! A private PKI that is made again for each run.
//!
//! Comes in: a directory. Goes out: PEM files for the clients (`ca.pem`, `other-ca.pem`, `client.pem`, `client.key`,
//! `stranger.pem`, `stranger.key`, `self-signed.fingerprint`) and for other servers (`server.pem`, `server.key`), and
//! TLS configurations, one for each thing that may be wrong with a server's certificate. Nothing here outlives the run
//! or is trusted anywhere else.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use ::ring::digest::{SHA256, digest};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ALL_VERSIONS, RootCertStore, ServerConfig, SupportedProtocolVersion, version};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;
type Ca = CertifiedIssuer<'static, KeyPair>;

/// Every name under which the good certificate may be reached.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The TLS configurations of the `wss` ports.
pub struct Pki {
    /// Valid in every respect.
    pub good: Arc<ServerConfig>,
    /// Valid, with TLS 1.2 at most.
    pub tls12: Arc<ServerConfig>,
    /// Signed by an untrusted CA.
    pub unknown_ca: Arc<ServerConfig>,
    /// Self-signed.
    pub self_signed: Arc<ServerConfig>,
    /// Only for `wrong.example`.
    pub wrong_host: Arc<ServerConfig>,
    /// Expired in 2021.
    pub expired: Arc<ServerConfig>,
    /// Valid from 2090 on.
    pub not_yet_valid: Arc<ServerConfig>,
    /// For the name `localhost`, and for no address.
    pub name_only: Arc<ServerConfig>,
    /// Valid, and requires a client certificate of our CA.
    pub client_cert: Arc<ServerConfig>,
}

impl Pki {
    /// Makes all keys and certificates, and writes the files.
    ///
    /// # Errors
    /// Those of the file system; others would be a mistake in here.
    pub fn make(directory: &Path) -> Result<Pki> {
        let (ca, other) = (authority("specs")?, authority("strangers")?);
        fs::write(directory.join("ca.pem"), ca.pem())?;
        fs::write(directory.join("other-ca.pem"), other.pem())?;
        let good = Pair::signed(server(&NAMES)?, &ca)?;
        good.write(directory, "server")?;
        Pair::signed(client()?, &ca)?.write(directory, "client")?;
        Pair::signed(client()?, &other)?.write(directory, "stranger")?;
        let self_signed = Pair::alone(server(&NAMES)?)?;
        fs::write(directory.join("self-signed.fingerprint"), self_signed.fingerprint())?;
        let dated = |from, until| {
            let mut params = server(&NAMES)?;
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(until, 1, 1);
            Pair::signed(params, &ca)?.configuration(ALL_VERSIONS)
        };
        Ok(Pki {
            tls12: good.configuration(&[&version::TLS12])?,
            unknown_ca: Pair::signed(server(&NAMES)?, &other)?.configuration(ALL_VERSIONS)?,
            self_signed: self_signed.configuration(ALL_VERSIONS)?,
            wrong_host: Pair::signed(server(&["wrong.example"])?, &ca)?.configuration(ALL_VERSIONS)?,
            expired: dated(2020, 2021)?,
            not_yet_valid: dated(2090, 2091)?,
            name_only: Pair::signed(server(&["localhost"])?, &ca)?.configuration(ALL_VERSIONS)?,
            client_cert: good.demanding(ca.der())?,
            good: good.configuration(ALL_VERSIONS)?,
        })
    }
}

struct Pair {
    certificate: Certificate,
    key: KeyPair,
}

impl Pair {
    fn signed(params: CertificateParams, ca: &Ca) -> Result<Pair> {
        let key = KeyPair::generate()?;
        Ok(Pair { certificate: params.signed_by(&key, ca)?, key })
    }

    fn alone(params: CertificateParams) -> Result<Pair> {
        let key = KeyPair::generate()?;
        Ok(Pair { certificate: params.self_signed(&key)?, key })
    }

    fn write(&self, directory: &Path, name: &str) -> Result<()> {
        fs::write(directory.join(format!("{name}.pem")), self.certificate.pem())?;
        Ok(fs::write(directory.join(format!("{name}.key")), self.key.serialize_pem())?)
    }

    /// Returns the line that `openssl x509 -noout -fingerprint -sha256` prints for the certificate.
    fn fingerprint(&self) -> String {
        let digest = digest(&SHA256, self.certificate.der());
        let bytes: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        format!("sha256 Fingerprint={}\n", bytes.join(":"))
    }

    fn parts(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        Ok((vec![self.certificate.der().clone()], PrivateKeyDer::try_from(self.key.serialize_der())?))
    }

    fn configuration(&self, versions: &[&'static SupportedProtocolVersion]) -> Result<Arc<ServerConfig>> {
        let (chain, key) = self.parts()?;
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_protocol_versions(versions)?;
        Ok(Arc::new(builder.with_no_client_auth().with_single_cert(chain, key)?))
    }

    fn demanding(&self, ca: &CertificateDer<'static>) -> Result<Arc<ServerConfig>> {
        let (chain, key) = self.parts()?;
        let mut roots = RootCertStore::empty();
        roots.add(ca.clone())?;
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()?;
        let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(ALL_VERSIONS)?;
        Ok(Arc::new(builder.with_client_cert_verifier(verifier).with_single_cert(chain, key)?))
    }
}

fn authority(name: &str) -> Result<Ca> {
    let mut params = named(name, &[])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

fn server(names: &[&str]) -> Result<CertificateParams> {
    leaf("server", names, ExtendedKeyUsagePurpose::ServerAuth)
}

fn client() -> Result<CertificateParams> {
    leaf("client", &["client.example"], ExtendedKeyUsagePurpose::ClientAuth)
}

fn leaf(name: &str, names: &[&str], purpose: ExtendedKeyUsagePurpose) -> Result<CertificateParams> {
    let mut params = named(name, names)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn named(name: &str, names: &[&str]) -> Result<CertificateParams> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2090, 1, 1);
    Ok(params)
}
