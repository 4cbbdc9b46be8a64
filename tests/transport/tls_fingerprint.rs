//! Tests servers that are trusted by the fingerprint of their certificate, as devices at home are.

use std::net::SocketAddr;

use crate::support::authority::{Authority, Identity, Server, stored, tls12};
use crate::support::{plan, within};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, date_time_ymd};
use ring::digest::{SHA256, digest};
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};
use tokio_rustls::rustls::{ALL_VERSIONS, SupportedProtocolVersion, version};
use websocket_core::error::ErrorCode;
use websocket_core::options::{Fingerprint, Options, TlsOptions};
use websocket_core::transport::{Plan, resolver};
use websocket_core::url::Endpoint;

fn fingerprint(pem: &str) -> Fingerprint {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    Fingerprint(digest(&SHA256, &der).as_ref().try_into().unwrap())
}

fn accepting(fingerprints: &[Fingerprint]) -> Options {
    let tls = TlsOptions { fingerprints: fingerprints.to_vec(), ..TlsOptions::default() };
    Options { tls, ..Options::default() }
}

/// Opens a URL whose name resolves to `server`; returns the text of the failure.
async fn opens(url: &str, server: SocketAddr, options: &Options) -> Result<(), String> {
    let there = resolver(move |_, _| std::future::ready(Ok(vec![server])));
    match within(plan(url, options).with_resolver(there).open()).await {
        Ok(_) => Ok(()),
        Err(failure) => {
            assert_eq!(failure.code, ErrorCode::Tls);
            Err(failure.text)
        }
    }
}

