//! Writes the secrets of TLS sessions for Wireshark, in the format of NSS (draft-ietf-tls-keylogfile).
//!
//! Comes in: the environment variable `SSLKEYLOGFILE`, secrets. Goes out: lines in the file that it names. Nothing here
//! fails or delays a handshake.

use std::fs::{File, OpenOptions};
use std::io::Write;
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use data_encoding::HEXLOWER;
use rustls::KeyLog;

use crate::error::InvalidInput;
use crate::process::max_file_size;
use crate::quote::quoted;
use crate::transport::io_text::describe;

/// The environment variable that names the file, as in browsers and curl.
const VARIABLE: &str = "SSLKEYLOGFILE";

/// A file that secrets are appended to.
#[derive(Debug)]
pub(super) struct KeyLogFile(File);

impl KeyLogFile {
    /// Opens the file that the environment names; `None` if it names none. A new file is for its owner alone.
    ///
    /// # Errors
    /// A file that cannot be opened, and anything that is no regular file: writing to a FIFO might wait for its reader.
    pub fn open() -> Result<Option<KeyLogFile>, InvalidInput> {
        let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) else { return Ok(None) };
        KeyLogFile::at(Path::new(&path)).map(Some).map_err(|cause| {
            let path = quoted(path.as_encoded_bytes());
            InvalidInput::new(format!("option tls.keylog: the file {path} of {VARIABLE} cannot be opened: {cause}"))
        })
    }

    fn at(path: &Path) -> Result<KeyLogFile, String> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        options.mode(0o600).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        let file = options.open(path).map_err(|error| describe(&error))?;
        if !file.metadata().map_err(|error| describe(&error))?.is_file() {
            return Err("not a regular file".to_owned());
        }
        Ok(KeyLogFile(file))
    }

    /// Returns whether the file may hold so many bytes more, by the limit of this process.
    fn may_grow_by(&self, bytes: usize) -> bool {
        let Some(limit) = max_file_size() else { return true };
        self.0.metadata().is_ok_and(|now| now.len().saturating_add(bytes as u64) <= limit)
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = format!("{label} {} {}\n", HEXLOWER.encode(client_random), HEXLOWER.encode(secret));
        // One write, so that lines of several connections and processes do not mix. A full disk must not end a
        // connection that works, nor a limit the process.
        if self.may_grow_by(line.len()) {
            let _ = (&self.0).write_all(line.as_bytes());
        }
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;

    /// The path of a file that is removed after the test.
    struct Temporary(PathBuf);

    impl Temporary {
        fn named(name: &str) -> Temporary {
            Temporary(std::env::temp_dir().join(format!("websocket-native-{}-{name}", std::process::id())))
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn appends_lines_to_a_file_that_only_its_owner_may_read() {
        let file = Temporary::named("key-log");
        for label in ["CLIENT_RANDOM", "SERVER_TRAFFIC_SECRET_0"] {
            KeyLogFile::at(&file.0).unwrap().log(label, &[0x00, 0xa1], &[0xff]);
        }
        let text = std::fs::read_to_string(&file.0).unwrap();
        assert_eq!(text, "CLIENT_RANDOM 00a1 ff\nSERVER_TRAFFIC_SECRET_0 00a1 ff\n");
        assert_eq!(std::fs::metadata(&file.0).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn refuses_what_is_no_regular_file() {
        for (path, expected) in [
            ("/dev/null", "not a regular file"),
            ("/nowhere/key.log", "no such file or directory"),
            ("/", "is a directory"),
        ] {
            assert_eq!(KeyLogFile::at(Path::new(path)).unwrap_err(), expected, "{path}");
        }
    }

    #[test]
    fn a_line_that_cannot_be_written_is_dropped() {
        let file = Temporary::named("read-only-key-log");
        std::fs::write(&file.0, "before\n").unwrap();
        KeyLogFile(File::open(&file.0).unwrap()).log("CLIENT_RANDOM", &[1], &[2]);
        assert_eq!(std::fs::read_to_string(&file.0).unwrap(), "before\n");
    }
}
