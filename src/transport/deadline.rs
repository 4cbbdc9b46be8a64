//! The deadline that all phases of opening a connection share, and the log in which they are noted.
//!
//! Comes in: `open_timeout`, and the work of each phase. Goes out: the work's result, or a failure that names the
//! phase. Knows nothing of what the phases do.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::error::{ErrorCode, Failure};
use crate::log::Log;

/// The moment by which every phase must be over.
pub(super) struct Deadline {
    pub at: Instant,
    limit: Duration,
    pub log: Log,
}

impl Deadline {
    /// Sets the deadline `limit` from now.
    pub fn after(limit: Duration, log: Log) -> Deadline {
        const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
        let now = Instant::now();
        Deadline { at: now.checked_add(limit).unwrap_or(now + FAR), limit, log }
    }

    /// Runs one phase. Its failures and its time-out are given the name of the phase.
    ///
    /// # Errors
    /// Those of `work`, and `timeout`.
    pub async fn run<T>(&self, phase: &str, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        self.log.debug(|| phase.to_owned());
        match timeout_at(self.at, work).await {
            Ok(result) => result.map_err(|failure| during(failure, phase)),
            Err(_) => {
                let cause = format!("timed out after {} s", self.limit.as_secs_f64());
                Err(during(Failure::new(ErrorCode::Timeout, cause), phase))
            }
        }
    }
}

/// Adds the name of a phase to a failure's text.
pub(super) fn during(failure: Failure, phase: &str) -> Failure {
    Failure { text: format!("{}: {phase}", failure.text), ..failure }
}
