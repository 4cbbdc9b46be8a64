//! The server that all clients of the benchmarks use.
//!
//!     bench-server FOLDER
//!
//! Listens on free ports of 127.0.0.1. Writes the certificate of its authority to FOLDER/ca.pem, and one line to stdout:
//! `{"ws": PORT, "wss": PORT}`. Ends when its stdin is closed.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::{env, fs, process, thread};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use websocket_benches::server;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args().nth(1).ok_or("usage: bench-server FOLDER")?;
    let config = Arc::new(tls_config(Path::new(&folder))?);
    let plain = TcpListener::bind("127.0.0.1:0")?;
    let secure = TcpListener::bind("127.0.0.1:0")?;
    println!(r#"{{"ws": {}, "wss": {}}}"#, plain.local_addr()?.port(), secure.local_addr()?.port());
    io::stdout().flush()?;
    thread::spawn(move || fail(server::listen(&plain)));
    thread::spawn(move || fail(server::listen_with_tls(&secure, &config)));
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn fail(result: io::Result<()>) {
    if let Err(error) = result {
        eprintln!("bench-server cannot accept connections: {error}");
        process::exit(1);
    }
}

/// Makes an authority and a certificate for 127.0.0.1, as the clients verify both.
fn tls_config(folder: &Path) -> Result<ServerConfig, Box<dyn Error>> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.distinguished_name.push(DnType::CommonName, "authority of the benchmarks");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    fs::write(folder.join("ca.pem"), authority.pem())?;

    let key = KeyPair::generate()?;
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let certificate = CertificateParams::new(names)?.signed_by(&key, &authority)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok(ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?)
}
