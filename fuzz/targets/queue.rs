//! The event queue and the budgets of two connections: any sequence of operations, compared with a model.
//!
//! Input: a byte for the limit of the budgets, then operations. An operation is a byte, whose lower half chooses the
//! kind, and whose upper half the connection and the reader; two bytes more choose a size if the operation needs one.
#![no_main]

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Wake, Waker};

use libfuzzer_sys::fuzz_target;
use websocket_core::event::{Event, Kind};
use websocket_core::queue::{Budget, Charge, EVENT_OVERHEAD, Item, Queue, cost};
use websocket_fuzz::bounds::bounded;
use websocket_fuzz::input::Input;

const LIMITS: [usize; 7] = [1000, 0, 1, EVENT_OVERHEAD, 2 * EVENT_OVERHEAD + 1, 100_000, usize::MAX];

fuzz_target!(|data: &[u8]| bounded(|| run(Input::new(data))));

#[derive(Default)]
struct Reader(AtomicUsize);

impl Wake for Reader {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// An item of the queue: its number, and the connection and payload size that it is charged for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    number: u64,
    charged: Option<(usize, usize)>,
}

/// The state of a budget.
#[derive(Clone, Copy, Default)]
struct Held {
    bytes: usize,
    resting: Option<usize>,
}

struct Model {
    limit: usize,
    held: [Held; 2],
    woken: [usize; 2],
    waiting: VecDeque<Entry>,
    taken: VecDeque<Entry>,
}

impl Model {
    fn release(&mut self, charged: Option<(usize, usize)>) {
        let Some((connection, payload)) = charged else { return };
        let held = &mut self.held[connection];
        held.bytes -= payload + EVENT_OVERHEAD;
        if held.bytes <= self.limit / 2
            && let Some(reader) = held.resting.take()
        {
            self.woken[reader] += 1;
        }
    }
}

fn run(mut input: Input) {
    let limit = input.choice(&LIMITS);
    let queue = Queue::default();
    let budgets = [Budget::new(limit), Budget::new(limit)];
    let readers: [Arc<Reader>; 2] = Default::default();
    let wakers = readers.clone().map(Waker::from);
    let mut taken = VecDeque::new();
    let mut model = Model {
        limit,
        held: Default::default(),
        woken: Default::default(),
        waiting: VecDeque::new(),
        taken: VecDeque::new(),
    };
    let mut number = 0;

    while !input.is_empty() {
        let operation = input.byte();
        let (connection, reader) = (usize::from(operation >> 4) & 1, usize::from(operation >> 5) & 1);
        match operation % 16 {
            0..=3 => {
                let items: Vec<(Item, Entry)> = (0..=operation % 4)
                    .map(|_| {
                        number += 1;
                        item(number, connection, &budgets[connection], &mut input)
                    })
                    .collect();
                for (_, entry) in &items {
                    if let Some((connection, payload)) = entry.charged {
                        model.held[connection].bytes += payload + EVENT_OVERHEAD;
                    }
                    model.waiting.push_back(*entry);
                }
                queue.push(items.into_iter().map(|(item, _)| item));
            }
            4 => queue.push([]),
            5 | 6 => {
                queue.take_all(&mut taken);
                model.taken.append(&mut model.waiting);
            }
            7 | 8 => {
                let (item, entry) = (taken.pop_front(), model.taken.pop_front());
                assert_eq!(item.as_ref().map(name), entry.map(|entry| entry.number));
                drop(item);
                model.release(entry.and_then(|entry| entry.charged));
            }
            9 => {
                // The last item first, which a host does not do unless it drops its batch.
                taken.pop_back();
                let entry = model.taken.pop_back();
                model.release(entry.and_then(|entry| entry.charged));
            }
            10 | 11 => {
                let held = &mut model.held[connection];
                let admitted = held.bytes < limit && held.resting.is_none();
                if !admitted {
                    held.resting = Some(reader);
                }
                assert_eq!(budgets[connection].poll_admits(&wakers[reader]).is_some(), admitted);
            }
            12 => {
                let held = &mut model.held[connection];
                if held.bytes > 0 {
                    held.resting = Some(reader);
                }
                assert_eq!(budgets[connection].poll_idle(&wakers[reader]), held.bytes == 0);
            }
            13 => {
                // An event that is charged and dropped without being queued.
                let payload = input.number();
                model.held[connection].bytes += payload + EVENT_OVERHEAD;
                drop(budgets[connection].charge(cost(payload)));
                model.release(Some((connection, payload)));
            }
            14 => drop(Charge::none()),
            _ => {
                let is_ready = queue.poll_ready(&Context::from_waker(Waker::noop())).is_ready();
                assert_eq!(is_ready, !model.waiting.is_empty());
            }
        }
        check_wakes(&readers, &model);
    }

    drop(queue);
    for entry in std::mem::take(&mut model.waiting) {
        model.release(entry.charged);
    }
    check_wakes(&readers, &model);
    assert!(taken.iter().map(name).eq(model.taken.iter().map(|entry| entry.number)));
    drop(taken);
    for entry in std::mem::take(&mut model.taken) {
        model.release(entry.charged);
    }
    check_wakes(&readers, &model);
    for budget in &budgets {
        assert!(budget.poll_idle(&wakers[0]));
    }
}

fn item(number: u64, connection: usize, budget: &Arc<Budget>, input: &mut Input) -> (Item, Entry) {
    let payload = input.number();
    // The payload itself is not needed, because the charge is made with its size.
    let event = Event::Message(Kind::Binary, Vec::new());
    match payload % 8 {
        0 => (Item::Deferred(number), Entry { number, charged: None }),
        1 => (Item::Event(number, event, Charge::none()), Entry { number, charged: None }),
        _ => (
            Item::Event(number, event, budget.charge(cost(payload))),
            Entry { number, charged: Some((connection, payload)) },
        ),
    }
}

fn name(item: &Item) -> u64 {
    match item {
        Item::Deferred(number) | Item::Timer(number) | Item::Event(number, ..) | Item::Messages(number, ..) => *number,
    }
}

fn check_wakes(readers: &[Arc<Reader>; 2], model: &Model) {
    assert_eq!(readers.each_ref().map(|reader| reader.0.load(Relaxed)), model.woken);
}
