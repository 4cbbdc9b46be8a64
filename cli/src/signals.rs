//! Hears Ctrl-C and the request to end: the first one is passed on, and a second one ends the process at once.
//!
//! Comes in: on Unix SIGINT and SIGTERM, on Windows Ctrl-C and Ctrl-Break. Goes out: the number of the first. Each
//! system has a file with the same functions.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{end_by, hear};
#[cfg(windows)]
pub use windows::{end_by, hear};
