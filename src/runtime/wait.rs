//! How long a host waits, and what it does then.

use std::time::{Duration, Instant};

use super::turns::Then;

/// One wait of a host.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    /// When it begins, which is now. Whoever has looked at the clock need not look again.
    pub start: Instant,
    /// How long it lasts at most.
    pub limit: Duration,
    /// What the host does if the limit passes.
    pub then: Then,
}

impl Wait {
    /// Makes a wait of up to `limit` that begins now, after which the host does other work.
    pub fn up_to(limit: Duration) -> Wait {
        Wait { start: Instant::now(), limit, then: Then::Leave }
    }
}
