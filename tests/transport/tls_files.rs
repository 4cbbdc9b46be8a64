//! Tests the files that TLS options name: variants of PEM, what is refused, and files that are no regular files.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use crate::support::authority::{Authority, Files, Server, stored, stored_path};
use crate::support::{PATIENCE, open};
use websocket_core::options::{Options, TlsOptions};
use websocket_core::transport::Plan;
use websocket_core::url::Endpoint;

fn with_tls(tls: TlsOptions) -> Options {
    Options { tls, ..Options::default() }
}

fn with_ca(pem: impl Into<Vec<u8>>) -> TlsOptions {
    TlsOptions { ca: Some(pem.into()), ..TlsOptions::default() }
}

fn refusal(tls: TlsOptions) -> String {
    let plan = Plan::new(Endpoint::parse("wss://host.example/").unwrap(), &with_tls(tls));
    plan.err().expect("the options must be refused").to_string()
}

/// Starts a server whose certificate the authority signed.
async fn server(authority: &Authority) -> SocketAddr {
    Server::new(authority.issue(&["127.0.0.1"])).start().await
}

async fn opens(server: SocketAddr, tls: TlsOptions) -> Result<(), String> {
    open(&format!("wss://{server}/"), &with_tls(tls)).await.map(drop).map_err(|failure| failure.text)
}

#[tokio::test]
async fn trusts_every_certificate_in_all_variants_of_pem() {
    let (first, second) = (Authority::named("first"), Authority::named("second"));
    let servers = [server(&first).await, server(&second).await];
    let (a, b) = (first.pem(), second.pem());
    let relabelled = |label: &str| format!("{a}{b}").replace(" CERTIFICATE", &format!(" {label}"));
    let no_newline = |pem: &str| pem.trim_end().to_owned();
    for (form, pem) in [
        ("a byte order mark", format!("\u{feff}{a}{b}")),
        ("X509 CERTIFICATE", relabelled("X509 CERTIFICATE")),
        ("TRUSTED CERTIFICATE", relabelled("TRUSTED CERTIFICATE")),
        ("CR LF", format!("{a}{b}").replace('\n', "\r\n")),
        ("CR alone", format!("{a}{b}").replace('\n', "\r")),
        ("no line between", format!("{}{}", no_newline(&a), no_newline(&b))),
        ("indented lines", format!("{a}{b}").replace('\n', "\n\t ")),
        ("spaces behind", format!("{a}{b}").replace('\n', " \t\n")),
        ("text between", format!("subject=/CN=first\n{a}\n# second\n{b}the end\n")),
        ("a key and a revocation list between", format!("{a}{}{}{b}", stored("pkcs8.key"), revocation_list())),
    ] {
        for server in servers {
            opens(server, with_ca(&*pem)).await.map_err(|text| format!("{form}: {text}")).unwrap();
        }
    }
}

fn revocation_list() -> &'static str {
    "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"
}

#[tokio::test]
async fn follows_the_settings_of_a_trusted_certificate() {
    let authority = Authority::new();
    let server = server(&authority).await;
    for name in ["trusted.pem", "trusted-for-servers.pem"] {
        assert!(Plan::new(Endpoint::parse("wss://a/").unwrap(), &with_tls(with_ca(stored(name)))).is_ok(), "{name}");
    }
    for name in ["trusted-for-mail.pem", "refused-for-servers.pem"] {
        let text = refusal(with_ca(stored(name)));
        assert!(text.contains("not trusted for servers"), "{text}");
        // As in a system's bundle: the other certificates of the file are still trusted.
        opens(server, with_ca(stored(name) + &authority.pem())).await.unwrap();
    }
}

