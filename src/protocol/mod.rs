//! RFC 6455 frames and messages, and RFC 7692 compression, without I/O.
//!
//! Comes in: the bytes of the transport, cut anywhere, and messages to send. Goes out: whole messages and control
//! frames, or the one [`Violation`] that ends the connection, and encoded bytes. Knows neither sockets nor clocks,
//! neither the queue nor Lua. The connection answers Pings and Closes, not this module.
//!
//! Reading order: `frame` (one header), `mask`, `utf8`, `inflate`, `assembly` (one message), `close_body`, `decoder`,
//! `deflate`, `encoder`.
//!
//! Invariants: a length that the peer declares never allocates more than 64 KiB ahead of the bytes themselves, or than the
//! message before had, up to 1 MiB; after a Close or a violation nothing is delivered and nothing is inflated; every frame
//! that is sent has its own masking key.

mod assembly;
mod close_body;
mod decoder;
mod deflate;
mod encoder;
mod frame;
mod inflate;
mod mask;
mod utf8;
mod violation;

pub use assembly::Limits;
pub use decoder::{Decoder, Incoming};
pub use deflate::{Deflated, Deflater, Deflating};
pub use encoder::{Encoder, encoded_len};
pub use frame::{Coding, MAX_CONTROL_PAYLOAD};
pub use inflate::Inflater;
pub use utf8::is_valid as is_utf8;
pub use violation::Violation;
