//! The engine of `websocket-native`, and its door to Lua.
//!
//! Reading order: the vocabulary ([`error`], [`event`], [`response`], [`close`], [`header`], [`extension`], [`options`],
//! [`url`]), where threads meet ([`queue`], [`runtime`], [`process`]), [`protocol`] and [`transport`], [`connection`],
//! then `lua`.
//!
//! Threads: the host's, which runs Lua, and one of ours, which drives all connections of the process. Lua's side puts
//! messages into a connection's outbox; the connection puts events into the queue of its Lua state; `poll` takes them
//! from there. No Lua value leaves the host's thread, and no lock is held while Lua runs.

pub mod close;
pub mod connection;
pub mod error;
pub mod event;
pub mod extension;
pub mod header;
#[cfg(any(
    feature = "lua51",
    feature = "lua52",
    feature = "lua53",
    feature = "lua54",
    feature = "lua55",
    feature = "luajit"
))]
mod lua;
pub mod options;
pub mod process;
pub mod protocol;
pub mod queue;
pub mod response;
pub mod runtime;
mod sync;
pub mod transport;
pub mod url;
