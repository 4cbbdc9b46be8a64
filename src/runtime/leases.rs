//! Counts the leases of something that runs: the first starts it, the last ends it, and the next one starts it again.
//!
//! Comes in: leases taken and given back, on any thread. Goes out: what must be started or ended. Does not know what that
//! is.

use std::io;

use crate::sync::Mutex;

/// The leases of one running thing.
pub struct Leases<R> {
    state: Mutex<State<R>>,
}

struct State<R> {
    taken: usize,
    running: Option<R>,
}

impl<R> Leases<R> {
    /// Takes a lease: calls `start` unless it is running, and returns the result of `look`.
    ///
    /// # Errors
    /// Those of `start`, after which no lease is taken.
    pub fn take<T>(&self, start: impl FnOnce() -> io::Result<R>, look: impl FnOnce(&R) -> T) -> io::Result<T> {
        let mut state = self.state.lock();
        let running = match state.running.take() {
            Some(running) => running,
            None => start()?,
        };
        let seen = look(&running);
        state.running = Some(running);
        state.taken += 1;
        Ok(seen)
    }

    /// Gives a lease back. If it was the last, returns what must be ended; the lock is free by then.
    pub fn give_back(&self) -> Option<R> {
        let mut state = self.state.lock();
        state.taken -= 1;
        if state.taken == 0 { state.running.take() } else { None }
    }
}

impl<R> Default for Leases<R> {
    fn default() -> Self {
        Leases { state: Mutex::new(State { taken: 0, running: None }) }
    }
}
