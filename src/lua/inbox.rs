//! The inbox of a Lua state: everything that waits for `poll`, wherever it waits.
//!
//! Comes in: events of connections, deferred functions and timers, by the queue. Goes out: one item after another, in
//! their order. An item stays in front of the others until its callback is about to be called. It also knows whether a
//! poll is dispatching and how many polls have begun. It knows nothing of what an item means, and nothing of Lua.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::batch::Batch;
use crate::event::{Event, Kind};
use crate::queue::{self, Charge, ConnectionId, Item, Left, Queue};

/// The cost of messages of one batch, in bytes, that is released at once: a lock for each message would cost more.
const RELEASED_AT_ONCE: usize = 4096;

/// What waits for the polls of one Lua state.
#[derive(Default)]
pub struct Inbox {
    /// Where other threads put events.
    pub queue: Arc<Queue>,
    /// The messages in front, of one connection.
    messages: RefCell<Option<Messages>>,
    /// What was taken from the queue and is not dispatched yet, after those.
    pending: RefCell<VecDeque<Item>>,
    /// How many events, deferred functions and timers `messages` and `pending` hold.
    count: Cell<usize>,
    dispatching: Cell<bool>,
    /// How many of the pending ones this dispatch may take: those that waited when it began.
    waiting: Cell<usize>,
    /// How many callbacks this dispatch may still call.
    left: Cell<usize>,
    /// How many callbacks it has called.
    ran: Cell<usize>,
    /// The charge of what was taken and not finished, unless it is a message that others of its batch follow.
    charge: RefCell<Option<Charge>>,
    /// The cost of that message, or 0.
    cost: Cell<usize>,
    /// The cost of messages that are finished, and still charged with those in front.
    done: Cell<usize>,
    turn: Cell<u64>,
    /// The host has asked for the descriptor.
    has_descriptor: Cell<bool>,
}

/// Messages that arrived together, with their connection and their charge.
struct Messages {
    id: ConnectionId,
    batch: Batch,
    charge: Charge,
}

impl Messages {
    #[inline]
    fn next(&self) -> Option<Next> {
        self.batch.front().map(|(kind, payload)| Next::Message(self.id, kind, &raw const *payload))
    }
}

/// What comes next.
#[derive(Clone, Copy)]
pub enum Next {
    /// The deferred function of this number.
    Deferred(u64),
    /// The timer of this number.
    Timer(u64),
    /// An event of this connection.
    Event(ConnectionId),
    /// A message of this connection. The pointer is valid until the message is taken.
    Message(ConnectionId, Kind, *const [u8]),
}

impl Inbox {
    /// Is ready when anything waits. If nothing does, registers the host to be woken when an item arrives.
    pub fn poll_ready(&self, cx: &Context<'_>) -> Poll<()> {
        if self.count.get() == 0 { self.queue.poll_ready(cx) } else { Poll::Ready(()) }
    }

    /// Returns the descriptor that is readable while anything waits; it is made when it is first asked for.
    ///
    /// # Errors
    /// The process has no descriptors left.
    pub fn descriptor(&self) -> io::Result<i64> {
        let descriptor = self.queue.descriptor()?;
        if !self.has_descriptor.replace(true) && !self.dispatching.get() {
            self.queue.settle(self.left());
        }
        Ok(descriptor)
    }

