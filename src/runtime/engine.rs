//! What one thread at a time drives: the tasks, and tokio's I/O and timers.
//!
//! Comes in: a thread whose turn it is. Goes out: tasks that have run, for as long as the thread waits. The tasks are
//! not tokio's own, so that waking one from outside needs no system call while nobody drives, and so that the thread
//! goes on as soon as a task has brought what it waits for, without asking the system for more first. For that reason a
//! task must not call tokio's `yield_now`, whose wake-up would be lost when the thread goes on: waking itself has the
//! same effect here.

use std::future::poll_fn;
use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::coop::unconstrained;

use super::alarm::Alarm;
use super::spin::{self, Spin, Way};
use super::tasks::{Left, Tasks};
use super::turns::{Then, Turns};
use super::wait::Wait;
use crate::sync::Mutex;

/// tokio sorts its timers by steps of this length. It wakes the thread when the step of a timer begins, and again when
/// the timer is due.
const TIMER_STEP: Duration = Duration::from_millis(64);

/// A runtime that several threads drive in turns.
pub struct Engine {
    runtime: Runtime,
    /// When the runtime was made. tokio counts the time of its timers from then, or from a moment later.
    start: Instant,
    /// What runs on it.
    pub tasks: Arc<Tasks>,
    /// Who drives it.
    pub turns: Turns,
    spin: Spin,
    /// Wakes the host that drives when its wait must end.
    alarm: Mutex<Alarm>,
}

impl Engine {
    /// Makes a runtime, which nobody drives yet.
    ///
    /// # Errors
    /// The system refuses the file descriptors that it needs.
    pub fn new() -> io::Result<Engine> {
        let start = Instant::now();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let cpus = available_parallelism().map_or(1, NonZero::get);
        Ok(Engine {
            runtime,
            start,
            tasks: Arc::default(),
            turns: Turns::default(),
            spin: Spin::new(cpus),
            alarm: Mutex::default(),
        })
    }

    /// Waits until `poll` is ready, or the limit of the wait has passed. Drives meanwhile, unless another thread does.
    pub fn wait<T>(&self, wait: Wait, poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
        let Wait { start, limit, then } = wait;
        let deadline = match then {
            Then::Leave => start.checked_add(limit),
            Then::WaitAgain => self.end_of_slice(start, limit),
        };
        if !can_drive() {
            return self.turns.wait_for_others(deadline, poll);
        }
        self.turns.wait(deadline, then, poll, |poll| {
            let way = self.spin.next();
            let spin = (way == Way::Spin).then(|| start + spin::LIMIT);
            let result = self.drive(deadline, spin, poll);
            if self.spin.has_other_cpus() {
                self.spin.note(way, start.elapsed());
            }
            result
        })
    }

    /// Returns when a wait ends that another one follows at once: after `limit`, or up to half of that earlier, when
    /// tokio's timers wake the thread only once.
    fn end_of_slice(&self, start: Instant, limit: Duration) -> Option<Instant> {
        let end = start.checked_add(limit)?;
        let past_step = end.duration_since(self.start).as_nanos() % TIMER_STEP.as_nanos();
        let past_step = Duration::from_nanos(u64::try_from(past_step).unwrap_or_default());
        if past_step < limit / 2 { end.checked_sub(past_step) } else { Some(end) }
    }

