//! Connections of the engine, over real sockets on loopback. One program, because linking takes longer than compiling.

// Helper functions may panic as tests do, but clippy.toml only exempts the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/codec.rs"]
mod codec;
#[path = "../support/mod.rs"]
mod support;

mod closing;
mod deadlines;
mod flow;
mod life;
mod reconnect;
mod tls;
