//! What the fuzz targets share: how an input is parted, and how much memory may be in use.
//!
//! Comes in: the fuzzer's bytes. Goes out: numbers, cuts and streams. Knows nothing of WebSockets.

pub mod input;
pub mod memory;
