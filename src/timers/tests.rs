//! Timers on the real runtime, and the times at which those that repeat are due.

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
        assert_eq!(host.timers.take(number, Instant::now()), Some(Next::Never));
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
fn a_timer_that_was_cancelled_when_its_item_waits_does_not_fire() {
    let mut host = Host::new();
    host.set(1, Instant::now(), Duration::ZERO, Some(millis(1)));
    assert_eq!(host.taken(), [1]);
    assert!(host.timers.cancel(1));
    assert_eq!(host.timers.take(1, Instant::now()), None);
    assert_eq!(host.timers.count(), 0);
}

#[test]
fn a_timer_that_repeats_waits_until_the_host_has_taken_its_item() {
    let mut host = Host::new();
    let start = Instant::now();
    host.set(1, start, millis(1), Some(millis(1)));
    assert_eq!(host.taken(), [1]);
    host.set(2, Instant::now(), millis(20), None);
    assert_eq!(host.taken(), [2]);
    assert_eq!(host.timers.take(1, Instant::now()), Some(Next::Again));
    assert_eq!(host.taken(), [1]);
}

#[test]
fn times_that_were_missed_are_skipped_and_the_others_stay_on_the_grid() {
    let due = Instant::now();
    let at = |passed: u64| next_due(due, millis(10), due + millis(passed)) - due;
    for (passed, next) in [(0, 10), (1, 10), (9, 10), (10, 20), (11, 20), (1005, 1010)] {
        assert_eq!(at(passed), millis(next), "{passed} ms after it was due");
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
