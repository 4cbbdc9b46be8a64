//! Reading the files that TLS options and the environment name, without ever waiting for one.
//!
//! Comes in: a path. Goes out: the file's bytes, or the cause in words.

use std::fs::OpenOptions;
use std::io::Read;
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::transport::io_text::describe;

/// The largest file of certificates or keys that is read; the bundle of a system has about 250 KiB.
const MAX_FILE: u64 = 8 * 1024 * 1024;

/// Reads a regular file whole.
///
/// # Errors
/// A file that cannot be opened or read, one over 8 MiB, and anything that is no regular file: opening a FIFO would wait
/// for its writer, and reading a device might not end.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = options.open(path).map_err(|error| describe(&error))?;
    if !file.metadata().map_err(|error| describe(&error))?.is_file() {
        return Err("not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| describe(&error))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(format!("too big, limit {MAX_FILE} bytes"));
    }
    Ok(bytes)
}