#[test]
fn says_what_in_a_file_is_not_understood() {
    let pem = Authority::new().pem();
    let certificate_request = pem.replace(" CERTIFICATE", " CERTIFICATE REQUEST");
    let utf16: Vec<u8> = format!("\u{feff}{pem}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let der = {
        use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};
        CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
    };
    let cases: [(&str, Vec<u8>, &str); 9] = [
        ("a request", [pem.as_bytes(), certificate_request.as_bytes()].concat(), "\"CERTIFICATE REQUEST\""),
        ("PKCS #7", [pem.as_bytes(), pem.replace(" CERTIFICATE", " PKCS7").as_bytes()].concat(), "\"PKCS7\""),
        ("four dashes", pem.replacen("-----BEGIN", "----BEGIN", 1).into_bytes(), "BEGIN"),
        ("small letters", [&pem, &*pem.to_lowercase()].concat().into_bytes(), "BEGIN"),
        ("no end", [pem.trim_end().trim_end_matches('-'), "\n", &pem].concat().into_bytes(), "END CERTIFICATE"),
        ("another end", pem.replace("END CERTIFICATE", "END X509 CERTIFICATE").into_bytes(), "END CERTIFICATE"),
        ("an end alone", [&pem, "-----END CERTIFICATE-----\n"].concat().into_bytes(), "END CERTIFICATE"),
        ("UTF-16", utf16, "UTF-16"),
        ("DER", der, "DER"),
    ];
    for (what, bytes, named) in cases {
        let text = refusal(with_ca(bytes));
        assert!(text.contains("tls.ca") && text.contains(named), "{what}: {text}");
    }
}

#[test]
fn accepts_a_private_key_in_every_unencrypted_form() {
    let rsa = TlsOptions {
        cert_file: Some(stored_path("rsa.pem")),
        key_file: Some(stored_path("pkcs1.key")),
        ..TlsOptions::default()
    };
    let ecdsa = |key: &str| TlsOptions {
        cert_file: Some(stored_path("client.pem")),
        key_file: Some(stored_path(key)),
        ..TlsOptions::default()
    };
    let files = Files::new("marked-key");
    let marked = files.write("marked.key", &format!("\u{feff}{}", stored("pkcs8.key").replace('\n', "\r\n")));
    let marked = TlsOptions { key_file: Some(marked), ..ecdsa("") };
    for tls in [rsa, ecdsa("pkcs8.key"), ecdsa("sec1.key"), marked] {
        let key = tls.key_file.clone();
        let plan = Plan::new(Endpoint::parse("wss://a/").unwrap(), &with_tls(tls));
        plan.map(drop).map_err(|error| format!("{key:?}: {error}")).unwrap();
    }
}

#[test]
fn accepts_a_certificate_and_a_key_as_text_or_one_of_them_as_a_file() {
    let text = |name: &str| Some(stored(name).into_bytes());
    let file = |name: &str| Some(stored_path(name));
    for (cert, keys) in [("rsa.pem", &["pkcs1.key"][..]), ("client.pem", &["pkcs8.key", "sec1.key"])] {
        for key in keys {
            for tls in [
                TlsOptions { cert: text(cert), key: text(key), ..TlsOptions::default() },
                TlsOptions { cert: text(cert), key_file: file(key), ..TlsOptions::default() },
                TlsOptions { cert_file: file(cert), key: text(key), ..TlsOptions::default() },
            ] {
                let plan = Plan::new(Endpoint::parse("wss://a/").unwrap(), &with_tls(tls));
                plan.map(drop).map_err(|error| format!("{key}: {error}")).unwrap();
            }
        }
    }
}

