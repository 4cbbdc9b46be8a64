//! What one thread at a time drives: the tasks, and tokio's I/O and timers.
//!
//! Comes in: a thread whose turn it is. Goes out: tasks that have run, for as long as the thread waits. The tasks are not
//! tokio's own, so that waking one from outside needs no system call while nobody drives, and so that the thread goes on as
//! soon as a task has brought what it waits for, without asking the system for more first. For that reason a task must not
//! call tokio's `yield_now`, whose wake-up would be lost when the thread goes on: waking itself has the same effect here.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::coop::unconstrained;
use tokio::time::sleep_until;

use super::tasks::{Left, Tasks};
use super::turns::Turns;

/// A runtime that several threads drive in turns.
pub struct Engine {
    runtime: Runtime,
    /// What runs on it.
    pub tasks: Arc<Tasks>,
    /// Who drives it.
    pub turns: Turns,
}

impl Engine {
    /// Makes a runtime, which nobody drives yet.
    ///
    /// # Errors
    /// The system refuses the file descriptors that it needs.
    pub fn new() -> io::Result<Engine> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Engine { runtime, tasks: Arc::default(), turns: Turns::default() })
    }

    /// Waits until `poll` is ready, at most for `limit`. Drives meanwhile, unless another thread does.
    pub fn wait<T>(&self, limit: Duration, poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
        let deadline = Instant::now().checked_add(limit);
        if can_drive() {
            self.turns.wait(deadline, poll, |poll| self.drive(deadline, poll))
        } else {
            Turns::wait_for_others(deadline, poll)
        }
    }

    /// Drives until `poll` is ready, at most until `deadline`. For the thread whose turn it is.
    pub fn drive<T>(&self, deadline: Option<Instant>, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
        let _driving = Driving(&self.tasks);
        self.runtime.block_on(unconstrained(async {
            let mut alarm = pin!(deadline.map(|deadline| sleep_until(deadline.into())));
            poll_fn(|cx| {
                let left = self.tasks.run_ready(cx.waker());
                if let Poll::Ready(result) = poll(cx) {
                    return Poll::Ready(Some(result));
                }
                if alarm.as_mut().as_pin_mut().is_some_and(|alarm| alarm.poll(cx).is_ready()) {
                    return Poll::Ready(None);
                }
                if left == Left::Some {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            })
            .await
        }))
    }

    /// Drives while no host does, until the end; then drops all tasks. For the helper's thread.
    pub fn help(&self) {
        while let Some(_turn) = self.turns.take_as_helper() {
            self.drive(None, |cx| self.turns.poll_stop(cx));
        }
        self.tasks.close();
    }

    /// Does what can be done now without waiting, unless another thread drives.
    pub fn drive_once(&self) {
        if can_drive()
            && let Some(_turn) = self.turns.take()
        {
            let _driving = Driving(&self.tasks);
            let mut has_asked = false;
            self.runtime.block_on(unconstrained(poll_fn(|cx| {
                self.tasks.run_ready(cx.waker());
                if std::mem::replace(&mut has_asked, true) {
                    return Poll::Ready(());
                }
                // tokio asks the system for news before it polls again.
                cx.waker().wake_by_ref();
                Poll::Pending
            })));
        }
    }

    /// Runs the tasks that are ready, without asking the system for news, unless another thread drives.
    pub fn run_ready(&self) {
        if self.tasks.has_ready()
            && can_drive()
            && let Some(_turn) = self.turns.take()
        {
            let _context = self.runtime.enter();
            self.tasks.run_round();
        }
    }
}

/// Tells whether this thread can drive. It cannot when its thread-local values are gone, because the process exits, nor
/// inside of a task.
fn can_drive() -> bool {
    Handle::try_current().is_err_and(|error| error.is_missing_context())
}

/// Shows that a thread drives while it exists.
struct Driving<'a>(&'a Tasks);

impl Drop for Driving<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}
