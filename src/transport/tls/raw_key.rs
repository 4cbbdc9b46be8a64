//! Verifies the signature of a handshake by the key of a certificate, whatever else the certificate contains.
//!
//! Comes in: a certificate that was accepted as it is, and a signature. Goes out: whether its key made the signature.
//! It is only for certificates that no CA vouches for: webpki and we must not read two different keys from one that a
//! CA has signed.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerMisbehaved};

use super::der::{BIT_STRING, Element, Elements, SEQUENCE};
use super::keys::Certificate;

/// Verifies a signature of TLS 1.3 (RFC 8446 section 4.4.3).
///
/// # Errors
/// A certificate that cannot be parsed, a wrong signature, one of an algorithm that does not fit the key.
pub(super) fn verify_tls13_signature(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let info = SubjectPublicKeyInfoDer::from(key_info(certificate)?.whole);
    verify_tls13_signature_with_raw_key(message, &info, signed, algorithms)
}

/// Verifies a signature of TLS 1.2 (RFC 5246 section 7.4.3), for which rustls has no function that takes a key.
///
/// # Errors
/// As [`verify_tls13_signature`].
pub(super) fn verify_tls12_signature(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let mut fields = Elements(key_info(certificate)?.contents);
    let (Some(kind), Some(key)) = (fields.next(), fields.next()) else { return Err(malformed()) };
    // A BIT STRING begins with the number of bits that are unused in its last byte (X.690 section 8.6.2).
    let (SEQUENCE, BIT_STRING, [0, key @ ..]) = (kind.tag, key.tag, key.contents) else { return Err(malformed()) };

    // The scheme ecdsa_secp256r1_sha256 stands for SHA-256 with a key on any curve in TLS 1.2.
    let candidates = algorithms.mapping.iter().find(|(scheme, _)| *scheme == signed.scheme);
    let (_, candidates) = candidates.ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
    let algorithm = candidates.iter().find(|algorithm| algorithm.public_key_alg_id().as_ref() == kind.contents);
    let algorithm = algorithm.ok_or_else(|| {
        Error::InvalidCertificate(CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: candidates.first().map(|one| one.signature_alg_id().to_vec()).unwrap_or_default(),
            public_key_algorithm_id: kind.contents.to_vec(),
        })
    })?;
    match algorithm.verify_signature(key, message, signed.signature()) {
        Ok(()) => Ok(HandshakeSignatureValid::assertion()),
        Err(_) => Err(Error::InvalidCertificate(CertificateError::BadSignature)),
    }
}

fn key_info<'a>(certificate: &'a CertificateDer<'_>) -> Result<Element<'a>, Error> {
    Certificate::parse(certificate).map(|certificate| certificate.key).ok_or_else(malformed)
}

fn malformed() -> Error {
    Error::InvalidCertificate(CertificateError::BadEncoding)
}
