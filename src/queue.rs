//! Where connections meet the host's thread: one queue for each Lua state, one byte budget for each connection.
//!
//! Comes in: events of many connections, functions that the script defers and timers that are due, in order of arrival.
//! Goes out: all of them, to the one thread that polls. Reading from a connection whose budget is used up is paused
//! until the host has released half of it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::{io, mem};

use crate::batch::Batch;
use crate::event::Event;
use crate::readiness::Readiness;
use crate::sync::Mutex;

/// Identifies a connection within its Lua state.
pub type ConnectionId = u64;

/// What an event is charged in addition to its payload.
pub const EVENT_OVERHEAD: usize = 128;

/// How much of the lines for the logger may wait, in bytes: their text and [`EVENT_OVERHEAD`] for each.
pub const MAX_LINES: usize = 256 * 1024;

/// The capacity, in items, that an empty queue may keep.
const KEPT: usize = 1024;

/// What waits for the host.
#[derive(Debug)]
pub enum Item {
    /// Something happened on a connection.
    Event(ConnectionId, Event, Charge),
    /// Messages arrived together on a connection.
    Messages(ConnectionId, Batch, Charge),
    /// The script deferred the function of this number.
    Deferred(u64),
    /// The timer of this number is due, unless it was cancelled meanwhile.
    Timer(u64),
}

impl Item {
    /// Returns how many events, deferred functions and timers it is.
    pub fn count(&self) -> usize {
        match self {
            Item::Event(..) | Item::Deferred(_) | Item::Timer(_) => 1,
            Item::Messages(_, messages, _) => messages.len(),
        }
    }
}

/// The queue of one Lua state.
#[derive(Debug, Default)]
pub struct Queue {
    state: Mutex<State>,
    /// The script has a logger.
    wants_lines: AtomicBool,
    lines: OnceLock<Lines>,
}

/// What is known of the lines for the logger.
#[derive(Debug)]
pub struct Lines {
    /// Bounds those that wait.
    pub budget: Arc<Budget>,
    /// How many did not fit, since the last one that did.
    pub left_out: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    items: VecDeque<Item>,
    /// The host to wake when an item arrives; set while it waits.
    host: Option<Waker>,
    /// The descriptor that is readable while items are there, once the host has asked for it.
    readiness: Option<Readiness>,
}

impl Queue {
    /// Appends items in their order, and wakes the host if it waits.
    pub fn push(&self, new: impl IntoIterator<Item = Item>) {
        let host = {
            let mut state = self.state.lock();
            state.items.extend(new);
            if state.items.is_empty() {
                return;
            }
            if let Some(readiness) = &mut state.readiness {
                readiness.set();
            }
            state.host.take()
        };
        if let Some(host) = host {
            host.wake();
        }
    }

    /// Notes that the script has a logger.
    pub fn start_lines(&self) {
        self.wants_lines.store(true, Ordering::Relaxed);
    }

    /// Notes that the script has no logger any more.
    pub fn stop_lines(&self) {
        self.wants_lines.store(false, Ordering::Relaxed);
    }

    /// Returns what is known of the lines for the logger; nothing if the script has none.
    pub fn lines(&self) -> Option<&Lines> {
        let make = || Lines { budget: Budget::new(MAX_LINES), left_out: AtomicUsize::new(0) };
        self.wants_lines.load(Ordering::Relaxed).then(|| self.lines.get_or_init(make))
    }

    /// Returns the descriptor that is readable while items are here, or were left by the host. It is made when it is
    /// first asked for, and is not readable before the next [`settle`](Queue::settle).
    ///
    /// # Errors
    /// The process has no descriptors left.
    pub fn descriptor(&self) -> io::Result<i64> {
        let mut state = self.state.lock();
        if let Some(readiness) = &state.readiness {
            return Ok(readiness.descriptor());
        }
        Ok(state.readiness.insert(Readiness::new()?).descriptor())
    }

    /// Makes the descriptor readable or not, after a dispatch, which [`take_all`](Queue::take_all) has begun.
    pub fn settle(&self, left: Left) {
        let mut state = self.state.lock();
        let waits = left == Left::Some || !state.items.is_empty();
        if let Some(readiness) = &mut state.readiness {
            readiness.unmute();
            if waits {
                readiness.set();
            }
        }
    }

