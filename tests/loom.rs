//! Models of what threads share, in every order that they can run in: nothing is lost, nobody sleeps for ever.
//!
//! The modules' own sources are compiled here with loom's locks in place of `src/sync.rs`. A wait never times out, so a
//! lost wake-up shows as a deadlock.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use loom::sync::Notify;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

use self::event::Kind;
use self::frames::Taken;
use self::leases::Leases;
use self::outbox::{Next, Outbox, Outgoing, Progress, Refusal, Wish};
use self::queue::{Budget, Charge, EVENT_OVERHEAD, Item, Queue};

#[allow(dead_code)]
#[path = "../src/connection/frames.rs"]
mod frames;
#[path = "../src/runtime/leases.rs"]
mod leases;
#[allow(dead_code)]
#[path = "../src/connection/outbox.rs"]
mod outbox;
#[allow(dead_code)]
#[path = "../src/queue.rs"]
mod queue;

mod batch {
    pub use websocket_core::batch::Batch;
}

mod close {
    pub use websocket_core::close::*;
}

mod event {
    pub use websocket_core::event::{Event, Kind};
}

mod protocol {
    pub use websocket_core::protocol::{Coding, Encoder, encoded_len};
}

mod process {
    pub fn is_forked_child() -> bool {
        false
    }
}

/// What the modules use of parking_lot, made of loom's.
mod sync {
    use std::ops::{Deref, DerefMut};
    use std::time::{Duration, Instant};

    #[derive(Debug, Default)]
    pub struct Mutex<T>(loom::sync::Mutex<T>);

    pub struct Guard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>);

    impl<T> Mutex<T> {
        pub fn new(value: T) -> Self {
            Mutex(loom::sync::Mutex::new(value))
        }

        pub fn lock(&self) -> Guard<'_, T> {
            Guard(Some(self.0.lock().unwrap()))
        }
    }

    impl<T> Deref for Guard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.0.as_ref().unwrap()
        }
    }

    impl<T> DerefMut for Guard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().unwrap()
        }
    }

    #[derive(Debug, Default)]
    pub struct Condvar(loom::sync::Condvar);

    impl Condvar {
        pub fn notify_all(&self) {
            self.0.notify_all();
        }

        pub fn wait_while_for<T>(&self, guard: &mut Guard<'_, T>, mut held: impl FnMut(&mut T) -> bool, _: Duration) {
            while held(guard) {
                let inner = guard.0.take().unwrap();
                guard.0 = Some(self.0.wait(inner).unwrap());
            }
        }

        pub fn wait_while_until<T>(&self, guard: &mut Guard<'_, T>, held: impl FnMut(&mut T) -> bool, _: Instant) {
            self.wait_while_for(guard, held, Duration::MAX);
        }
    }
}

const LONG: Duration = Duration::from_secs(3600);

/// Tries every order with at most three preemptions. Without that limit the largest model takes nine minutes and finds
/// nothing more.
fn every_order(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// A task that waits until it is woken.
struct Task(Notify);

impl Task {
    fn new() -> (Arc<Task>, Waker) {
        let task = Arc::new(Task(Notify::new()));
        (Arc::clone(&task), Waker::from(task))
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }
}

fn numbers(taken: &VecDeque<Item>) -> Vec<u64> {
    taken.iter().map(|item| if let Item::Deferred(number) = item { *number } else { 0 }).collect()
}

fn message(budget: &Arc<Budget>) -> (event::Event, Charge) {
    (event::Event::Ping(Vec::new()), budget.charge(EVENT_OVERHEAD))
}

#[test]
fn what_two_connections_push_arrives_once_and_in_their_order() {
    every_order(|| {
        let queue = Arc::new(Queue::default());
        let pushers: Vec<_> = [[1, 2], [11, 12]]
            .into_iter()
            .map(|[first, second]| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || {
                    queue.push([Item::Deferred(first)]);
                    queue.push([Item::Deferred(second)]);
                })
            })
            .collect();
        let mut taken = VecDeque::new();
        while taken.len() < 4 {
            assert!(queue.wait(LONG));
            queue.take_all(&mut taken);
        }
        let (low, high): (Vec<u64>, Vec<u64>) = numbers(&taken).into_iter().partition(|number| *number < 10);
        assert_eq!((low, high), (vec![1, 2], vec![11, 12]));
        assert!(!queue.wait(Duration::ZERO));
        for pusher in pushers {
            pusher.join().unwrap();
        }
    });
}

