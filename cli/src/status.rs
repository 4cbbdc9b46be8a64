//! The exit statuses, which docs/command-line.md lists.

use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The connection was closed in order, or every message of `-x` was answered.
    Done = 0,
    /// The connection could not be opened, or was lost.
    Failed = 1,
    /// The arguments or a line of the input cannot be used.
    Usage = 2,
    /// The server closed the connection with a code that tells of an error.
    Refused = 3,
    /// The answer to a message of `-x` did not come in time.
    Unanswered = 4,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(status as u8)
    }
}
