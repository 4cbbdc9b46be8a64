//! The inbox of a Lua state: everything that waits for `poll`, wherever it waits.
//!
//! Comes in: events of connections and deferred functions, by the queue. Goes out: one item after another, in their order.
//! It also knows whether a poll is dispatching and how many polls have begun. It knows nothing of what an item means.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use mlua::Lua;

use super::delivery::Delivery;
use crate::queue::{Item, Queue};

/// What waits for the polls of one Lua state.
pub struct Inbox {
    /// Where other threads put events.
    pub queue: Arc<Queue>,
    /// The calls of callbacks; it keeps one that was cut off.
    pub delivery: Delivery,
    /// What was taken from the queue and is not dispatched yet.
    pending: RefCell<VecDeque<Item>>,
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
            dispatching: Cell::new(false),
            turn: Cell::new(0),
        })
    }

    /// Is ready when anything waits. If nothing does, registers the host to be woken when an item arrives.
    pub fn poll_ready(&self, cx: &Context<'_>) -> Poll<()> {
        if !self.pending.borrow().is_empty() || self.delivery.has_unfinished() {
            return Poll::Ready(());
        }
        self.queue.poll_ready(cx)
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

    /// Takes over what waits in the queue; returns how many items wait now.
    pub fn collect(&self) -> usize {
        let mut pending = self.pending.borrow_mut();
        self.queue.take_all(&mut pending);
        pending.len()
    }

    /// Returns the first item that was collected.
    pub fn next(&self) -> Option<Item> {
        self.pending.borrow_mut().pop_front()
    }

    /// Puts an item back in front of the others.
    pub fn put_back(&self, item: Item) {
        self.pending.borrow_mut().push_front(item);
    }

    /// Drops everything that was collected.
    pub fn clear(&self) {
        self.pending.borrow_mut().clear();
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
