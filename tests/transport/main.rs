//! Dialling, TLS and the opening handshake, over real sockets on loopback. One program, because linking takes longer than
//! compiling.

// Helper functions may panic as tests do, but clippy.toml only exempts the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod dial;
mod handshake;
#[cfg(unix)]
mod local;
mod proxy;
mod redirect;
mod refusal;
mod socks;
mod tls;
mod tls_ends;
mod tls_files;
mod tls_fingerprint;
mod tls_stream;
mod tls_texts;
