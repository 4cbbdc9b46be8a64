//! What the host and the task of one connection share, which may run on different threads.
//!
//! Comes in: what the script sends and wants, through the outbox; the latency, from the engine. Goes out: the same, to
//! the other side. Holds no I/O.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::outbox::Outbox;
use super::outgoing::AfterLoss;
use super::preparation::Preparation;
use crate::options::Options;
use crate::queue::Budget;

/// One connection, as both sides see it.
pub struct Connection {
    /// What the script sends, and how it wants the connection to end.
    pub outbox: Outbox,
    /// What the connection may have in the queue of the script.
    pub budget: Arc<Budget>,
    /// Where the script plans the next attempt.
    pub preparation: Preparation,
    /// Microseconds from the last keepalive Ping to its Pong, or `NO_LATENCY`.
    latency: AtomicU64,
}

const NO_LATENCY: u64 = u64::MAX;

impl Connection {
    /// Makes a connection that is not started yet; its outbox already accepts messages.
    pub fn new(options: &Options) -> Arc<Connection> {
        Arc::new(Connection {
            outbox: Outbox::new(options.max_buffered, AfterLoss::of(options)),
            budget: Budget::new(options.max_queue),
            preparation: Preparation::default(),
            latency: AtomicU64::new(NO_LATENCY),
        })
    }

    /// Returns the round-trip time of the last keepalive Ping.
    pub fn latency(&self) -> Option<Duration> {
        match self.latency.load(Ordering::Relaxed) {
            NO_LATENCY => None,
            micros => Some(Duration::from_micros(micros)),
        }
    }

    pub(super) fn set_latency(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(NO_LATENCY - 1);
        self.latency.store(micros, Ordering::Relaxed);
    }
}
