//! The command-line client as a user runs it: the real program, against servers on loopback that the tests play.

// Helper functions may panic as tests do, but clippy.toml only exempts the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../tests/support/mod.rs"]
mod support;

mod conversation;
mod flow;
mod listen;
mod options;
mod program;
mod statuses;
#[cfg(target_os = "linux")]
mod terminal;
