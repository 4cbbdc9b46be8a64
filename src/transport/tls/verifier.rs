//! Verifies servers' certificates: by webpki against trust roots, or by their fingerprints.
//!
//! Comes in: trust roots or fingerprints, and the certificates that a server sends. Goes out: the result, or an
//! [`Objection`] in words, also if a key has a kind or size that cannot be used, which webpki may report as a bad
//! signature or an unknown issuer.

use std::fmt;
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};

use super::keys::{self, Certificate};
use super::raw_key;
use crate::options::Fingerprint;

/// Why a server's certificate cannot be used, in words.
#[derive(Debug)]
pub(super) struct Objection(pub String);

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Objection {}

/// Verifies that the peer is the server.
#[derive(Debug)]
pub(super) struct Verifier {
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
enum Trust {
    Roots {
        roots: Arc<RootCertStore>,
        webpki: Arc<WebPkiServerVerifier>,
    },
    /// These certificates are accepted and no others. Nothing in them matters but the key.
    Fingerprints(Vec<Fingerprint>),
    /// Any certificate is accepted; the peer must still prove that it has its private key.
    Anyone,
}

impl Verifier {
    /// Makes a verifier that trusts what `roots` have signed.
    ///
    /// # Errors
    /// There are no roots.
    pub fn by(roots: Arc<RootCertStore>, provider: &Arc<CryptoProvider>) -> Result<Verifier, String> {
        let webpki = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider.clone()).build();
        let webpki = webpki.map_err(|error| error.to_string())?;
        let algorithms = provider.signature_verification_algorithms;
        Ok(Verifier { trust: Trust::Roots { roots, webpki }, algorithms })
    }

    /// Makes a verifier that accepts the certificates with these fingerprints, and no others.
    pub fn accepting(fingerprints: Vec<Fingerprint>, provider: &Arc<CryptoProvider>) -> Verifier {
        let algorithms = provider.signature_verification_algorithms;
        Verifier { trust: Trust::Fingerprints(fingerprints), algorithms }
    }

    /// Makes a verifier that accepts any certificate.
    pub fn accepting_anyone(provider: &Arc<CryptoProvider>) -> Verifier {
        Verifier { trust: Trust::Anyone, algorithms: provider.signature_verification_algorithms }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.trust {
            Trust::Roots { roots, webpki } => {
                webpki
                    .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                    .map_err(|error| explain_chain(error, end_entity, intermediates, roots))?;
            }
            Trust::Fingerprints(fingerprints) => {
                let seen = fingerprint(end_entity);
                if !fingerprints.contains(&seen) {
                    return Err(object(format!(
                        "the server's certificate has the SHA-256 fingerprint {seen}, which option tls.fingerprint does \
                         not contain"
                    )));
                }
            }
            Trust::Anyone => {}
        }
        // With such a key the server's signature could not be verified, and the error would say that it is bad.
        match Certificate::parse(end_entity).and_then(|certificate| keys::objection(certificate.key.contents)) {
            Some(objection) => Err(object(format!("the server's certificate has {objection}"))),
            None => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let result = match self.trust {
            Trust::Roots { .. } => verify_tls12_signature(message, cert, signed, &self.algorithms),
            // webpki cannot parse a certificate of X.509 version 1, which many devices have.
            Trust::Fingerprints(_) | Trust::Anyone => {
                raw_key::verify_tls12_signature(message, cert, signed, &self.algorithms)
            }
        };
        result.map_err(explain_handshake)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let result = match self.trust {
            Trust::Roots { .. } => verify_tls13_signature(message, cert, signed, &self.algorithms),
            // webpki cannot parse a certificate of X.509 version 1, which many devices have.
            Trust::Fingerprints(_) | Trust::Anyone => {
                raw_key::verify_tls13_signature(message, cert, signed, &self.algorithms)
            }
        };
        result.map_err(explain_handshake)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Returns the fingerprint of a certificate.
fn fingerprint(certificate: &CertificateDer<'_>) -> Fingerprint {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, certificate).as_ref());
    Fingerprint(bytes)
}

/// Looks for the key of a CA that cannot be used, if an error says that no trusted CA signed the certificate.
fn explain_chain(
    error: Error,
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    roots: &RootCertStore,
) -> Error {
    #[allow(deprecated, reason = "rustls may still return the variant without a context")]
    let may_be_a_key = matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::BadSignature
                | CertificateError::UnknownIssuer
                | CertificateError::UnsupportedSignatureAlgorithm
                | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. }
        )
    );
    if !may_be_a_key {
        return error;
    }
    let sent: Vec<Certificate<'_>> =
        std::iter::once(end_entity).chain(intermediates).filter_map(|der| Certificate::parse(der)).collect();
    let issuers =
        roots.roots.iter().filter(|root| sent.iter().any(|certificate| certificate.issuer == &root.subject[..]));
    let keys = sent.iter().skip(1).map(|certificate| certificate.key.contents);
    let mut keys = keys.chain(issuers.map(|root| &root.subject_public_key_info[..]));
    match keys.find_map(keys::objection) {
        Some(objection) => object(format!("a CA above the server's certificate has {objection}")),
        None => error,
    }
}

fn explain_handshake(error: Error) -> Error {
    match error {
        Error::InvalidCertificate(CertificateError::BadSignature) => {
            object("the server does not have the private key of its certificate: its signature is wrong".to_owned())
        }
        error => error,
    }
}

fn object(text: String) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(Objection(text)))))
}