#[test]
fn a_reader_that_stops_at_the_limit_is_woken() {
    every_order(|| {
        let queue = Arc::new(Queue::default());
        let budget = Budget::new(2 * EVENT_OVERHEAD);
        let reader = thread::spawn({
            let (queue, budget) = (Arc::clone(&queue), Arc::clone(&budget));
            move || {
                let (task, waker) = Task::new();
                for number in 0..4 {
                    while budget.poll_admits(&waker).is_none() {
                        task.0.wait();
                    }
                    let (event, charge) = message(&budget);
                    queue.push([Item::Event(number, event, charge)]);
                }
            }
        });
        let mut taken = VecDeque::new();
        let mut next = 0;
        while next < 4 {
            assert!(queue.wait(LONG));
            queue.take_all(&mut taken);
            // One after another, as callbacks release them.
            while let Some(item) = taken.pop_front() {
                assert!(matches!(item, Item::Event(number, ..) if number == next));
                next += 1;
            }
        }
        reader.join().unwrap();
    });
}

#[test]
fn a_connection_that_waits_until_the_host_is_done_with_all_events_is_woken() {
    every_order(|| {
        let queue = Arc::new(Queue::default());
        let budget = Budget::new(EVENT_OVERHEAD);
        for number in 0..2 {
            let (event, charge) = message(&budget);
            queue.push([Item::Event(number, event, charge)]);
        }
        let connection = thread::spawn({
            let budget = Arc::clone(&budget);
            move || {
                let (task, waker) = Task::new();
                while !budget.poll_idle(&waker) {
                    task.0.wait();
                }
            }
        });
        let mut taken = VecDeque::new();
        queue.take_all(&mut taken);
        drop(taken);
        connection.join().unwrap();
    });
}

#[test]
fn a_reader_is_woken_if_the_state_ends_with_events_that_nobody_took() {
    every_order(|| {
        let queue = Arc::new(Queue::default());
        let budget = Budget::new(EVENT_OVERHEAD);
        let (event, charge) = message(&budget);
        queue.push([Item::Event(1, event, charge)]);
        let reader = thread::spawn({
            let budget = Arc::clone(&budget);
            move || {
                let (task, waker) = Task::new();
                while budget.poll_admits(&waker).is_none() {
                    task.0.wait();
                }
            }
        });
        drop(queue);
        reader.join().unwrap();
    });
}

/// Acts as the connection: takes and writes everything until the script closes it; returns how many messages that cost as
/// much as an empty one it took.
fn drive(outbox: &Outbox) -> usize {
    let (task, waker) = Task::new();
    let mut taken = 0;
    loop {
        let wish = outbox.poll_wish(&Context::from_waker(&waker));
        while let Some(next) = outbox.next() {
            let (payload, cost) = match next {
                Next::Message(outgoing) => (outgoing.payload(), outgoing.cost()),
                Next::Frames(mut frames) => {
                    let mut written = Taken::default();
                    frames.accounts.advance(frames.bytes.len(), &mut written);
                    (written.payload, written.cost)
                }
            };
            taken += cost / Outgoing::Ping(Vec::new()).cost();
            outbox.note_written(payload, cost);
        }
        if wish != Wish::Stay {
            outbox.end();
            return taken;
        }
        task.0.wait();
    }
}

#[test]
fn what_a_script_sends_before_it_closes_is_written() {
    every_order(|| {
        let outbox = Arc::new(Outbox::new(usize::MAX));
        let connection = thread::spawn({
            let outbox = Arc::clone(&outbox);
            move || drive(&outbox)
        });
        for _ in 0..2 {
            assert_eq!(outbox.send(Outgoing::Ping(Vec::new())), Ok(()));
        }
        outbox.end_by(Wish::Close(None));
        assert_eq!(outbox.send(Outgoing::Ping(Vec::new())), Err(Refusal::Closed));
        assert_eq!(outbox.wait_written(LONG), Progress::Written);
        assert_eq!(connection.join().unwrap(), 2);
    });
}