#[test]
fn names_the_option_of_a_certificate_or_key_that_is_given_as_text() {
    let text = |name: &str| Some(stored(name).into_bytes());
    let encrypted = "option tls.key is encrypted: decrypt it, for example with openssl pkey";
    for (cert, key, expected) in [
        ("client.pem", "encrypted-pkcs8.key", encrypted),
        ("client.pem", "encrypted-sec1.key", encrypted),
        ("client.pem", "client.pem", "option tls.key holds no private key in PEM form, only a certificate"),
        ("client.pem", "pkcs1.key", "option tls.key does not fit the certificate of option tls.cert"),
        ("client.pem", "rsa1024.key", "option tls.key holds an RSA key of 1024 bits"),
        ("pkcs8.key", "pkcs8.key", "option tls.cert holds no certificate in PEM form"),
    ] {
        let error = refusal(TlsOptions { cert: text(cert), key: text(key), ..TlsOptions::default() });
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn no_error_shows_a_private_key() {
    let key = stored("sec1.key");
    let secret: String = key.lines().filter(|line| line.starts_with("MHc")).collect();
    assert!(!secret.is_empty());
    let one_line = key.replace('\n', " ");
    for damaged in [
        key.replacen("-----BEGIN EC PRIVATE KEY-----\n", "-----BEGIN EC PRIVATE KEY----", 1),
        key.replacen("-----BEGIN EC PRIVATE KEY-----\n", "-----BEGIN EC PRIVATE KEY ", 1),
        key.replacen("-----BEGIN EC PRIVATE KEY-----\n", "----BEGIN EC PRIVATE KEY-----", 1),
        one_line.replacen("PRIVATE KEY-----", "PRIVATE KEY", 1),
        one_line.to_lowercase(),
        key.replace("-----END EC", "-----END"),
    ] {
        let bytes = || Some(damaged.clone().into_bytes());
        let cert = || Some(stored("client.pem").into_bytes());
        for tls in [
            TlsOptions { cert: cert(), key: bytes(), ..TlsOptions::default() },
            TlsOptions { cert: bytes(), key: bytes(), ..TlsOptions::default() },
            TlsOptions { cert: cert(), key_file: Some(damaged.clone()), ..TlsOptions::default() },
        ] {
            let error = refusal(tls);
            assert!(!error.to_lowercase().contains("mhc"), "{error}");
        }
    }
    let error = refusal(TlsOptions { key_file: Some(key), ..with_cert() });
    let expected = "option tls.key_file is PEM text, must be the path of a file: option tls.key takes the text";
    assert_eq!(error, expected);
}

#[test]
fn shows_no_key_that_stands_in_the_place_of_something_else() {
    let body = |name: &str| stored(name).lines().filter(|line| !line.starts_with('-')).collect::<String>();
    let lines = |name: &str| stored(name).lines().filter(|line| !line.starts_with('-')).collect::<Vec<_>>().join("\n");
    for key in [stored("pkcs8.key"), body("pkcs8.key"), lines("pkcs8.key"), body("pkcs1.key"), body("sec1.key")] {
        let text = || Some(key.clone());
        let mut pinned = TlsOptions::default();
        let fingerprint = pinned.add_fingerprint(&key).unwrap_err().to_string();
        for error in [
            fingerprint,
            refusal(TlsOptions { server_name: text(), ..TlsOptions::default() }),
            refusal(TlsOptions { ca_file: text(), ..TlsOptions::default() }),
            refusal(TlsOptions { cert_file: text(), key: text().map(Into::into), ..TlsOptions::default() }),
            refusal(TlsOptions { key_file: text(), ..with_cert() }),
        ] {
            assert!(error.starts_with("option tls."), "{error}");
            for start in (0..key.len() - 8).filter(|start| key.is_char_boundary(*start)) {
                let piece = &key[start..start + 8];
                assert!(piece.contains("PRIVATE") || !error.contains(piece), "{error}");
            }
        }
    }
}

fn with_cert() -> TlsOptions {
    TlsOptions { cert_file: Some(stored_path("client.pem")), ..TlsOptions::default() }
}

#[test]
fn says_why_a_private_key_cannot_be_used() {
    let files = Files::new("bad-keys");
    let section = |label: &str, body: &str| {
        files.write(&format!("{label}.key"), &format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n"))
    };
    let kinds = "which is not supported: use P-256, P-384, Ed25519 or RSA";
    let sizes = "of 1024 bits, which is not supported: it must have 2048, 3072 or 4096 bits";
    for (key, expected) in [
        (stored_path("encrypted-pkcs8.key"), "is encrypted: decrypt it".to_owned()),
        (stored_path("encrypted-sec1.key"), "is encrypted: decrypt it".to_owned()),
        (stored_path("p521.key"), format!("holds an elliptic-curve key on P-521, {kinds}")),
        (stored_path("p521-sec1.key"), format!("holds an elliptic-curve key on P-521, {kinds}")),
        (stored_path("ed448.key"), format!("holds an Ed448 key, {kinds}")),
        (stored_path("dsa.key"), format!("holds a DSA key, {kinds}")),
        (section("DSA PRIVATE KEY", "AAAA"), format!("holds a DSA key, {kinds}")),
        (stored_path("rsa1024.key"), format!("holds an RSA key {sizes}")),
        (stored_path("rsa1024-pkcs1.key"), format!("holds an RSA key {sizes}")),
        (stored_path("pkcs1.key"), "does not fit the certificate".to_owned()),
        (section("PUBLIC KEY", "AAAA"), "holds no private key in PEM form, only a public key".to_owned()),
        (section("RSA PUBLIC KEY", "AAAA"), "holds no private key in PEM form, only a public key".to_owned()),
        (stored_path("client.pem"), "holds no private key in PEM form, only a certificate".to_owned()),
        (section("PKCS7", "AAAA"), "holds no private key in PEM form, only a PEM section \"PKCS7\"".to_owned()),
        (files.write("nothing.key", "nothing\n"), "holds no private key in PEM form".to_owned()),
        (
            section("PRIVATE KEY", "AAAA"),
            "cannot be read: it is malformed, or of a kind that is not supported: use P-256, P-384, Ed25519 or RSA"
                .to_owned(),
        ),
        (section("EC PRIVATE KEY", "!!!"), "\"EC PRIVATE KEY\" that is not valid base64".to_owned()),
        (
            section("OPENSSH PRIVATE KEY", "AAAA"),
            "holds a private key in the format of OpenSSH, which is not supported: convert".to_owned(),
        ),
        (
            section("ANY PRIVATE KEY", "AAAA"),
            "\"ANY PRIVATE KEY\", which is not understood: keys are in PKCS #8, PKCS #1 or SEC 1 form".to_owned(),
        ),
    ] {
        let cert_file = Some(stored_path("client.pem"));
        let text = refusal(TlsOptions { cert_file, key_file: Some(key), ..TlsOptions::default() });
        assert!(text.contains(&expected) && text.contains("tls.key_file"), "{expected}: {text}");
    }
}

#[test]
fn errors_show_a_short_beginning_of_what_is_long() {
    let long = "L".repeat(100_000);
    let named = || Some(format!("{}/", "L".repeat(100)).repeat(1000));
    let good = || Some(stored_path("client.pem"));
    for tls in [
        TlsOptions { server_name: named(), ..TlsOptions::default() },
        TlsOptions { ca_file: named(), ..TlsOptions::default() },
        TlsOptions { cert_file: named(), key_file: good(), ..TlsOptions::default() },
        TlsOptions { cert_file: good(), key_file: named(), ..TlsOptions::default() },
        with_ca(format!("-----BEGIN {long}-----\n-----END {long}-----\n")),
        with_ca(format!("-----BEGIN {long}-----\n")),
    ] {
        let text = refusal(tls);
        assert!(text.len() < 600 && text.contains("LLL\"... (10"), "{text}");
    }
}

#[test]
fn errors_quote_names_and_paths_on_one_line() {
    let odd = || Some("J\u{fc}rgen\t\u{1b}\"".to_owned());
    let quoted = "\"J\u{fc}rgen\\t\\x1b\\\"\"";
    let good = || Some(stored_path("client.pem"));
    for tls in [
        TlsOptions { server_name: odd(), ..TlsOptions::default() },
        TlsOptions { ca_file: odd(), ..TlsOptions::default() },
        TlsOptions { cert_file: odd(), key_file: good(), ..TlsOptions::default() },
        TlsOptions { cert_file: good(), key_file: odd(), ..TlsOptions::default() },
        with_ca("-----BEGIN J\u{fc}rgen\u{1b}\"\n"),
    ] {
        let is_line_of_pem = tls.ca.is_some();
        let text = refusal(tls);
        let expected = if is_line_of_pem { "\"-----BEGIN J\u{fc}rgen\\x1b\\\"\"" } else { quoted };
        assert!(text.contains(expected) && !text.contains(char::is_control), "{text}");
    }
}

#[test]
fn refuses_a_file_that_is_no_regular_file_without_waiting() {
    let files = Files::new("special");
    let fifo = files.path().join("fifo").to_str().unwrap().to_owned();
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let folder = files.path().to_str().unwrap().to_owned();
    for path in [fifo, folder, "/dev/zero".to_owned()] {
        let good = || Some(stored_path("client.pem"));
        for (option, tls) in [
            ("tls.ca_file", TlsOptions { ca_file: Some(path.clone()), ..TlsOptions::default() }),
            ("tls.cert_file", TlsOptions { cert_file: Some(path.clone()), key_file: good(), ..TlsOptions::default() }),
            ("tls.key_file", TlsOptions { cert_file: good(), key_file: Some(path.clone()), ..TlsOptions::default() }),
        ] {
            let (sender, receiver) = mpsc::channel();
            thread::spawn(move || sender.send(refusal(tls)));
            let text = receiver.recv_timeout(PATIENCE).expect("opening blocks");
            assert!(text.contains(option) && text.contains("not a regular file"), "{text}");
        }
    }
}
