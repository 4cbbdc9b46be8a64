//! What only the process can do or tell, and does differently on each system: forks, signals, how long the module stays
//! in memory, and the limit of the size of files.
//!
//! Each system has a file with the same functions. These need functions of the system without a safe wrapper, so the
//! files may use `unsafe`. They do nothing else and know no other module.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{WITHOUT_SIGNAL, is_forked_child, max_file_size, stay_mapped, watch_forks, without_signals};
#[cfg(windows)]
pub use windows::{WITHOUT_SIGNAL, is_forked_child, max_file_size, stay_mapped, watch_forks, without_signals};
