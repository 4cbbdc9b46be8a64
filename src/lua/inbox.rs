//! The inbox of a Lua state: everything that waits for `poll`, wherever it waits.
//!
//! Comes in: events of connections and deferred functions, by the queue. Goes out: one item after another, in their order.
//! It also knows whether a poll is dispatching and how many polls have begun. It knows nothing of what an item means.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use mlua::Lua;

use super::delivery::Delivery;
use crate::event::Event;
use crate::queue::{self, Item, Queue};

/// What waits for the polls of one Lua state.
pub struct Inbox {
    /// Where other threads put events.
    pub queue: Arc<Queue>,
    /// The calls of callbacks; it keeps one that was cut off.
    pub delivery: Delivery,
    /// What was taken from the queue and is not dispatched yet.
    pending: RefCell<VecDeque<Item>>,
    /// How many events and deferred functions that is.
    count: Cell<usize>,
    dispatching: Cell<bool>,
    turn: Cell<u64>,
}

impl Inbox {
    /// Makes the inbox of a state.
    pub fn new(lua: &Lua) -> mlua::Result<Inbox> {
        Ok(Inbox {
            queue: Arc::default(),
            delivery: Delivery::new(lua)?,
            pending: RefCell::default(),
            count: Cell::new(0),
            dispatching: Cell::new(false),
            turn: Cell::new(0),
        })
    }

    /// Tells whether anything waits. If nothing does, waits for up to `limit`.
    pub fn wait(&self, limit: Duration) -> bool {
        !self.pending.borrow().is_empty() || self.delivery.has_unfinished() || self.queue.wait(limit)
    }

    /// Counts one more poll.
    pub fn begin_turn(&self) {
        self.turn.set(self.turn.get() + 1);
    }

    /// Returns how many polls have begun.
    pub fn turn(&self) -> u64 {
        self.turn.get()
    }

    /// Tells whether a poll is dispatching, which is when its callbacks run.
    pub fn is_dispatching(&self) -> bool {
        self.dispatching.get()
    }

    /// Notes that a poll is dispatching, until the result is dropped.
    pub fn start_dispatching(&self) -> Dispatching<'_> {
        self.dispatching.set(true);
        Dispatching(self)
    }

    /// Takes over what waits in the queue; returns how many events and deferred functions wait now.
    pub fn collect(&self) -> usize {
        let mut pending = self.pending.borrow_mut();
        let known = pending.len();
        self.queue.take_all(&mut pending);
        self.count.set(self.count.get() + pending.iter().skip(known).map(Item::len).sum::<usize>());
        self.count.get()
    }

    /// Returns the first event or deferred function that was collected.
    pub fn next(&self) -> Option<Item> {
        let mut pending = self.pending.borrow_mut();
        self.count.set(self.count.get().saturating_sub(1));
        let Some(Item::Messages(id, batch, charge)) = pending.front_mut() else { return pending.pop_front() };
        let item = batch.front().map(|(kind, payload)| {
            let charge = charge.split(queue::cost(payload.len()));
            Item::Event(*id, Event::Message(kind, payload.to_vec()), charge)
        });
        batch.pop();
        if batch.is_empty() {
            pending.pop_front();
        }
        item
    }

    /// Puts an item back in front of the others.
    pub fn put_back(&self, item: Item) {
        self.count.set(self.count.get() + item.len());
        self.pending.borrow_mut().push_front(item);
    }

    /// Drops everything that was collected.
    pub fn clear(&self) {
        self.pending.borrow_mut().clear();
        self.count.set(0);
        self.delivery.clear();
    }
}

/// Shows that a poll is dispatching while it exists.
pub struct Dispatching<'a>(&'a Inbox);

impl Drop for Dispatching<'_> {
    fn drop(&mut self) {
        self.0.dispatching.set(false);
    }
}
