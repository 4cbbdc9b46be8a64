//! The locks of the rooms where threads meet; `tests/loom.rs` puts others in their place, and tries every order.

pub use parking_lot::{Condvar, Mutex};
