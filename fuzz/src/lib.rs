//! Code that the fuzz targets share: reading an input, limits for one execution, and frames as the RFC defines them.
//!
//! It is written from the RFCs and not from the module, because it checks the module.

pub mod bounds;
#[path = "../../tests/support/codec.rs"]
pub mod codec;
pub mod frames;
pub mod input;
