//! The client certificate and its private key.
//!
//! Comes in: both in PEM form. Goes out: both, checked to belong together, or what is wrong with which option.

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use super::errors::describe;
use super::source::Source;
use super::{keys, pem};
use crate::error::InvalidInput;

/// Parses the certificate, perhaps with those of the CAs above it, and the key.
///
/// # Errors
/// PEM that is not understood, a key that cannot be used or does not fit the certificate.
pub(super) fn parse(cert: &Source, key: &Source, provider: &CryptoProvider) -> Result<CertifiedKey, InvalidInput> {
    let chain = pem::certificates(&cert.bytes).map_err(|cause| cert.refuse(cause))?;
    let chain: Vec<CertificateDer<'static>> = chain.into_iter().map(|certificate| certificate.der).collect();
    if chain.is_empty() {
        return Err(cert.refuse(format!("holds no certificate in PEM form{}", pem::hint(&cert.bytes))));
    }

    let private = pem::private_key(&key.bytes).map_err(|cause| key.refuse(cause))?;
    let loaded = provider.key_provider.load_private_key(private.clone_key());
    let loaded = loaded.map_err(|_| key.refuse(format!("holds {}", keys::private_objection(&private))))?;

    let identity = CertifiedKey::new(chain, loaded);
    match identity.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(identity),
        Err(Error::InconsistentKeys(_)) => Err(key.refuse(format!("does not fit the certificate of {}", cert.option))),
        Err(error) => Err(cert.refuse(format!("holds a certificate that cannot be read: {}", describe(&error)))),
    }
}
