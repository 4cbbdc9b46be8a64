//! What a script may choose for one connection and for one message.
//!
//! `values` holds the choices, their defaults and the rules between them; `headers`, `reach`, `tls` and `reconnect` hold
//! those of the request headers, of how the server is reached, and of the options of these names. `table` lists every
//! option once: its name, its kind and the sentence that documents it. `kind` says which values each kind takes. The
//! reader of Lua's tables walks `table`; tests/options.rs writes the classes of lua/websocket/types.lua and the tables of
//! docs/options.md from it. To add an option, add a field to `values`, a line to `table`, and the code that obeys it.

mod headers;
pub mod kind;
mod reach;
mod reconnect;
pub mod table;
mod tls;
mod values;

pub use self::reconnect::Reconnect;
pub use self::tls::{Fingerprint, TlsOptions};
pub use self::values::{BasicAuth, Options, ProxyChoice, SendOptions};
