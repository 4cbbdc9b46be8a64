//! The tasks of the runtime, and the list of those that are ready to run.
//!
//! Comes in: futures, and wake-ups of their tasks, on any thread. Goes out: the tasks that are ready, in the order of
//! their wake-ups, to the thread that drives. A wake-up while nobody drives costs no system call: the task waits in the
//! list for whoever drives next. `tests/loom.rs` tries every order.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use crate::sync::Mutex;

/// The most tasks that run in one round, after which the driver looks for news from the network.
const PER_ROUND: usize = 64;

type BoxedFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// All tasks of one runtime.
#[derive(Default)]
pub struct Tasks {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Every task that is not done, by its number, so that the end of the runtime finds them.
    all: BTreeMap<u64, Arc<Task>>,
    last_number: u64,
    ready: VecDeque<Arc<Task>>,
    /// Wakes the thread that drives. While nobody drives there is none.
    driver: Option<Waker>,
}

struct Task {
    number: u64,
    tasks: Arc<Tasks>,
    state: Mutex<TaskState>,
}

#[derive(Default)]
struct TaskState {
    /// The task is in the list of those that are ready.
    is_ready: bool,
    /// Taken while it runs, and gone when it is done.
    future: Option<BoxedFuture>,
}

/// Whether tasks are left in the list after a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// None.
    Nothing,
    /// At least one, which may have been there before the round.
    Some,
}

impl Tasks {
    /// Makes a task of a future, which is ready to run.
    pub fn spawn(self: &Arc<Self>, future: impl Future<Output = ()> + Send + 'static) {
        let future: BoxedFuture = Box::pin(future);
        let mut state = self.state.lock();
        state.last_number += 1;
        let number = state.last_number;
        let task_state = TaskState { is_ready: false, future: Some(future) };
        let task = Arc::new(Task { number, tasks: Arc::clone(self), state: Mutex::new(task_state) });
        state.all.insert(number, Arc::clone(&task));
        drop(state);
        task.wake();
    }

    /// Tells whether a task is ready to run.
    pub fn has_ready(&self) -> bool {
        !self.state.lock().ready.is_empty()
    }

    /// Runs the tasks that are ready now, each once. For the thread whose turn it is to drive; `driver` wakes it when a
    /// task becomes ready, until [`Tasks::leave`] is called.
    pub fn run_ready(&self, driver: &Waker) -> Left {
        self.run_all(Some(driver))
    }

    /// As [`Tasks::run_ready`], for a thread that does not wait for what its tasks wait for.
    pub fn run_round(&self) -> Left {
        self.run_all(None)
    }

    fn run_all(&self, driver: Option<&Waker>) -> Left {
        let mut state = self.state.lock();
        state.note_driver(driver);
        for _ in 0..state.ready.len().min(PER_ROUND) {
            let Some(task) = state.ready.pop_front() else { break };
            drop(state);
            self.run(task);
            state = self.state.lock();
        }
        if state.ready.is_empty() { Left::Nothing } else { Left::Some }
    }

    /// Notes that nobody drives any longer.
    pub fn leave(&self) {
        self.state.lock().driver = None;
    }

    /// Drops all futures. None may be spawned any longer.
    pub fn close(&self) {
        loop {
            let task = {
                let mut state = self.state.lock();
                state.ready.clear();
                state.all.pop_first()
            };
            let Some((_, task)) = task else { return };
            let future = task.state.lock().future.take();
            drop_quietly(future);
        }
    }

    fn run(&self, task: Arc<Task>) {
        let future = {
            let mut state = task.state.lock();
            state.is_ready = false;
            state.future.take()
        };
        // A task may be woken after it is done.
        let Some(mut future) = future else { return };
        let number = task.number;
        let waker = Waker::from(Arc::clone(&task));
        let mut cx = Context::from_waker(&waker);
        // The panic hook has reported a panic, and the connection's end is delivered when its future is dropped.
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut cx)));
        if polled.is_ok_and(|polled| polled.is_pending()) {
            task.state.lock().future = Some(future);
        } else {
            drop_quietly(Some(future));
            self.state.lock().all.remove(&number);
        }
    }
}

/// Drops a future. A panic is reported by the panic hook, and must not reach the host.
fn drop_quietly(future: Option<BoxedFuture>) {
    let _ = catch_unwind(AssertUnwindSafe(|| mem::drop(future)));
}

impl State {
    fn note_driver(&mut self, driver: Option<&Waker>) {
        if let Some(driver) = driver
            && !self.driver.as_ref().is_some_and(|known| known.will_wake(driver))
        {
            self.driver = Some(driver.clone());
        }
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if mem::replace(&mut self.state.lock().is_ready, true) {
            return;
        }
        let mut state = self.tasks.state.lock();
        state.ready.push_back(Arc::clone(self));
        // A driver that has tasks in the list was woken already, or looks at the list again before it sleeps.
        let driver = if state.ready.len() == 1 { state.driver.clone() } else { None };
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}
