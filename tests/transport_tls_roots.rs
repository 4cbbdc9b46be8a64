//! Tests trust roots that the environment names, each case in its own process.

// Helper functions may panic as tests do, but clippy.toml only exempts the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::process::Command;

use support::authority::{Authority, Files, Identity, Server};
use support::open;
use websocket_core::error::ErrorCode;
use websocket_core::options::Options;

/// Runs the ignored test `child` of this file in a process with other trust roots.
fn in_child(child: &str, roots: &[(&str, &str)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", child, "--ignored", "--nocapture"]);
    command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR").envs(roots.iter().copied());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{roots:?}: {text}");
}

#[test]
fn uses_the_trust_roots_that_the_environment_names() {
    let authority = Authority::new();
    let files = Files::new("environment");
    let ca = files.write("ca.pem", &authority.pem());
    let identity = authority.issue(&["127.0.0.1"]);
    let (cert, key) = (files.write("server.crt", &identity.cert), files.write("server.key", &identity.key));
    let dir = files.path().to_str().unwrap();
    let empty = files.write("empty.pem", "nothing\n");
    let marked = files.write("marked.pem", &format!("\u{feff}{}", authority.pem()));
    let request = files.write("request.pem", &authority.pem().replace(" CERTIFICATE", " CERTIFICATE REQUEST"));
    // In the folder, too: reading it must not wait for the FIFO either.
    let fifo = files.path().join("fifo").to_str().unwrap().to_owned();
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let server = [("CHILD_CERT", &*cert), ("CHILD_KEY", &*key)];
    let run = |roots: &[(&str, &str)], expected: &str| {
        in_child("child_opens", &[&server[..], roots, &[("CHILD_EXPECTED", expected)]].concat());
    };
    run(&[("SSL_CERT_FILE", &ca)], "");
    run(&[("SSL_CERT_DIR", dir)], "");
    run(&[("SSL_CERT_FILE", &ca), ("SSL_CERT_DIR", "")], "");
    run(&[("SSL_CERT_FILE", &marked)], "");
    let unusable = |variable: &str, path: &str, cause: &str| {
        format!("{variable} names no usable trust roots: {path:?}: {cause}: TLS handshake with ")
    };
    run(&[("SSL_CERT_FILE", "/none.pem")], &unusable("SSL_CERT_FILE", "/none.pem", "no such file or directory"));
    run(&[("SSL_CERT_FILE", &empty)], &unusable("SSL_CERT_FILE", &empty, "holds no certificate in PEM form"));
    run(&[("SSL_CERT_FILE", &fifo)], &unusable("SSL_CERT_FILE", &fifo, "not a regular file"));
    run(
        &[("SSL_CERT_FILE", &request)],
        &unusable(
            "SSL_CERT_FILE",
            &request,
            "holds a PEM section \"CERTIFICATE REQUEST\", which is not understood: certificates are in sections \
             \"CERTIFICATE\"",
        ),
    );
    run(&[("SSL_CERT_DIR", "/none")], &unusable("SSL_CERT_DIR", "/none", "no such file or directory"));
    let both = [("SSL_CERT_FILE", &*ca), ("SSL_CERT_DIR", "/none")];
    run(&both, &unusable("SSL_CERT_DIR", "/none", "no such file or directory"));
    run(&[], "the certificate's issuer is unknown: no trusted CA signed it: TLS handshake with ");
}

#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn child_opens() {
    let read = |name: &str| std::fs::read_to_string(std::env::var(name).unwrap()).unwrap();
    let server = Server::new(Identity { cert: read("CHILD_CERT"), key: read("CHILD_KEY") }).start().await;
    let expected = std::env::var("CHILD_EXPECTED").unwrap();
    // Twice, because what failed is tried again, and what was found is kept.
    for _ in 0..2 {
        match open(&format!("wss://{server}/"), &Options::default()).await {
            Ok(_) => assert_eq!(expected, ""),
            Err(failure) => {
                assert_eq!(failure.code, ErrorCode::Tls);
                assert!(!expected.is_empty() && failure.text.starts_with(&expected), "{}", failure.text);
            }
        }
    }
}
