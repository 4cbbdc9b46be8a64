//! The client certificate and its private key.
//!
//! Comes in: the files that options name. Goes out: both, checked to belong together, or what is wrong with which file.

use std::path::Path;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use super::errors::describe;
use super::{file, keys, pem};
use crate::error::InvalidInput;
use crate::quote::quoted;

/// Reads the certificate, perhaps with those of the CAs above it, and the key.
///
/// # Errors
/// Files that cannot be read, PEM that is not understood, a key that cannot be used or does not fit the certificate.
pub(super) fn read(cert_file: &str, key_file: &str, provider: &CryptoProvider) -> Result<CertifiedKey, InvalidInput> {
    let (quoted_cert, quoted_key) = (quoted(cert_file), quoted(key_file));
    let refuse_cert = |cause: String| InvalidInput::new(format!("option tls.cert_file {quoted_cert} {cause}"));
    let refuse_key = |cause: String| InvalidInput::new(format!("option tls.key_file {quoted_key} {cause}"));
    let cannot_be_read = |cause: String| format!("cannot be read: {cause}");

    let bytes = file::read(Path::new(cert_file)).map_err(cannot_be_read).map_err(refuse_cert)?;
    let chain = pem::certificates(&bytes).map_err(refuse_cert)?;
    let chain: Vec<CertificateDer<'static>> = chain.into_iter().map(|certificate| certificate.der).collect();
    if chain.is_empty() {
        return Err(refuse_cert(format!("holds no certificate in PEM form{}", pem::hint(&bytes))));
    }

    let bytes = file::read(Path::new(key_file)).map_err(cannot_be_read).map_err(refuse_key)?;
    let key = pem::private_key(&bytes).map_err(refuse_key)?;
    let loaded = provider.key_provider.load_private_key(key.clone_key());
    let loaded = loaded.map_err(|_| refuse_key(format!("holds {}", keys::private_objection(&key))))?;

    let identity = CertifiedKey::new(chain, loaded);
    match identity.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(identity),
        Err(Error::InconsistentKeys(_)) => {
            Err(refuse_key(format!("does not fit the certificate of tls.cert_file {quoted_cert}")))
        }
        Err(error) => Err(refuse_cert(format!("holds a certificate that cannot be read: {}", describe(&error)))),
    }
}
