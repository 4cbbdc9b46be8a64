//! Models of what threads share, in every order that they can run in: nothing is lost, nobody sleeps for ever.
//!
//! The modules' own sources are compiled here with loom's locks in place of `src/sync.rs`. A wait never times out, so a
//! lost wake-up shows as a deadlock.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

use self::queue::{Budget, Charge, EVENT_OVERHEAD, Item, Queue};
use self::runtime::leases::Leases;
use self::runtime::parker::Parker;

#[path = "loom/driving.rs"]
mod driving;
#[path = "loom/sending.rs"]
mod sending;

#[allow(dead_code)]
#[path = "../src/connection/frames.rs"]
mod frames;
#[allow(dead_code)]
#[path = "../src/connection/outbox.rs"]
mod outbox;
#[allow(dead_code)]
#[path = "../src/connection/outgoing.rs"]
mod outgoing;
#[allow(dead_code)]
#[path = "../src/queue.rs"]
mod queue;
#[allow(dead_code)]
#[path = "../src/readiness.rs"]
mod readiness;
#[allow(dead_code)]
#[path = "../src/connection/recovery.rs"]
mod recovery;

#[path = "../src/runtime"]
mod runtime {
    pub mod leases;
    pub mod parker;
    #[allow(dead_code)]
    pub mod tasks;
    #[allow(dead_code)]
    pub mod turns;
}

mod batch {
    pub use websocket_core::batch::Batch;
}

mod buffers {
    pub use websocket_core::buffers::take;
}

mod close {
    pub use websocket_core::close::*;
}

mod event {
    pub use websocket_core::event::{Event, Kind, Messages};
}

mod protocol {
    pub use websocket_core::protocol::{Coding, Encoder, encoded_len};
}

mod process {
    pub use websocket_core::process::WITHOUT_SIGNAL;

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

    pub struct Guard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>, &'a loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub fn new(value: T) -> Self {
            Mutex(loom::sync::Mutex::new(value))
        }

        pub fn lock(&self) -> Guard<'_, T> {
            Guard(Some(self.0.lock().unwrap()), &self.0)
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
        pub fn notify_one(&self) {
            self.0.notify_one();
        }

        pub fn wait_while<T>(&self, guard: &mut Guard<'_, T>, mut held: impl FnMut(&mut T) -> bool) {
            while held(guard) {
                let inner = guard.0.take().unwrap();
                guard.0 = Some(self.0.wait(inner).unwrap());
            }
        }

        /// The time passes at once, but the other threads may run first.
        pub fn wait_while_for<T>(&self, guard: &mut Guard<'_, T>, mut held: impl FnMut(&mut T) -> bool, _: Duration) {
            if held(guard) {
                drop(guard.0.take());
                loom::thread::yield_now();
                guard.0 = Some(guard.1.lock().unwrap());
            }
        }

        pub fn wait_while_until<T>(&self, guard: &mut Guard<'_, T>, held: impl FnMut(&mut T) -> bool, _: Instant) {
            self.wait_while(guard, held);
        }
    }
}

/// Tries every order with at most three preemptions. Without that limit the largest model takes nine minutes and finds
/// nothing more.
fn every_order(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// A task or a host that waits until it is woken.
struct Sleeper(Arc<Parker>);

impl Sleeper {
    fn new() -> (Sleeper, Waker) {
        let parker = Arc::new(Parker::default());
        (Sleeper(Arc::clone(&parker)), Waker::from(parker))
    }

    fn wait(&self) {
        self.0.park(None);
    }
}

/// Waits as a host does.
fn wait<T>(mut poll: impl FnMut(&Context<'_>) -> Poll<T>) -> T {
    let (host, waker) = Sleeper::new();
    loop {
        if let Poll::Ready(result) = poll(&Context::from_waker(&waker)) {
            return result;
        }
        host.wait();
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
            wait(|cx| queue.poll_ready(cx));
            queue.take_all(&mut taken);
        }
        let (low, high): (Vec<u64>, Vec<u64>) = numbers(&taken).into_iter().partition(|number| *number < 10);
        assert_eq!((low, high), (vec![1, 2], vec![11, 12]));
        assert!(queue.poll_ready(&Context::from_waker(Waker::noop())).is_pending());
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
                let (task, waker) = Sleeper::new();
                for number in 0..4 {
                    while budget.poll_admits(&waker).is_none() {
                        task.wait();
                    }
                    let (event, charge) = message(&budget);
                    queue.push([Item::Event(number, event, charge)]);
                }
            }
        });
        let mut taken = VecDeque::new();
        let mut next = 0;
        while next < 4 {
            wait(|cx| queue.poll_ready(cx));
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
                let (task, waker) = Sleeper::new();
                while !budget.poll_idle(&waker) {
                    task.wait();
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
                let (task, waker) = Sleeper::new();
                while budget.poll_admits(&waker).is_none() {
                    task.wait();
                }
            }
        });
        drop(queue);
        reader.join().unwrap();
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
