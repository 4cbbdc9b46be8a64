//! The timers of one Lua state: which are set, when each is due, and the task that puts them into the queue then.
//!
//! Comes in: numbers with times, from the host's thread. Goes out: an item of the queue for each timer that is due, in the
//! order of their times. Knows nothing of what a timer calls, and nothing of Lua.
//!
//! One task serves all timers of a state, so that timers which are due at the same time stay in order, and setting or
//! cancelling one costs an entry of a map. The task runs wherever the connections run, so a timer has its place among
//! their events even if the host is busy when it is due. A timer that repeats is put into the queue again only after the
//! host has taken it: so turns that the host missed are skipped, and at most one waits.

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
    /// The time between two turns; nothing for a timer that fires once.
    period: Option<Duration>,
}

/// What comes after a turn of a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another turn.
    Turn,
    /// Nothing: it was set for this turn alone.
    Nothing,
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
    /// A number is given to one timer only. All calls get the same lease.
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

    /// Notes that the host has taken the item of a timer. Returns nothing if the timer was cancelled before: then this is no
    /// turn of it.
    pub fn take_turn(&mut self, number: u64, now: Instant) -> Option<Next> {
        let timer = self.timers.get_mut(&number)?;
        let Some(period) = timer.period else {
            self.timers.remove(&number);
            return Some(Next::Nothing);
        };
        timer.due = next_due(timer.due, period, now);
        self.schedule.add(timer.due, number, now);
        Some(Next::Turn)
    }

    /// Tells whether a timer will still fire.
    pub fn is_set(&self, number: u64) -> bool {
        self.timers.contains_key(&number)
    }

    /// Returns how many timers will still fire.
    pub fn count(&self) -> usize {
        self.timers.len()
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

    /// Removes a timer, if its time has not come. The task is not woken for that: it may find nothing to do when it wakes.
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
    /// Puts the timers that are due into the queue. The caller has the lock, so they are in order even if two threads do this.
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
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::runtime::Wait;

    const PATIENCE: Duration = Duration::from_secs(20);
    const NEVER: Duration = Duration::from_secs(1_000_000_000);

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    struct Host {
        lease: Lease,
        queue: Arc<Queue>,
        timers: Timers,
    }

    impl Host {
        fn new() -> Host {
            let queue = Arc::<Queue>::default();
            Host { lease: Lease::new().unwrap(), timers: Timers::new(Arc::clone(&queue)), queue }
        }

        fn set(&mut self, number: u64, now: Instant, delay: Duration, period: Option<Duration>) {
            self.timers.set(&self.lease, number, now, delay, period);
        }

        /// Waits until an item is there; returns the numbers of all that are.
        fn taken(&self) -> Vec<u64> {
            self.lease.wait(Wait::up_to(PATIENCE), |cx| self.queue.poll_ready(cx)).expect("a timer fires");
            self.in_queue()
        }

        fn in_queue(&self) -> Vec<u64> {
            let mut taken = VecDeque::new();
            self.queue.take_all(&mut taken);
            taken.iter().map(|item| if let Item::Timer(number) = item { *number } else { 0 }).collect()
        }
    }

    impl Drop for Host {
        fn drop(&mut self) {
            self.timers.end();
        }
    }

    #[test]
    fn fires_once_and_never_early() {
        let mut host = Host::new();
        for (number, delay) in [(1, 0), (2, 1), (3, 15), (4, 2)] {
            let now = Instant::now();
            host.set(number, now, millis(delay), None);
            assert_eq!(host.taken(), [number]);
            assert!(now.elapsed() >= millis(delay));
            assert_eq!(host.timers.take_turn(number, Instant::now()), Some(Next::Nothing));
            assert_eq!(host.timers.count(), 0);
        }
    }

    #[test]
    fn a_timer_without_delay_is_in_the_queue_at_once_behind_those_that_are_due() {
        let mut host = Host::new();
        let start = Instant::now();
        host.set(1, start, millis(2), None);
        host.set(2, start, millis(1), None);
        host.set(3, start, NEVER, None);
        let mut fired = host.in_queue();
        host.set(4, start + millis(5), Duration::ZERO, None);
        fired.extend(host.in_queue());
        assert_eq!(fired, [2, 1, 4]);
    }

    #[test]
    fn those_that_are_due_at_once_keep_the_order_in_which_they_were_set() {
        let mut host = Host::new();
        let start = Instant::now();
        for number in 1..=500 {
            host.set(number, start, millis(5), None);
        }
        let mut fired = Vec::new();
        while fired.len() < 500 {
            fired.extend(host.taken());
        }
        assert!(fired.is_sorted(), "{fired:?}");
    }

    #[test]
    fn a_sooner_timer_goes_first_and_a_cancelled_one_does_not_fire() {
        let mut host = Host::new();
        let start = Instant::now();
        host.set(1, start, NEVER, None);
        host.set(2, start, millis(30), None);
        host.set(3, start, millis(5), None);
        host.set(4, start, millis(1), None);
        assert!(host.timers.cancel(3));
        assert!(!host.timers.cancel(3));
        let mut fired = host.taken();
        while fired.len() < 2 {
            fired.extend(host.taken());
        }
        assert_eq!(fired, [4, 2]);
        assert!(host.timers.is_set(1) && !host.timers.is_set(3));
    }

    #[test]
    fn a_timer_that_was_cancelled_when_its_item_waits_has_no_turn() {
        let mut host = Host::new();
        host.set(1, Instant::now(), Duration::ZERO, Some(millis(1)));
        assert_eq!(host.taken(), [1]);
        assert!(host.timers.cancel(1));
        assert_eq!(host.timers.take_turn(1, Instant::now()), None);
        assert_eq!(host.timers.count(), 0);
    }

    #[test]
    fn a_timer_that_repeats_waits_until_the_host_has_taken_its_turn() {
        let mut host = Host::new();
        let start = Instant::now();
        host.set(1, start, millis(1), Some(millis(1)));
        assert_eq!(host.taken(), [1]);
        host.set(2, Instant::now(), millis(20), None);
        assert_eq!(host.taken(), [2]);
        assert_eq!(host.timers.take_turn(1, Instant::now()), Some(Next::Turn));
        assert_eq!(host.taken(), [1]);
    }

    #[test]
    fn turns_that_were_missed_are_skipped_and_the_others_stay_on_the_grid() {
        let due = Instant::now();
        let at = |passed: u64| next_due(due, millis(10), due + millis(passed)) - due;
        for (passed, next) in [(0, 10), (1, 10), (9, 10), (10, 20), (11, 20), (1005, 1010)] {
            assert_eq!(at(passed), millis(next), "{passed} ms after the first turn");
        }
        assert_eq!(next_due(due, NEVER, due + millis(3)), due + NEVER);
    }

    #[test]
    fn many_timers_leave_nothing_behind() {
        let mut host = Host::new();
        let start = Instant::now();
        for number in 0..100_000 {
            host.set(number, start, millis(60_000 + number % 7), Some(millis(10)));
        }
        assert_eq!(host.timers.count(), 100_000);
        for number in 0..100_000 {
            assert!(host.timers.cancel(number));
        }
        assert_eq!(host.timers.count(), 0);
        assert!(host.timers.schedule.state.lock().due.is_empty());
        assert_eq!(host.in_queue(), []);
    }

    #[test]
    fn the_end_drops_the_task_while_the_runtime_goes_on() {
        let mut host = Host::new();
        host.set(1, Instant::now(), NEVER, None);
        let schedule = Arc::downgrade(&host.timers.schedule);
        let other = Host::new();
        drop(host);
        let deadline = Instant::now() + PATIENCE;
        while schedule.strong_count() > 0 {
            assert!(Instant::now() < deadline);
            other.lease.wait(Wait::up_to(millis(1)), |_| Poll::<()>::Pending);
        }
    }
}