fn self_signed(key: KeyPair, change: impl FnOnce(&mut CertificateParams)) -> Identity {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    change(&mut params);
    Identity { cert: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

/// Certificates that no CA's rules would let pass.
fn odd_identities() -> Vec<(&'static str, Identity)> {
    let key = || KeyPair::generate().unwrap();
    let of = |algorithm| KeyPair::generate_for(algorithm).unwrap();
    let ca = Authority::new().issue_with(&["other.example"], |params| {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    });
    vec![
        ("without a name", self_signed(key(), |_| {})),
        ("expired", self_signed(key(), |params| params.not_after = date_time_ymd(2001, 1, 1))),
        ("not yet valid", self_signed(key(), |params| params.not_before = date_time_ymd(2300, 1, 1))),
        ("of an unknown CA", Authority::new().issue(&["other.example"])),
        ("of a CA itself", ca),
        ("with a key on P-384", self_signed(of(&PKCS_ECDSA_P384_SHA384), |_| {})),
        ("with an Ed25519 key", self_signed(of(&PKCS_ED25519), |_| {})),
        ("with an RSA key", Identity { cert: stored("rsa.pem"), key: stored("pkcs1.key") }),
        ("of X.509 version 1", Identity { cert: stored("version1.pem"), key: stored("pkcs8.key") }),
        ("signed with SHA-1", Identity { cert: stored("by-sha1.pem"), key: stored("pkcs8.key") }),
    ]
}

#[tokio::test]
async fn accepts_exactly_the_certificate_whatever_it_contains() {
    for versions in [tls12(), vec![&version::TLS13]] {
        for (what, identity) in odd_identities() {
            let seen = fingerprint(&identity.cert);
            let server = Server { versions: versions.clone(), ..Server::new(identity) }.start().await;
            let url = format!("wss://{server}/");
            let failed = |text: String| panic!("{what}, {versions:?}: {text}");
            let two = [Fingerprint([7; 32]), seen];
            opens(&url, server, &accepting(&two)).await.unwrap_or_else(failed);
            opens("wss://tv.example/", server, &accepting(&[seen])).await.unwrap_or_else(failed);
            let text = opens("wss://tv.example/", server, &accepting(&[Fingerprint([7; 32])])).await.unwrap_err();
            let expected = format!(
                "the server's certificate has the SHA-256 fingerprint {seen}, which option tls.fingerprint does not \
                 contain: TLS handshake with tv.example:443"
            );
            assert_eq!(text, expected, "{what}");
        }
    }
}

#[tokio::test]
async fn insecure_accepts_the_same_certificates_on_loopback() {
    let tls = TlsOptions { insecure: true, ..TlsOptions::default() };
    let options = Options { tls, ..Options::default() };
    for versions in [tls12(), vec![&version::TLS13]] {
        for (what, identity) in odd_identities() {
            let server = Server { versions: versions.clone(), ..Server::new(identity) }.start().await;
            let opened = opens(&format!("wss://{server}/"), server, &options).await;
            opened.unwrap_or_else(|text| panic!("{what}, {versions:?}: {text}"));
        }
    }
}

#[tokio::test]
async fn a_certificate_that_a_trusted_ca_signed_is_refused_with_another_fingerprint() {
    let authority = Authority::new();
    let [ours, other] = [authority.issue(&["tv.example"]), authority.issue(&["tv.example"])];
    let pinned = accepting(&[fingerprint(&ours.cert)]);
    // The chain has the right certificate, but the server's own is the first.
    let chain = other.cert.clone() + &ours.cert;
    let server = Server::new(Identity { cert: chain, key: other.key }).start().await;
    let text = opens("wss://tv.example/", server, &pinned).await.unwrap_err();
    assert!(text.contains(&fingerprint(&other.cert).to_string()), "{text}");
}

#[tokio::test]
async fn the_server_must_have_the_private_key_of_the_certificate() {
    let stranger = || KeyPair::generate().unwrap().serialize_pem();
    for versions in [tls12(), vec![&version::TLS13]] {
        for cert in [Authority::new().issue(&["tv.example"]).cert, stored("version1.pem")] {
            let pinned = accepting(&[fingerprint(&cert)]);
            let server = Server { versions: versions.clone(), ..Server::new(Identity { cert, key: stranger() }) };
            let text = opens("wss://tv.example/", server.start().await, &pinned).await.unwrap_err();
            let expected = "the server does not have the private key of its certificate: its signature is wrong";
            assert!(text.starts_with(expected), "{text}");
        }
    }
}

#[tokio::test]
async fn a_key_of_another_kind_than_the_certificates_is_refused() {
    let kinds: [(&'static SupportedProtocolVersion, &str); 2] = [
        (&version::TLS12, "does not fit the kind of key that should verify it"),
        (&version::TLS13, "does not fit the kind of key that should verify it"),
    ];
    for (version, expected) in kinds {
        let cert = stored("rsa.pem");
        let pinned = accepting(&[fingerprint(&cert)]);
        let key = KeyPair::generate().unwrap().serialize_pem();
        let server = Server { versions: vec![version], ..Server::new(Identity { cert, key }) };
        let text = opens("wss://tv.example/", server.start().await, &pinned).await.unwrap_err();
        assert!(text.contains(expected), "{version:?}: {text}");
    }
}

#[tokio::test]
async fn says_why_the_key_of_the_certificate_cannot_be_used() {
    for (cert, expected) in [
        ("for-p521.pem", "the server's certificate has an elliptic-curve key on P-521, which is not supported"),
        ("rsa1024.pem", "the server's certificate has an RSA key of 1024 bits, which is too weak: it must have 2048"),
    ] {
        let cert = stored(cert);
        let pinned = accepting(&[fingerprint(&cert)]);
        let server = Server::new(Identity { cert, key: stored("pkcs8.key") }).start().await;
        let text = opens("wss://tv.example/", server, &pinned).await.unwrap_err();
        assert!(text.starts_with(expected), "{text}");
    }
}

#[tokio::test]
async fn says_that_a_certificate_is_malformed() {
    let garbage = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n".to_owned();
    for versions in [tls12(), vec![&version::TLS13]] {
        let pinned = accepting(&[fingerprint(&garbage)]);
        let identity = Identity { cert: garbage.clone(), key: stored("pkcs8.key") };
        let server = Server { versions, ..Server::new(identity) }.start().await;
        let text = opens("wss://tv.example/", server, &pinned).await.unwrap_err();
        assert!(text.starts_with("the certificate is malformed: "), "{text}");
    }
}

#[tokio::test]
async fn the_name_of_the_host_does_not_matter_and_server_name_is_sent() {
    let identity = self_signed(KeyPair::generate().unwrap(), |_| {});
    let mut options = accepting(&[fingerprint(&identity.cert)]);
    let server = Server { versions: ALL_VERSIONS.to_vec(), ..Server::new(identity) }.start().await;
    let long = "l".repeat(64);
    for host in ["living_room", "-tv-", "a..b", "tv.local.", &long] {
        opens(&format!("wss://{host}/"), server, &options).await.unwrap_or_else(|text| panic!("{host}: {text}"));
    }
    let endpoint = Endpoint::parse("wss://-tv-/").unwrap();
    let text = Plan::new(endpoint, &Options::default()).err().unwrap().to_string();
    assert_eq!(text, "no certificate can name the host \"-tv-\"");

    options.tls.server_name = Some("bridge.example".to_owned());
    opens("wss://-tv-/", server, &options).await.unwrap();
}

#[tokio::test]
async fn a_client_certificate_goes_together_with_a_fingerprint() {
    let authority = Authority::new();
    let identity = self_signed(KeyPair::generate().unwrap(), |_| {});
    let mut options = accepting(&[fingerprint(&identity.cert)]);
    let server = Server { client_authority: Some(authority.pem()), ..Server::new(identity) }.start().await;
    let text = opens("wss://tv.example/", server, &options).await.unwrap_err();
    assert!(text.starts_with("the server wants a client certificate"), "{text}");
    let us = authority.issue(&["us.example"]);
    options.tls.cert = Some(us.cert.into_bytes());
    options.tls.key = Some(us.key.into_bytes());
    opens("wss://tv.example/", server, &options).await.unwrap();
}

#[test]
fn the_fingerprint_is_the_one_that_openssl_prints() {
    // openssl x509 -in version1.pem -noout -fingerprint -sha256
    let line = "sha256 Fingerprint=2C:6D:D5:D8:DF:CC:24:4C:18:9E:24:0E:22:35:A1:19:22:22:32:C8:00:E3:4E:58:DC:BD:B3:\
                32:12:97:FE:69\n";
    assert_eq!(Fingerprint::parse(line), Ok(fingerprint(&stored("version1.pem"))));
}
