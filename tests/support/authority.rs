//! A private certification authority, created for each test, and TLS servers with its certificates.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, PublicKeyData,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{ALL_VERSIONS, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{TlsAcceptor, rustls};

use super::{accept, linger, serve};

/// An authority that signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, in PEM form.
pub struct Identity {
    pub cert: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Authority {
        Authority::named("private authority")
    }

    pub fn named(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Returns the authority's own certificate.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Signs a server's certificate for names and addresses.
    pub fn issue(&self, names: &[&str]) -> Identity {
        self.issue_with(names, |_| {})
    }

    /// Like [`Authority::issue`], after `change` has changed the certificate.
    pub fn issue_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.0).unwrap();
        Identity { cert: cert.pem(), key: key.serialize_pem() }
    }

    /// Signs a certificate for a public key, without its private key.
    pub fn issue_for(&self, names: &[&str], key: &impl PublicKeyData) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        self.sign(&CertificateParams::new(names).unwrap(), key)
    }

    /// Signs a certificate with these parameters.
    pub fn sign(&self, params: &CertificateParams, key: &impl PublicKeyData) -> String {
        params.signed_by(key, &self.0).unwrap().pem()
    }
}

/// The settings of a TLS server.
pub struct Server {
    pub identity: Identity,
    pub versions: Vec<&'static SupportedProtocolVersion>,
    /// The authority that must have signed the client's certificate; `None` to demand none.
    pub client_authority: Option<String>,
}

impl Server {
    pub fn new(identity: Identity) -> Server {
        Server { identity, versions: ALL_VERSIONS.to_vec(), client_authority: None }
    }

    pub fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_protocol_versions(&self.versions).unwrap();
        let builder = match &self.client_authority {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let chain = CertificateDer::pem_slice_iter(self.identity.cert.as_bytes()).collect::<Result<_, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(self.identity.key.as_bytes()).unwrap();
        let key = default_provider().key_provider.load_private_key(key).unwrap();
        // A resolver does not check that the key fits the certificate, so a test can use another key.
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, key))));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    /// Starts a server that accepts TLS and the opening handshake, sends `x`, and waits until the client ends the stream.
    pub async fn start(self) -> SocketAddr {
        let acceptor = self.acceptor();
        serve(move |socket| {
            let acceptor = acceptor.clone();
            async move {
                let Some(mut channel) = accept_tls(acceptor, socket).await else { return };
                accept(&mut channel).await;
                let _ = channel.write_all(b"x").await;
                linger(channel).await;
            }
        })
        .await
    }
}

/// Does the server's side of a TLS handshake. Returns `None` if the client refuses it.
pub async fn accept_tls(acceptor: TlsAcceptor, socket: TcpStream) -> Option<TlsStream<TcpStream>> {
    acceptor.accept(socket).await.ok()
}

/// Returns TLS 1.2 as the only version.
pub fn tls12() -> Vec<&'static SupportedProtocolVersion> {
    vec![&rustls::version::TLS12]
}

/// A folder for files, which is removed after the test.
pub struct Files(PathBuf);

impl Files {
    pub fn new(test: &str) -> Files {
        let dir = std::env::temp_dir().join(format!("websocket-native-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Files(dir)
    }

    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Returns the path of a stored certificate or key.
pub fn stored_path(name: &str) -> String {
    format!("{}/tests/support/certificates/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Returns a stored certificate or key in PEM form.
pub fn stored(name: &str) -> String {
    std::fs::read_to_string(stored_path(name)).unwrap()
}