    fn left(&self) -> Left {
        if self.count.get() == 0 { Left::None } else { Left::Some }
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

    /// Begins to dispatch what waits now, with at most `max` callbacks; returns how many callbacks that may be.
    pub fn start(&self, max: usize) -> usize {
        self.dispatching.set(true);
        let mut pending = self.pending.borrow_mut();
        let known = pending.len();
        self.queue.take_all(&mut pending);
        let new: usize = pending.iter().skip(known).map(Item::count).sum();
        self.count.set(self.count.get() + new);
        self.waiting.set(self.count.get());
        self.left.set(max);
        self.ran.set(0);
        self.waiting.get().min(max)
    }

    /// Ends dispatching; returns how many callbacks were called.
    pub fn stop(&self) -> usize {
        self.dispatching.set(false);
        self.release_done();
        if self.has_descriptor.get() {
            self.queue.settle(self.left());
        }
        self.ran.get()
    }

    /// Tells what comes next, which is not taken yet; nothing if this dispatch is at its end.
    #[inline]
    pub fn next(&self) -> Option<Next> {
        if self.waiting.get() == 0 || self.left.get() == 0 {
            return None;
        }
        if let Some(messages) = &*self.messages.borrow() {
            return messages.next();
        }
        self.next_pending()
    }

    fn next_pending(&self) -> Option<Next> {
        let mut pending = self.pending.borrow_mut();
        match pending.front()? {
            Item::Deferred(number) => return Some(Next::Deferred(*number)),
            Item::Timer(number) => return Some(Next::Timer(*number)),
            Item::Event(id, ..) => return Some(Next::Event(*id)),
            Item::Messages(..) => {}
        }
        let Some(Item::Messages(id, batch, charge)) = pending.pop_front() else { return None };
        self.messages.borrow_mut().insert(Messages { id, batch, charge }).next()
    }

    /// Shows the event in front, which stays there.
    pub fn look<T>(&self, look: impl FnOnce(&mut Event) -> T) -> Option<T> {
        match self.pending.borrow_mut().front_mut()? {
            Item::Event(_, event, _) => Some(look(event)),
            Item::Messages(..) | Item::Deferred(_) | Item::Timer(_) => None,
        }
    }

    /// Takes the event, the deferred function or the timer in front; returns the event.
    pub fn take(&self) -> Option<Event> {
        let (event, charge) = match self.pending.borrow_mut().pop_front()? {
            Item::Event(_, event, charge) => (Some(event), charge),
            Item::Messages(_, _, charge) => (None, charge),
            Item::Deferred(_) | Item::Timer(_) => (None, Charge::none()),
        };
        self.note_taken();
        self.charge.replace(Some(charge));
        event
    }

    /// Takes the message in front. The last one of a batch carries what is left of its charge.
    #[inline]
    pub fn take_message(&self) {
        let mut messages = self.messages.borrow_mut();
        let Some(Messages { batch, .. }) = messages.as_mut() else { return };
        self.note_taken();
        let payload = batch.pop();
        if !batch.is_empty() {
            return self.cost.set(queue::cost(payload));
        }
        self.done.set(0);
        if let Some(Messages { charge, .. }) = messages.take() {
            self.charge.replace(Some(charge));
        }
    }

    /// Takes all messages in front that arrived together, with what is charged for them.
    pub fn take_messages(&self) -> Option<(Batch, Charge)> {
        let Messages { batch, charge, .. } = self.messages.take()?;
        self.waiting.set(self.waiting.get() - batch.len());
        self.count.set(self.count.get() - batch.len());
        self.charge.replace(Some(Charge::none()));
        Some((batch, charge))
    }

    /// Takes what is charged for the event that was taken, so that it is not released with that.
    pub fn take_charge(&self) -> Charge {
        self.charge.replace(Some(Charge::none())).unwrap_or_else(Charge::none)
    }

    fn note_taken(&self) {
        self.waiting.set(self.waiting.get() - 1);
        self.count.set(self.count.get() - 1);
    }

    /// Counts the callback of the item that was taken.
    pub fn count(&self) {
        self.left.set(self.left.get() - 1);
        self.ran.set(self.ran.get() + 1);
    }

    /// Releases what is charged for what was taken; tells whether something was.
    #[inline]
    pub fn finish(&self) -> bool {
        match self.cost.take() {
            0 => self.charge.take().is_some(),
            cost => {
                self.done.set(self.done.get() + cost);
                if self.done.get() >= RELEASED_AT_ONCE {
                    self.release_done();
                }
                true
            }
        }
    }

    fn release_done(&self) {
        let done = self.done.take();
        if done > 0
            && let Some(messages) = self.messages.borrow_mut().as_mut()
        {
            messages.charge.split(done);
        }
    }

    /// Drops everything that was collected.
    pub fn clear(&self) {
        self.messages.take();
        self.pending.borrow_mut().clear();
        self.count.set(0);
        self.cost.set(0);
        self.done.set(0);
        self.charge.take();
    }
}
