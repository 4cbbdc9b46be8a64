//! The queue and the budget as one thread sees them; `loom.rs` tries every order of several threads.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};

use websocket_core::queue::{Budget, EVENT_OVERHEAD, Item, Queue, cost};

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn delivers_items_in_order_of_arrival() {
    let queue = Queue::default();
    queue.push([Item::Deferred(1), Item::Deferred(2)]);
    queue.push([Item::Deferred(3)]);
    let mut taken = VecDeque::new();
    queue.take_all(&mut taken);
    let numbers: Vec<u64> = taken.iter().map(|item| if let Item::Deferred(n) = item { *n } else { 0 }).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert!(queue.poll_ready(&Context::from_waker(Waker::noop())).is_pending());
}

#[test]
fn releases_the_memory_of_a_burst_that_is_taken() {
    let queue = Queue::default();
    queue.push((0..100_000).map(Item::Deferred));
    let mut taken = VecDeque::new();
    for round in 0..3 {
        queue.take_all(&mut taken);
        assert!(round == 0 || taken.capacity() < 2000, "{} places after {round} rounds", taken.capacity());
        taken.clear();
    }
}

#[test]
fn wakes_a_host_that_waits_once() {
    let queue = Queue::default();
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    assert!(queue.poll_ready(&Context::from_waker(&waker)).is_pending());
    queue.push([]);
    assert_eq!(count.0.load(Ordering::Relaxed), 0);
    queue.push([Item::Deferred(1)]);
    queue.push([Item::Deferred(2)]);
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert!(queue.poll_ready(&Context::from_waker(&waker)).is_ready());
}

#[test]
fn admits_nothing_at_the_limit_and_wakes_the_reader_once_at_half() {
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let budget = Budget::new(4 * EVENT_OVERHEAD);
    let mut charges = Vec::new();
    while let Some(admitted) = budget.poll_admits(&waker) {
        assert_eq!(admitted, (4 - charges.len()) * EVENT_OVERHEAD);
        charges.push(budget.charge(cost(0)));
    }
    assert_eq!(charges.len(), 4);
    charges.pop();
    assert!(budget.poll_admits(&waker).is_none(), "more than half is still charged");
    assert_eq!(count.0.load(Ordering::Relaxed), 0);
    charges.pop();
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert_eq!(budget.poll_admits(&waker), Some(2 * EVENT_OVERHEAD));
}

#[test]
fn admits_one_event_of_any_size_below_the_limit() {
    let budget = Budget::new(1);
    assert_eq!(budget.poll_admits(Waker::noop()), Some(1));
    let charge = budget.charge(cost(1_000_000));
    assert_eq!(budget.poll_admits(Waker::noop()), None);
    drop(charge);
    assert_eq!(budget.poll_admits(Waker::noop()), Some(1));
}

#[test]
fn releases_a_charge_in_parts() {
    let budget = Budget::new(100);
    let mut whole = budget.charge(100);
    let first = whole.split(60);
    assert_eq!(budget.poll_admits(Waker::noop()), None);
    drop(first);
    assert_eq!(budget.poll_admits(Waker::noop()), Some(60));
    let rest = whole.split(1000);
    drop(whole);
    assert_eq!(budget.poll_admits(Waker::noop()), Some(60));
    drop(rest);
    assert_eq!(budget.poll_admits(Waker::noop()), Some(100));
}
