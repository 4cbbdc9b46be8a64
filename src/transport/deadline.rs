//! The deadline that all phases of opening a connection share.
//!
//! Comes in: `open_timeout`, and the work of each phase. Goes out: the work's result, or a failure that names the phase.
//! Knows nothing of what the phases do.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::error::{ErrorCode, Failure};

/// The moment by which every phase must be over.
pub(super) struct Deadline {
    pub at: Instant,
    limit: Duration,
}

impl Deadline {
    /// Sets the deadline `limit` from now.
    pub fn after(limit: Duration) -> Deadline {
        const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
        let now = Instant::now();
        Deadline { at: now.checked_add(limit).unwrap_or(now + FAR), limit }
    }

    /// Runs one phase. Its failures and its time-out are given the name of the phase.
    ///
    /// # Errors
    /// Those of `work`, and `timeout`.
    pub async fn run<T>(&self, phase: &str, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
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
