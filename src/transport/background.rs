//! Blocking work on threads of its own: name resolution and reading the system's trust roots.
//!
//! Comes in: a function that blocks. Goes out: its result, or the reason why no thread could run it. The threads take no
//! signals, and end with their work.

use std::io;
use std::thread;

use tokio::sync::{Semaphore, oneshot};

use super::io_text::describe;
use crate::process;

/// The most threads at a time: enough that a few names whose resolution hangs do not hold up the others, few enough to
/// limit what a script can start.
const MAX_THREADS: usize = 64;

static THREADS: Semaphore = Semaphore::const_new(MAX_THREADS);

/// Runs `work` on a new thread, as soon as fewer than [`MAX_THREADS`] run.
///
/// Dropping the future does not stop work that has begun: a call of getaddrinfo cannot be cancelled.
///
/// # Errors
/// The system can start no thread. Nothing is printed then, unlike with tokio's own pool, which panics.
pub(super) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let no_thread = |cause: &str| io::Error::other(format!("no thread could be started: {cause}"));
    let permit = THREADS.acquire().await.map_err(|_| no_thread("the limit is closed"))?;
    let (send, receive) = oneshot::channel();
    let thread = thread::Builder::new().name("websocket-blocking".to_owned());
    let started = process::without_signals(|| {
        thread.spawn(move || {
            // The receiver may be gone, because the connection was given up.
            let _ = send.send(work());
            drop(permit);
        })
    });
    started.map_err(|error| no_thread(&describe(&error)))?;
    receive.await.map_err(|_| io::Error::other("the work ended without a result"))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn starts_no_more_threads_than_the_limit_and_goes_on_when_one_ends() {
        const PATIENCE: Duration = Duration::from_secs(20);
        let (hold, held) = mpsc::channel::<()>();
        let held = std::sync::Arc::new(std::sync::Mutex::new(held));
        let blocked: Vec<_> = (0..MAX_THREADS)
            .map(|_| {
                let held = held.clone();
                // The first waits for the channel, the others for the first; all end when the sender is dropped.
                tokio::spawn(run(move || held.lock().is_ok_and(|held| held.recv().is_err())))
            })
            .collect();
        let all_taken = async {
            while THREADS.available_permits() > 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, all_taken).await.expect("all threads start");
        let further = tokio::spawn(run(|| "done"));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!further.is_finished());
        drop(hold);
        assert_eq!(timeout(PATIENCE, further).await.expect("a thread is free").unwrap().unwrap(), "done");
        for one in blocked {
            assert!(timeout(PATIENCE, one).await.expect("the work ends").unwrap().unwrap());
        }
    }
}
