//! The engine of `websocket-native`, and its Lua module.
//!
//! Reading order: the plain data that all modules share ([`error`], [`event`], [`response`], [`close`], [`header`],
//! [`extension`], [`options`], [`quote`], [`url`]), what the threads share ([`readiness`], [`queue`], [`log`],
//! [`runtime`], [`process`]), [`mailbox`], [`timers`], [`protocol`] and [`transport`], [`connection`], then `lua`.
//!
//! The host's thread runs Lua. While it waits, it drives all connections of the process; while it does not, a thread of
//! ours does. The host's thread puts messages into a connection's outbox. The connection puts events into the queue of
//! its Lua state, and `poll` takes them from there. No Lua value leaves the host's thread, and no lock is held while
//! Lua runs.

pub mod batch;
pub mod buffers;
pub mod close;
pub mod connection;
pub mod error;
pub mod event;
pub mod extension;
pub mod header;
pub mod log;
#[cfg(any(
    feature = "lua51",
    feature = "lua52",
    feature = "lua53",
    feature = "lua54",
    feature = "lua55",
    feature = "luajit"
))]
mod lua;
pub mod mailbox;
pub mod options;
pub mod process;
pub mod protocol;
pub mod queue;
pub mod quote;
pub mod readiness;
pub mod response;
pub mod runtime;
mod sync;
pub mod timers;
pub mod transport;
pub mod url;
