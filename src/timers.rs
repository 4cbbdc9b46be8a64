//! The timers of one Lua state: which are set, when each is due, and the task that puts them into the queue then.
//!
//! Comes in: numbers with times, from the host's thread. Goes out: an item of the queue for each timer that is due, in
//! the order of their times. Knows nothing of what a timer calls, and nothing of Lua.
//!
//! One task serves all timers of a state, so that timers which are due at the same time stay in order, and setting or
//! cancelling one costs an entry of a map. The task runs wherever the connections run, so a timer has its place among
//! their events even if the host is busy when it is due. A timer that repeats is put into the queue again only after
//! the host has taken it. So times that the host missed are skipped, and at most one item waits.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::queue::{Item, Queue};
use crate::runtime::{Alarm, Lease};
use crate::sync::Mutex;

/// The timers of one Lua state, for the host's thread.
pub struct Timers {
    /// Those that will still fire, by their numbers.
    timers: BTreeMap<u64, Timer>,
    schedule: Arc<Schedule>,
    /// The task was spawned.
    is_running: bool,
}

/// What is known of a timer that will still fire.
#[derive(Debug)]
struct Timer {
    due: Instant,
    /// Nothing for a timer that fires once.
    period: Option<Duration>,
}

/// Whether a timer that fires will fire again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is set for the next multiple of its period.
    Again,
    /// It was to fire once.
    Never,
}

impl Timers {
    /// Makes the timers of the state that has this queue; none is set.
    pub fn new(queue: Arc<Queue>) -> Timers {
        let schedule = Arc::new(Schedule { queue, state: Mutex::default() });
        Timers { timers: BTreeMap::new(), schedule, is_running: false }
    }

    /// Sets a timer: it is due when `delay` has passed after `now`, and then at each multiple of `period` after that. A
    /// timer without delay is in the queue when this returns.
    ///
    /// A number is given to one timer only. All calls get the same lease. Times are at most
    /// [`MAX_SECONDS`](crate::options::kind::MAX_SECONDS), so that no sum of times overflows.
    pub fn set(&mut self, lease: &Lease, number: u64, now: Instant, delay: Duration, period: Option<Duration>) {
        let due = now + delay;
        self.timers.insert(number, Timer { due, period });
        self.schedule.add(due, number, now);
        if !self.is_running {
            self.is_running = true;
            lease.spawn(Arc::clone(&self.schedule).run());
        }
    }

    /// Cancels a timer; tells whether it would still have fired. Its item may be in the queue already.
    pub fn cancel(&mut self, number: u64) -> bool {
        let Some(timer) = self.timers.remove(&number) else { return false };
        self.schedule.remove(timer.due, number);
        true
    }

    /// Notes that the host has taken the item of a timer, which fires now. Returns nothing if it was cancelled before:
    /// then it does not fire.
    pub fn take(&mut self, number: u64, now: Instant) -> Option<Next> {
        let timer = self.timers.get_mut(&number)?;
        let Some(period) = timer.period else {
            self.timers.remove(&number);
            return Some(Next::Never);
        };
        timer.due = next_due(timer.due, period, now);
        self.schedule.add(timer.due, number, now);
        Some(Next::Again)
    }

    /// Tells whether a timer will still fire.
    pub fn is_set(&self, number: u64) -> bool {
        self.timers.contains_key(&number)
    }

    /// Returns how many timers will still fire.
    pub fn count(&self) -> usize {
        self.timers.len()
    }

    /// Returns how long it takes until the next timer is due; nothing if none is set. One that is due already is in the
    /// queue.
    pub fn next(&self, now: Instant) -> Option<Duration> {
        self.schedule.state.lock().due.first().map(|(due, _)| due.saturating_duration_since(now))
    }

    /// Cancels all timers and ends the task. None may be set any longer.
    pub fn end(&mut self) {
        self.timers.clear();
        self.schedule.end();
    }
}

/// Returns the first of the moments `due + n * period` that comes after `now`.
fn next_due(due: Instant, period: Duration, now: Instant) -> Instant {
    let passed = now.saturating_duration_since(due).as_nanos() % period.as_nanos().max(1);
    now + period.saturating_sub(Duration::from_nanos(u64::try_from(passed).unwrap_or_default()))
}

/// What the host and the task share.
struct Schedule {
    queue: Arc<Queue>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The timers whose time has not come, the next one first. Those that are due at the same time are in the order of
    /// their numbers.
    due: BTreeSet<(Instant, u64)>,
    /// Wakes the task; set while it waits.
    task: Option<Waker>,
    ended: bool,
}

impl Schedule {
    /// Adds a timer, and puts what is due into the queue. Wakes the task if it must wait for this timer next.
    fn add(&self, due: Instant, number: u64, now: Instant) {
        let task = {
            let mut state = self.state.lock();
            state.due.insert((due, number));
            state.fire(&self.queue, now);
            if state.due.first() == Some(&(due, number)) { state.task.take() } else { None }
        };
        if let Some(task) = task {
            task.wake();
        }
    }

    /// Removes a timer, if its time has not come. The task is not woken for that: it may find nothing to do when it
    /// wakes.
    fn remove(&self, due: Instant, number: u64) {
        self.state.lock().due.remove(&(due, number));
    }

    /// The task.
    async fn run(self: Arc<Self>) {
        let mut alarm = Alarm::default();
        poll_fn(|cx| self.poll(&mut alarm, cx)).await;
    }

    /// Fires what is due, and waits for what will be; is ready at the end.
    fn poll(&self, alarm: &mut Alarm, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let next = {
                let mut state = self.state.lock();
                if state.ended {
                    return Poll::Ready(());
                }
                state.fire(&self.queue, Instant::now());
                state.task = Some(cx.waker().clone());
                state.due.first().map(|(due, _)| *due)
            };
            let Some(next) = next else { return Poll::Pending };
            if alarm.poll(next, cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Ends the task.
    fn end(&self) {
        let task = {
            let mut state = self.state.lock();
            state.ended = true;
            state.due.clear();
            state.task.take()
        };
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl State {
    /// Puts the timers that are due into the queue. The caller has the lock, so they are in order even if two threads
    /// do this. Nobody takes this lock while it has the queue's.
    fn fire(&mut self, queue: &Queue, now: Instant) {
        let mut fired = Vec::new();
        while let Some((due, _)) = self.due.first()
            && *due <= now
            && let Some((_, number)) = self.due.pop_first()
        {
            fired.push(Item::Timer(number));
        }
        if !fired.is_empty() {
            queue.push(fired);
        }
    }
}

#[cfg(test)]
mod tests;
