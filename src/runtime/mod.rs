//! The one tokio runtime of the process, which the hosts that wait drive in turns, and a helper thread while none does.
//!
//! It starts with the first [`Lease`], ends with the last, and starts again with the next one. Comes in: futures, to
//! run as tasks or to wait for, which is all that other modules may ask of it. [`Alarm`] is a part of such futures.
//! Knows nothing of connections.
//!
//! Reading order: `wait`, `turns` (who drives), `tasks` (what runs), `engine` (how), `alarm`, `spin`, `parker` and
//! `leases`.

mod alarm;
mod engine;
mod leases;
mod parker;
mod spin;
mod tasks;
mod turns;
mod wait;

use std::future::Future;
use std::io;
use std::sync::{Arc, LazyLock, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use self::alarm::Alarm;
use self::engine::Engine;
use self::leases::Leases;
pub use self::turns::Then;
pub use self::wait::Wait;
use crate::process;

/// How long the last lease waits for the helper to end. It is never busy for long, but the host must not hang.
const JOIN_LIMIT: Duration = Duration::from_secs(1);

static LEASES: LazyLock<Leases<Running>> = LazyLock::new(Leases::default);

struct Running {
    engine: Arc<Engine>,
    /// Receives a message when the helper has ended.
    ended: mpsc::Receiver<()>,
    helper: JoinHandle<()>,
}

/// Keeps the runtime running. Each Lua state that has opened a connection or set a timer has one.
pub struct Lease {
    engine: Arc<Engine>,
}

impl Lease {
    /// Starts the runtime unless it is running.
    ///
    /// # Errors
    /// The system refuses the thread or the file descriptors that the runtime needs.
    pub fn new() -> io::Result<Lease> {
        process::watch_forks()?;
        process::stay_mapped()?;
        let engine = LEASES.take(|| process::without_signals(Running::start), |running| Arc::clone(&running.engine))?;
        Ok(Lease { engine })
    }

    /// Runs a future on the runtime until it is done or the runtime ends.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.engine.tasks.spawn(future);
    }

    /// Waits until `poll` is ready, or the limit of the wait has passed. This thread drives the runtime meanwhile,
    /// unless another host does.
    ///
    /// A limit of zero means no wait: unless another thread drives, the tasks do what they can at once, and then `poll`
    /// is asked once more.
    pub fn wait<T>(&self, wait: Wait, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
        if process::is_forked_child() {
            return None;
        }
        let mut look = || match poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        };
        if let Some(result) = look() {
            return Some(result);
        }
        if wait.limit.is_zero() {
            self.engine.drive_once();
            return look();
        }
        self.engine.wait(wait, poll)
    }

    /// Tells that this thread will do other work for long, so that the helper may drive meanwhile. To wake the helper
    /// takes some microseconds.
    pub fn drive_meanwhile(&self) {
        if !process::is_forked_child() {
            self.engine.drive_meanwhile();
        }
    }

    /// Runs the tasks that are ready to run, unless another thread drives. Never waits.
    pub fn run_ready(&self) {
        if !process::is_forked_child() {
            self.engine.run_ready();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // In the child of a fork the runtime stays as it is: the leases know it still.
        if process::is_forked_child() {
            return;
        }
        if let Some(running) = LEASES.give_back() {
            running.end();
        }
    }
}

impl Running {
    fn start() -> io::Result<Running> {
        let engine = Arc::new(Engine::new()?);
        let (end, ended) = mpsc::channel();
        let helped = Arc::clone(&engine);
        let helper = thread::Builder::new().name("websocket".to_owned()).spawn(move || {
            helped.help();
            drop(helped);
            let _ = end.send(());
        })?;
        Ok(Running { engine, ended, helper })
    }

    fn end(self) {
        self.engine.turns.end();
        if self.ended.recv_timeout(JOIN_LIMIT).is_ok() {
            // If the thread panicked, the panic hook has reported it, and nothing is left to do.
            let _ = self.helper.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_with_the_first_lease_ends_with_the_last_and_starts_again() {
        for _ in 0..3 {
            let first = Lease::new().unwrap();
            let second = Lease::new().unwrap();
            drop(first);
            let (done, waits) = mpsc::channel();
            second.spawn(async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                let _ = done.send(());
            });
            waits.recv_timeout(Duration::from_secs(10)).unwrap();

            let (kept, dropped) = mpsc::channel::<()>();
            second.spawn(async move {
                let _kept = kept;
                std::future::pending::<()>().await;
            });
            drop(second);
            // Dropping the last lease drops the futures that are still running.
            assert_eq!(dropped.recv_timeout(Duration::from_secs(10)), Err(mpsc::RecvTimeoutError::Disconnected));
        }
    }
}
