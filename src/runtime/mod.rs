//! The one tokio runtime of the process, on a thread of its own.
//!
//! It starts with the first [`Lease`], ends with the last, and starts again when asked. The door is narrow: a lease
//! spawns futures, and that is all that other rooms may want of it.

mod leases;

use std::future::Future;
use std::io;
use std::sync::{LazyLock, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use self::leases::Leases;
use crate::process;

/// Threads for name resolution and reading trust roots: enough that some names that hang do not hold up the others,
/// few enough to bound what a script can start.
const MAX_BLOCKING_THREADS: usize = 64;

/// How long the last lease waits for the thread; it is never busy for long, but a host must not hang.
const JOIN_LIMIT: Duration = Duration::from_secs(1);

static LEASES: LazyLock<Leases<Running>> = LazyLock::new(Leases::default);

struct Running {
    handle: Handle,
    /// Ends the runtime when it is dropped.
    stop: oneshot::Sender<()>,
    /// Tells that the runtime has ended.
    ended: mpsc::Receiver<()>,
    thread: JoinHandle<()>,
}

/// Keeps the runtime going; one for each Lua state that has opened a connection.
pub struct Lease {
    handle: Handle,
}

impl Lease {
    /// Starts the runtime unless it runs.
    ///
    /// # Errors
    /// The thread or the descriptors of the runtime are not to be had.
    pub fn new() -> io::Result<Lease> {
        process::watch_forks()?;
        let handle = LEASES.take(|| process::without_signals(Running::start), |running| running.handle.clone())?;
        Ok(Lease { handle })
    }

    /// Runs a future on the runtime until it is done or the runtime ends.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(future);
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
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(MAX_BLOCKING_THREADS)
            .thread_name("websocket-blocking")
            .build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let (end, ended) = mpsc::channel();
        let thread = thread::Builder::new().name("websocket".to_owned()).spawn(move || {
            // Both a message and a dropped sender mean the end.
            let _ = runtime.block_on(stopped);
            // A name that hangs in the resolver cannot be cancelled, and must not hold up the host.
            runtime.shutdown_background();
            let _ = end.send(());
        })?;
        Ok(Running { handle, stop, ended, thread })
    }

    fn end(self) {
        drop(self.stop);
        drop(self.handle);
        if self.ended.recv_timeout(JOIN_LIMIT).is_ok() {
            // A panic there was told by the panic hook; here nothing is left to do about it.
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
            // The last lease ends what still runs.
            assert_eq!(dropped.recv_timeout(Duration::from_secs(10)), Err(mpsc::RecvTimeoutError::Disconnected));
        }
    }
}
