//! The one tokio runtime of the process, on a thread of its own.
//!
//! It starts with the first [`Lease`], ends with the last, and starts again with the next one. Comes in: futures, which
//! is all that other modules may ask of it. Knows nothing of connections.

mod leases;
mod parker;

use std::future::Future;
use std::io;
use std::sync::{Arc, LazyLock, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use self::leases::Leases;
use self::parker::Parker;
use crate::process;

/// How long the last lease waits for the thread to end. It is never busy for long, but the host must not hang.
const JOIN_LIMIT: Duration = Duration::from_secs(1);

static LEASES: LazyLock<Leases<Running>> = LazyLock::new(Leases::default);

struct Running {
    handle: Handle,
    /// Dropping it ends the runtime.
    stop: oneshot::Sender<()>,
    /// Receives a message when the runtime has ended.
    ended: mpsc::Receiver<()>,
    thread: JoinHandle<()>,
}

/// Keeps the runtime running. Each Lua state that has opened a connection has one.
pub struct Lease {
    handle: Handle,
}

impl Lease {
    /// Starts the runtime unless it is running.
    ///
    /// # Errors
    /// The system refuses the thread or the file descriptors that the runtime needs.
    pub fn new() -> io::Result<Lease> {
        process::watch_forks()?;
        let handle = LEASES.take(|| process::without_signals(Running::start), |running| running.handle.clone())?;
        Ok(Lease { handle })
    }

    /// Runs a future on the runtime until it is done or the runtime ends.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(future);
    }

    /// Waits until `poll` is ready, at most for `limit`.
    pub fn wait<T>(&self, limit: Duration, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
        let deadline = Instant::now().checked_add(limit);
        let parker = Arc::new(Parker::default());
        let waker = Waker::from(Arc::clone(&parker));
        let mut cx = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(result) = poll(&mut cx) {
                return Some(result);
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return None;
            }
            parker.park(deadline);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
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
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let (end, ended) = mpsc::channel();
        let thread = thread::Builder::new().name("websocket".to_owned()).spawn(move || {
            // A dropped sender is an error here, and means the end.
            let _ = runtime.block_on(stopped);
            // Waits for nothing, so that nothing can hold up the host.
            runtime.shutdown_background();
            let _ = end.send(());
        })?;
        Ok(Running { handle, stop, ended, thread })
    }

    fn end(self) {
        drop(self.stop);
        drop(self.handle);
        if self.ended.recv_timeout(JOIN_LIMIT).is_ok() {
            // If the thread panicked, the panic hook has reported it, and nothing is left to do.
            let _ = self.thread.join();
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
