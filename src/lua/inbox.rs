//! The inbox of a Lua state: everything that waits for `poll`, wherever it waits.
//!
//! Comes in: events of connections and deferred functions, by the queue. Goes out: one item after another, in their order.
//! An item stays in front of the others until its callback is about to be called. It also knows whether a poll is
//! dispatching and how many polls have begun. It knows nothing of what an item means, and nothing of Lua.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::event::Event;
use crate::queue::{Charge, ConnectionId, Item, Queue};

/// What waits for the polls of one Lua state.
#[derive(Default)]
pub struct Inbox {
    /// Where other threads put events.
    pub queue: Arc<Queue>,
    /// What was taken from the queue and is not dispatched yet.
    pending: RefCell<VecDeque<Item>>,
    dispatching: Cell<bool>,
    /// How many of the pending items this dispatch may take: those that waited when it began.
    waiting: Cell<usize>,
    /// How many callbacks this dispatch may still call.
    left: Cell<usize>,
    /// How many callbacks it has called.
    ran: Cell<usize>,
    /// The charge of the item that was taken. It is released when its callback has returned.
    taken: RefCell<Option<Charge>>,
    turn: Cell<u64>,
}

/// Whose turn it is.
#[derive(Clone, Copy)]
pub enum Next {
    /// The deferred function of this number.
    Deferred(u64),
    /// An event of this connection.
    Event(ConnectionId),
}

impl Inbox {
    /// Tells whether anything waits. If nothing does, waits for up to `limit`.
    pub fn wait(&self, limit: Duration) -> bool {
        !self.pending.borrow().is_empty() || self.queue.wait(limit)
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

    /// Begins to dispatch what waits now, with at most `max` callbacks.
    pub fn start(&self, max: usize) {
        self.dispatching.set(true);
        let mut pending = self.pending.borrow_mut();
        self.queue.take_all(&mut pending);
        self.waiting.set(pending.len());
        self.left.set(max);
        self.ran.set(0);
    }

    /// Ends dispatching; returns how many callbacks were called.
    pub fn stop(&self) -> usize {
        self.dispatching.set(false);
        self.ran.get()
    }

    /// Tells whose turn it is; nothing if this dispatch is at its end.
    pub fn next(&self) -> Option<Next> {
        if self.waiting.get() == 0 || self.left.get() == 0 {
            return None;
        }
        match self.pending.borrow().front()? {
            Item::Deferred(number) => Some(Next::Deferred(*number)),
            Item::Event(id, ..) => Some(Next::Event(*id)),
        }
    }

    /// Shows the event in front, which stays there.
    pub fn look<T>(&self, look: impl FnOnce(&mut Event) -> T) -> Option<T> {
        match self.pending.borrow_mut().front_mut() {
            Some(Item::Event(_, event, _)) => Some(look(event)),
            _ => None,
        }
    }

    /// Takes the item in front; returns its event, if it is one.
    pub fn take(&self) -> Option<Event> {
        self.waiting.set(self.waiting.get() - 1);
        match self.pending.borrow_mut().pop_front()? {
            Item::Deferred(_) => {
                self.taken.replace(Some(Charge::none()));
                None
            }
            Item::Event(_, event, charge) => {
                self.taken.replace(Some(charge));
                Some(event)
            }
        }
    }

    /// Counts the callback of the item that was taken.
    pub fn count(&self) {
        self.left.set(self.left.get() - 1);
        self.ran.set(self.ran.get() + 1);
    }

    /// Releases the charge of the item that was taken; tells whether one was.
    pub fn finish(&self) -> bool {
        self.taken.take().is_some()
    }

    /// Drops everything that was collected.
    pub fn clear(&self) {
        self.pending.borrow_mut().clear();
        self.taken.take();
    }
}