#[test]
fn what_a_script_encodes_before_it_closes_is_written() {
    every_order(|| {
        let outbox = Arc::new(Outbox::new(usize::MAX));
        let connection = thread::spawn({
            let outbox = Arc::clone(&outbox);
            move || {
                outbox.start_encoding();
                drive(&outbox)
            }
        });
        for _ in 0..2 {
            let accepted = outbox.encode(Kind::Text, b"").unwrap_or_else(|| outbox.send(Outgoing::Ping(Vec::new())));
            assert_eq!(accepted, Ok(()));
        }
        outbox.end_by(Wish::Close(None));
        assert_eq!(outbox.encode(Kind::Text, b"").unwrap(), Err(Refusal::Closed));
        assert_eq!(outbox.wait_written(LONG), Progress::Written);
        assert_eq!(connection.join().unwrap(), 2);
    });
}

#[test]
fn a_script_that_waits_until_all_is_written_is_woken_by_the_end() {
    every_order(|| {
        let outbox = Arc::new(Outbox::new(usize::MAX));
        assert_eq!(outbox.send(Outgoing::Ping(Vec::new())), Ok(()));
        let connection = thread::spawn({
            let outbox = Arc::clone(&outbox);
            move || outbox.end()
        });
        assert_eq!(outbox.wait_written(LONG), Progress::Ended);
        outbox.wait_ended(std::time::Instant::now());
        connection.join().unwrap();
    });
}

#[test]
fn a_full_outbox_accepts_again_when_what_it_held_is_written() {
    every_order(|| {
        let ping = || Outgoing::Ping(Vec::new());
        let outbox = Arc::new(Outbox::new(ping().cost()));
        let connection = thread::spawn({
            let outbox = Arc::clone(&outbox);
            move || drive(&outbox)
        });
        assert_eq!(outbox.send(ping()), Ok(()));
        let second = outbox.send(ping());
        assert!(matches!(second, Ok(()) | Err(Refusal::Full(_))), "{second:?}");
        assert_eq!(outbox.wait_written(LONG), Progress::Written);
        assert_eq!(outbox.send(ping()), Ok(()));
        outbox.end_by(Wish::Close(None));
        assert_eq!(connection.join().unwrap(), 2 + usize::from(second.is_ok()));
    });
}

/// A runtime that runs, or has ended.
struct Running(Arc<AtomicBool>);

fn live(leases: &Leases<Running>, started: &AtomicUsize, ended: &AtomicUsize) {
    let start = || {
        started.fetch_add(1, Ordering::SeqCst);
        Ok(Running(Arc::new(AtomicBool::new(true))))
    };
    let runs = leases.take(start, |running| Arc::clone(&running.0)).unwrap();
    thread::yield_now();
    assert!(runs.load(Ordering::SeqCst), "ended under a lease");
    if let Some(last) = leases.give_back() {
        assert!(last.0.swap(false, Ordering::SeqCst), "ended twice");
        ended.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_runtime_lives_as_long_as_a_state_needs_it_and_every_runtime_ends() {
    every_order(|| {
        let leases = Arc::new(Leases::default());
        let started = Arc::new(AtomicUsize::new(0));
        let ended = Arc::new(AtomicUsize::new(0));
        let states: Vec<_> = (0..2)
            .map(|_| {
                let (leases, started, ended) = (Arc::clone(&leases), Arc::clone(&started), Arc::clone(&ended));
                thread::spawn(move || live(&leases, &started, &ended))
            })
            .collect();
        live(&leases, &started, &ended);
        for state in states {
            state.join().unwrap();
        }
        let (started, ended) = (started.load(Ordering::SeqCst), ended.load(Ordering::SeqCst));
        assert!(started == ended && (1..=3).contains(&started), "{started} started, {ended} ended");
    });
}

#[test]
fn a_start_that_fails_takes_no_lease() {
    every_order(|| {
        let leases = Arc::new(Leases::default());
        let other = thread::spawn({
            let leases = Arc::clone(&leases);
            move || {
                let failed = leases.take(|| Err(io::ErrorKind::OutOfMemory.into()), |_: &Running| ()).is_err();
                if !failed {
                    drop(leases.give_back());
                }
                failed
            }
        });
        let (started, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
        live(&leases, &started, &ended);
        other.join().unwrap();
        live(&leases, &started, &ended);
    });
}