    /// Moves everything that waits to the end of `taken`, and releases the memory that a burst needed. The descriptor is
    /// not readable until [`settle`](Queue::settle).
    pub fn take_all(&self, taken: &mut VecDeque<Item>) {
        let mut state = self.state.lock();
        if let Some(readiness) = &mut state.readiness {
            readiness.mute();
        }
        let items = &mut state.items;
        if taken.is_empty() {
            mem::swap(taken, items);
        } else {
            taken.append(items);
        }
        // A flow as large as this one needs the same capacity next time, so that is kept.
        if items.capacity() > KEPT.max(4 * taken.len()) {
            *items = VecDeque::new();
        }
    }

    /// Is ready when an item is there. If none is, registers the host to be woken when one arrives.
    pub fn poll_ready(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.items.is_empty() {
            state.host = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

/// Whether the host has taken items that it has not dispatched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It has.
    Some,
    /// It has not.
    None,
}

/// Returns what an event with `payload` bytes is charged.
pub const fn cost(payload: usize) -> usize {
    payload + EVENT_OVERHEAD
}

/// Bounds what one connection may have in the queue.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    state: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    /// The script wants no reading.
    held_back: bool,
    /// The reader to wake when half of the limit is free again; set while reading is paused.
    reader: Option<Waker>,
}

impl Budget {
    /// Makes a budget of `limit` bytes.
    pub fn new(limit: usize) -> Arc<Budget> {
        Arc::new(Budget { limit, state: Mutex::new(Held::default()) })
    }

    /// Admits nothing until [`resume`](Budget::resume).
    pub fn pause(&self) {
        self.state.lock().held_back = true;
    }

    /// Ends a pause.
    pub fn resume(&self) {
        self.state.lock().held_back = false;
        self.release(0);
    }

    /// Returns how many bytes may be charged before no further event is admitted, which is more than 0; the event that
    /// reaches that number is still admitted. If none is admitted, returns nothing and registers the reader to be woken
    /// when half of the limit is free.
    pub fn poll_admits(&self, reader: &Waker) -> Option<usize> {
        let mut held = self.state.lock();
        if held.bytes < self.limit && held.reader.is_none() && !held.held_back {
            return Some(self.limit - held.bytes);
        }
        held.reader = Some(reader.clone());
        None
    }

    /// Is ready when the queue has capacity. If it has none, registers the reader to be woken and to ask again.
    pub fn poll_has_capacity(&self, reader: &Waker) -> Poll<()> {
        let mut held = self.state.lock();
        if held.bytes < self.limit {
            return Poll::Ready(());
        }
        held.reader = Some(reader.clone());
        Poll::Pending
    }

    /// Returns whether the host is done with all events. If it is not, registers the reader to be woken and to ask
    /// again.
    pub fn poll_idle(&self, reader: &Waker) -> bool {
        let mut held = self.state.lock();
        if held.bytes > 0 {
            held.reader = Some(reader.clone());
        }
        held.bytes == 0
    }

    /// Charges an event if it fits into the limit.
    pub fn try_charge(self: &Arc<Self>, cost: usize) -> Option<Charge> {
        let mut held = self.state.lock();
        if held.bytes + cost > self.limit {
            return None;
        }
        held.bytes += cost;
        Some(Charge(Some((Arc::clone(self), cost))))
    }

    /// Charges events of `cost` bytes in all; the charge is released when the result is dropped.
    pub fn charge(self: &Arc<Self>, cost: usize) -> Charge {
        self.state.lock().bytes += cost;
        Charge(Some((Arc::clone(self), cost)))
    }

    fn release(&self, bytes: usize) {
        let reader = {
            let mut held = self.state.lock();
            held.bytes -= bytes;
            let may_read = held.bytes <= self.limit / 2 && !held.held_back;
            // One that waits until the host is done with all does not read.
            if may_read || held.bytes == 0 { held.reader.take() } else { None }
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

/// A share of a [`Budget`], which is released when this is dropped.
#[derive(Debug)]
pub struct Charge(Option<(Arc<Budget>, usize)>);

impl Charge {
    /// Makes a charge of nothing, for events that must always be delivered.
    pub fn none() -> Charge {
        Charge(None)
    }

    /// Takes a part of `cost` bytes out of this charge, at most all of it, which is released on its own.
    pub fn split(&mut self, cost: usize) -> Charge {
        let Some((budget, bytes)) = &mut self.0 else { return Charge(None) };
        let part = cost.min(*bytes);
        *bytes -= part;
        Charge(Some((Arc::clone(budget), part)))
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        // In the child of a fork the lock may be held by a thread that does not exist there.
        if let (Some((budget, bytes)), false) = (self.0.take(), crate::process::is_forked_child()) {
            budget.release(bytes);
        }
    }
}
