//! Puts a thread to sleep until it is woken.
//!
//! Comes in: wake-ups, on any thread. Goes out: a thread that goes on. One that was woken before it sleeps does not sleep.

use std::sync::Arc;
use std::task::Wake;
use std::time::Instant;

use crate::sync::{Condvar, Mutex};

/// Where one thread sleeps.
#[derive(Debug, Default)]
pub struct Parker {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Parker {
    /// Sleeps until the thread is woken, at most until `deadline`.
    pub fn park(&self, deadline: Option<Instant>) {
        let mut woken = self.woken.lock();
        match deadline {
            Some(deadline) => {
                self.changed.wait_while_until(&mut woken, |woken| !*woken, deadline);
            }
            None => self.changed.wait_while(&mut woken, |woken| !*woken),
        }
        *woken = false;
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.woken.lock() = true;
        self.changed.notify_one();
    }
}
