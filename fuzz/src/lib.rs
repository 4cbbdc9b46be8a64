//! What the fuzz targets share: how an input is parted, what one execution may cost, and frames as the RFC writes them.
//!
//! Knows nothing of how the module does what it does: what is here checks it.

pub mod bounds;
pub mod frames;
pub mod input;
