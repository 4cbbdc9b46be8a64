//! The locks of the modules in which threads meet. `tests/loom.rs` replaces them by loom's and tries every order.

pub use parking_lot::{Condvar, Mutex};
