//! Tests the texts for certificates and keys of servers that cannot be used: plain words, and what to do.

use std::net::SocketAddr;

use crate::support::authority::{Authority, Identity, Server, stored, tls12};
use crate::support::{plan, within};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_RSA_SHA256, PublicKeyData,
    SignatureAlgorithm, SigningKey,
};
use websocket_core::error::ErrorCode;
use websocket_core::options::{Options, TlsOptions};
use websocket_core::transport::resolver;

/// A public RSA key of any size. Nobody knows its private key, so its signatures are noise.
struct RsaKey(Vec<u8>);

impl RsaKey {
    fn of_bits(bits: usize) -> RsaKey {
        let mut modulus = vec![0xff; bits / 8];
        modulus.insert(0, 0);
        let mut contents = integer(&modulus);
        contents.extend(integer(&[1, 0, 1]));
        RsaKey(element(0x30, &contents))
    }
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    element(0x02, bytes)
}

/// Encodes a DER element of up to 65,535 bytes.
fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
    let header = match contents.len() {
        0..128 => vec![tag, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [&header, contents].concat()
}

impl PublicKeyData for RsaKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

impl SigningKey for RsaKey {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(vec![7; self.0.len()])
    }
}

fn trusting(pem: String) -> TlsOptions {
    TlsOptions { ca: Some(pem.into_bytes()), ..TlsOptions::default() }
}

fn insecure() -> TlsOptions {
    TlsOptions { insecure: true, ..TlsOptions::default() }
}

/// Opens `wss://host.example/`, whose name resolves to `server`, and returns the text of the failure.
async fn text(server: SocketAddr, tls: TlsOptions) -> String {
    let options = Options { tls, ..Options::default() };
    let there = resolver(move |_, _| std::future::ready(Ok(vec![server])));
    let opened = within(plan("wss://host.example/", &options).with_resolver(there).open()).await;
    let failure = opened.err().expect("must not open");
    assert_eq!(failure.code, ErrorCode::Tls);
    let text = failure.text.strip_suffix(": TLS handshake with host.example:443");
    let text = text.unwrap_or_else(|| panic!("{}", failure.text)).to_owned();
    is_plain(&text);
    text
}

/// Fails if a text looks like the debug output of a type.
fn is_plain(text: &str) {
    for sign in ["(\"", "Error(", " { ", "[1, ", "Some(", "Context"] {
        assert!(!text.contains(sign), "{text}");
    }
    let camel = text.split(|c: char| !c.is_alphanumeric()).find(|word| {
        let mut letters = word.chars().skip_while(|c| c.is_uppercase()).skip_while(|c| c.is_lowercase());
        letters.any(char::is_uppercase) && !matches!(*word, "subjectAltName" | "basicConstraints")
    });
    assert_eq!(camel, None, "{text}");
}

async fn serving(cert: String) -> SocketAddr {
    Server::new(Identity { cert, key: KeyPair::generate().unwrap().serialize_pem() }).start().await
}

#[tokio::test]
async fn says_that_an_rsa_key_is_too_weak_or_too_large() {
    let authority = Authority::new();
    for (bits, expected) in [(512, "too weak"), (1024, "too weak"), (2032, "too weak"), (16384, "too large")] {
        let cert = authority.issue_for(&["host.example"], &RsaKey::of_bits(bits));
        for versions in [tls12(), Server::new(authority.issue(&[])).versions] {
            let identity = Identity { cert: cert.clone(), key: KeyPair::generate().unwrap().serialize_pem() };
            let server = Server { versions, ..Server::new(identity) }.start().await;
            for tls in [trusting(authority.pem()), insecure()] {
                let text = text(server, tls).await;
                let key = format!("the server's certificate has an RSA key of {bits} bits, which is {expected}");
                assert!(text.starts_with(&key), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn says_that_the_key_of_an_authority_is_too_weak() {
    let weak = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, RsaKey::of_bits(1024)).unwrap()
    };
    let root = weak("weak root");
    let leaf = CertificateParams::new(vec!["host.example".to_owned()]).unwrap();
    let signed = leaf.signed_by(&KeyPair::generate().unwrap(), &root).unwrap().pem();
    let text_of_root = text(serving(signed).await, trusting(root.pem())).await;
    assert!(text_of_root.contains("an RSA key of 1024 bits, which is too weak"), "{text_of_root}");
    assert!(text_of_root.contains("CA"), "{text_of_root}");

    // Now the weak key belongs to an authority between the server's certificate and a trusted one.
    let authority = Authority::new();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "weak root");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let between = authority.sign(&params, &RsaKey::of_bits(1024));
    let signed = leaf.signed_by(&KeyPair::generate().unwrap(), &root).unwrap().pem();
    let text = text(serving(signed + &between).await, trusting(authority.pem())).await;
    assert!(text.contains("an RSA key of 1024 bits, which is too weak") && text.contains("CA"), "{text}");
}

#[tokio::test]
async fn says_that_a_curve_or_a_signature_is_not_supported() {
    let key = stored("pkcs8.key");
    for (cert, ca, expected) in [
        ("by-p521.pem", "p521.pem", "an elliptic-curve key on P-521, which is not supported"),
        ("for-p521.pem", "rsa.pem", "an elliptic-curve key on P-521, which is not supported"),
        ("by-sha1.pem", "rsa.pem", "signed with SHA-1 and RSA, which is not supported"),
    ] {
        let server = Server::new(Identity { cert: stored(cert), key: key.clone() }).start().await;
        let text = text(server, trusting(stored(ca))).await;
        assert!(text.contains(expected), "{cert}: {text}");
    }
}

#[tokio::test]
async fn says_that_a_server_lacks_the_private_key_of_its_certificate() {
    let authority = Authority::new();
    let cert = authority.issue(&["host.example"]).cert;
    for tls in [trusting(authority.pem()), insecure()] {
        let text = text(serving(cert.clone()).await, tls).await;
        assert_eq!(text, "the server does not have the private key of its certificate: its signature is wrong");
    }
}

#[tokio::test]
async fn says_that_a_certificate_has_version_1() {
    let server = Server::new(Identity { cert: stored("version1.pem"), key: stored("pkcs8.key") }).start().await;
    let text = text(server, trusting(stored("rsa.pem"))).await;
    assert!(text.contains("X.509 version 1") && text.contains("version 3"), "{text}");
}

#[tokio::test]
async fn says_what_to_do_if_the_server_uses_the_certificate_of_a_ca() {
    // `openssl req -x509` makes such a certificate by default.
    let authority = Authority::named("host.example");
    let cert = authority.issue_with(&["host.example"], |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    let server = Server::new(Identity { cert: cert.cert.clone(), key: cert.key }).start().await;
    for ca in [authority.pem(), cert.cert] {
        let text = text(server, trusting(ca)).await;
        assert!(text.contains("CA:TRUE") && text.contains("CA:FALSE") && text.contains("openssl"), "{text}");
    }
}

#[tokio::test]
async fn lists_the_names_of_a_certificate_as_people_write_them() {
    let authority = Authority::new();
    let server = Server::new(authority.issue(&["other.example", "*.wild.example", "10.0.0.1", "::1"])).start().await;
    let text = text(server, trusting(authority.pem())).await;
    assert_eq!(
        text,
        "the certificate is not valid for host.example, it is for other.example, *.wild.example, 10.0.0.1, ::1 \
         (option tls.server_name names the one to expect)"
    );
}