    /// Drives until `poll` is ready, at most until `deadline`, and does not sleep before the end of `spin`. For the
    /// thread whose turn it is.
    fn drive<T>(
        &self,
        deadline: Option<Instant>,
        spin: Option<Instant>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Option<T> {
        let _driving = Driving(&self.tasks);
        // Only the thread that drives locks the alarm, so it waits for nobody here, and may keep the lock while it
        // sleeps.
        let mut alarm = self.alarm.lock();
        self.runtime.block_on(unconstrained(poll_fn(|cx| {
            let left = self.tasks.run_ready(cx.waker());
            if let Poll::Ready(result) = poll(cx) {
                return Poll::Ready(Some(result));
            }
            if deadline.is_some_and(|deadline| alarm.poll(deadline, cx).is_ready()) {
                return Poll::Ready(None);
            }
            if left == Left::Some || spin.is_some_and(|spin| Instant::now() < spin) {
                // tokio asks the system for news without waiting, and polls again.
                cx.waker().wake_by_ref();
            }
            Poll::Pending
        })))
    }

    /// Drives while no host does, until the end; then drops all tasks. For the helper's thread.
    pub fn help(&self) {
        while let Some(_turn) = self.turns.take_as_helper() {
            self.drive(None, None, |cx| self.turns.poll_stop(cx));
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

    /// Has the helper drive while this thread does other work for long, if there is a CPU for it.
    pub fn drive_meanwhile(&self) {
        if self.spin.has_other_cpus() {
            self.turns.let_helper_drive();
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc::{Receiver, TryRecvError, channel};
    use std::thread;

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpStream;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// Is ready when a message is there. The task that sends it must wake the driver by ending.
    fn received<T>(receiver: &Receiver<T>) -> Poll<T> {
        match receiver.try_recv() {
            Ok(message) => Poll::Ready(message),
            Err(TryRecvError::Empty) => Poll::Pending,
            Err(TryRecvError::Disconnected) => panic!("the task is gone"),
        }
    }

    /// Spawns a task that sends the number of the thread which has run it.
    fn spawn_reporter(engine: &Engine) -> Receiver<thread::ThreadId> {
        let (send, receiver) = channel();
        engine.tasks.spawn(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            send.send(thread::current().id()).unwrap();
            std::future::pending::<()>().await;
        });
        receiver
    }

    #[test]
    fn runs_tasks_on_the_thread_that_waits() {
        let engine = Engine::new().unwrap();
        let receiver = spawn_reporter(&engine);
        assert_eq!(engine.wait(Wait::up_to(PATIENCE), |_| received(&receiver)), Some(thread::current().id()));
    }

    #[test]
    fn returns_when_the_limit_has_passed() {
        let engine = Engine::new().unwrap();
        assert_eq!(engine.wait(Wait::up_to(Duration::from_millis(5)), |_| Poll::<()>::Pending), None);
    }

    #[test]
    fn a_slice_ends_in_time_and_at_a_step_of_the_timers_if_it_is_long() {
        let engine = Engine::new().unwrap();
        for offset in [0, 1, 63, 64, 500, 12_345].map(Duration::from_millis) {
            for limit in [0, 1, 50, 128, 200, 250].map(Duration::from_millis) {
                let start = engine.start + offset;
                let slice = engine.end_of_slice(start, limit).unwrap() - start;
                assert!(slice <= limit && slice >= limit / 2, "{slice:?} of {limit:?}");
                let since = (start + slice - engine.start).as_nanos();
                assert!(
                    limit.as_millis() < 128 || since.is_multiple_of(TIMER_STEP.as_nanos()),
                    "{offset:?} and {slice:?}"
                );
            }
        }
        assert_eq!(engine.end_of_slice(Instant::now(), Duration::MAX), None);
    }

    #[test]
    fn runs_tasks_on_the_helper_s_thread_where_the_host_cannot_drive() {
        let engine = Arc::new(Engine::new().unwrap());
        let receiver = spawn_reporter(&engine);
        let helper = thread::spawn({
            let engine = Arc::clone(&engine);
            move || engine.help()
        });
        let within_a_runtime = Builder::new_current_thread().build().unwrap();
        // Asks again every few milliseconds, because nobody wakes this thread.
        let ran_on = within_a_runtime.block_on(async {
            let deadline = Instant::now() + PATIENCE;
            loop {
                assert!(Instant::now() < deadline);
                if let Some(thread) = engine.wait(Wait::up_to(Duration::from_millis(2)), |_| received(&receiver)) {
                    return thread;
                }
            }
        });
        assert_eq!(ran_on, helper.thread().id());
        engine.turns.end();
        helper.join().unwrap();
    }

    #[test]
    fn reads_from_the_network_without_waiting() {
        let engine = Engine::new().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        accepted.set_nonblocking(true).unwrap();
        let (send, receiver) = channel();
        engine.tasks.spawn(async move {
            let mut byte = [0];
            TcpStream::from_std(accepted).unwrap().read_exact(&mut byte).await.unwrap();
            send.send(byte[0]).unwrap();
            std::future::pending::<()>().await;
        });
        engine.drive_once();
        assert!(received(&receiver).is_pending());
        peer.write_all(b"x").unwrap();
        let deadline = Instant::now() + PATIENCE;
        while received(&receiver).is_pending() {
            assert!(Instant::now() < deadline);
            engine.drive_once();
        }
    }

    #[test]
    fn keeps_the_panic_of_a_task_from_the_host_and_from_other_tasks() {
        let engine = Engine::new().unwrap();
        let kept = Arc::new(());
        engine.tasks.spawn({
            let kept = Arc::clone(&kept);
            async move {
                let _kept = kept;
                panic!("on purpose");
            }
        });
        let receiver = spawn_reporter(&engine);
        assert!(engine.wait(Wait::up_to(PATIENCE), |_| received(&receiver)).is_some());
        assert_eq!(Arc::strong_count(&kept), 1);
    }

    #[test]
    fn runs_every_task_of_a_burst() {
        let engine = Engine::new().unwrap();
        let (send, receiver) = channel();
        for number in 0..1000 {
            let send = send.clone();
            engine.tasks.spawn(async move { send.send(number).unwrap() });
        }
        for number in 0..1000 {
            assert_eq!(engine.wait(Wait::up_to(PATIENCE), |_| received(&receiver)), Some(number));
        }
    }
}
