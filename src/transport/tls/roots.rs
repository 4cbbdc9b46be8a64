//! Trust roots: those that options give, those that the environment names, and the system's.
//!
//! Comes in: PEM or nothing. Goes out: a store of roots, or what could not be used. Knows nothing of connections.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use once_cell::sync::OnceCell;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls_native_certs::load_native_certs;

use super::errors::describe;
use super::pem::Trust;
use super::{file, pem};
use crate::quote::quoted;
use crate::transport::io_text;

/// The roots of the environment or the system, once they were read. Failures are not kept: the next connection looks
/// again.
static SYSTEM: OnceCell<Arc<RootCertStore>> = OnceCell::new();

/// Reads the roots that an option gives, every one of which must be usable.
///
/// # Errors
/// PEM that is not understood, a certificate that cannot be read, no certificate for servers. The text continues one that
/// begins with the option's name.
pub(super) fn given(bytes: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in for_servers(bytes)? {
        let added = roots.add(certificate);
        added.map_err(|error| format!("holds a certificate that cannot be read: {}", describe(&error)))?;
    }
    Ok(roots)
}

/// Returns the roots that the environment names, else the system's, else Mozilla's. Blocks at the first call.
///
/// If the environment names roots that cannot be used, nothing else is tried: whoever set it wants no others.
///
/// # Errors
/// The environment names files or folders that cannot be used.
pub(super) fn system() -> Result<Arc<RootCertStore>, String> {
    SYSTEM.get_or_try_init(|| load().map(Arc::new)).cloned()
}

fn load() -> Result<RootCertStore, String> {
    let file = std::env::var_os("SSL_CERT_FILE").filter(|file| !file.is_empty()).map(PathBuf::from);
    let folders = std::env::var_os("SSL_CERT_DIR").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&folders).filter(|path| !path.as_os_str().is_empty()).collect();
    let mut roots = RootCertStore::empty();
    if file.is_none() && folders.is_empty() {
        roots.add_parsable_certificates(load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        return Ok(roots);
    }
    let unusable = |variable: &str, path: &Path, cause: &str| {
        format!("{variable} names no usable trust roots: {}: {cause}", quoted(path.as_os_str().as_encoded_bytes()))
    };
    if let Some(file) = file {
        add_file(&mut roots, &file).map_err(|cause| unusable("SSL_CERT_FILE", &file, &cause))?;
    }
    let mut usable = false;
    let mut problem = None;
    for folder in &folders {
        match add_folder(&mut roots, folder) {
            Ok(()) => usable = true,
            Err(cause) => problem = problem.or(Some(unusable("SSL_CERT_DIR", folder, &cause))),
        }
    }
    match problem {
        Some(problem) if !usable => Err(problem),
        _ => Ok(roots),
    }
}

/// Adds the certificates of a bundle. Those that webpki cannot parse are left out, because systems' bundles contain old
/// roots.
fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    match roots.add_parsable_certificates(for_servers(&file::read(path)?)?).0 {
        0 => Err("holds no certificate that can be read".to_owned()),
        _ => Ok(()),
    }
}

/// Adds the certificates of all files in a folder. The folder may contain other files, too.
fn add_folder(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    let entries = std::fs::read_dir(path).map_err(|error| io_text::describe(&error))?;
    let mut found = Vec::new();
    let mut problem = None;
    for entry in entries {
        let entry = entry.map_err(|error| io_text::describe(&error))?;
        match file::read(&entry.path()).and_then(|bytes| for_servers(&bytes)) {
            Ok(certificates) => found.extend(certificates),
            Err(cause) => {
                problem = problem.or(Some(format!("{}: {cause}", quoted(entry.file_name().as_encoded_bytes()))))
            }
        }
    }
    // The links that c_rehash makes lead to the same files again.
    found.sort_unstable_by(|one, other| one[..].cmp(&other[..]));
    found.dedup();
    match roots.add_parsable_certificates(found).0 {
        0 => Err(problem.unwrap_or_else(|| "no certificate in it".to_owned())),
        _ => Ok(()),
    }
}

/// Returns the certificates that may be trusted for servers, at least one.
fn for_servers(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = pem::certificates(bytes)?;
    if certificates.is_empty() {
        return Err(format!("holds no certificate in PEM form{}", pem::hint(bytes)));
    }
    let usable: Vec<_> =
        certificates.into_iter().filter(|one| one.trust == Trust::Servers).map(|one| one.der).collect();
    if usable.is_empty() {
        return Err("holds only certificates whose own settings say that they are not trusted for servers".to_owned());
    }
    Ok(usable)
}
