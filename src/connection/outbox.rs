//! What the script wants done on one connection, until the connection does it.
//!
//! Comes in, on the host's thread: messages, pings, and the wish to close. Goes out, on the runtime's: the same in
//! order, and exact accounts of what the transport has not taken yet. Never blocks on the network, holds no I/O.

use std::collections::VecDeque;
use std::mem;
use std::task::Waker;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::close::CloseFrame;
use crate::event::Kind;
use crate::protocol::encoded_len;

/// What a message is charged beside its encoded bytes.
pub const MESSAGE_OVERHEAD: usize = 128;

/// Places for messages that an idle outbox may keep.
const KEPT: usize = 64;

/// What goes to the peer.
#[derive(Debug)]
pub enum Outgoing {
    /// A message.
    Message {
        /// Text or binary.
        kind: Kind,
        /// Of text, UTF-8.
        payload: Vec<u8>,
        /// May go compressed, where that was agreed.
        compress: bool,
    },
    /// A Ping frame, at most 125 bytes.
    Ping(Vec<u8>),
}

impl Outgoing {
    /// Makes a message that may go compressed.
    pub fn message(kind: Kind, payload: Vec<u8>) -> Outgoing {
        Outgoing::Message { kind, payload, compress: true }
    }

    /// Returns the bytes that `buffered_amount` counts.
    pub fn payload(&self) -> usize {
        match self {
            Outgoing::Message { payload, .. } => payload.len(),
            Outgoing::Ping(_) => 0,
        }
    }

    /// Returns the bytes that `max_buffered` bounds; compression does not count, as it is not done yet.
    pub fn cost(&self) -> usize {
        let (Outgoing::Message { payload, .. } | Outgoing::Ping(payload)) = self;
        encoded_len(payload.len()) + MESSAGE_OVERHEAD
    }
}

/// Why the outbox takes nothing.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The connection is closing or over.
    Closed,
    /// It holds that many bytes already.
    Full(usize),
}

/// How the script wants the connection to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// It does not.
    Stay,
    /// After what waits, with a Close frame that has this body.
    Close(Option<CloseFrame>),
    /// The host goes away: as by `Close`, and nobody will take what still arrives.
    Leave(Option<CloseFrame>),
    /// At once and without a Close frame.
    Terminate,
}

/// How far the connection has come with what was sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// Everything is with the transport.
    Written,
    /// Something waits still.
    Waiting,
    /// The connection is over, and something was never written.
    Ended,
}

/// The outbox of one connection.
#[derive(Debug)]
pub struct Outbox {
    limit: usize,
    state: Mutex<State>,
    /// Told when everything is written, and at the end.
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    waiting: VecDeque<Outgoing>,
    accepts: bool,
    ended: bool,
    wish: Wish,
    payload: usize,
    held: usize,
    connection: Option<Waker>,
}

impl Outbox {
    /// Makes an outbox that refuses once it holds `limit` bytes.
    pub fn new(limit: usize) -> Outbox {
        let state = State {
            waiting: VecDeque::new(),
            accepts: true,
            ended: false,
            wish: Wish::Stay,
            payload: 0,
            held: 0,
            connection: None,
        };
        Outbox { limit, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Takes what `make` makes, which is called only where there is room.
    ///
    /// # Errors
    /// The connection is closing, or what is held before is at or over the limit.
    pub fn send(&self, make: impl FnOnce() -> Outgoing) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        if !state.accepts {
            return Err(Refusal::Closed);
        }
        if state.held >= self.limit {
            return Err(Refusal::Full(state.held));
        }
        let outgoing = make();
        state.payload += outgoing.payload();
        state.held += outgoing.cost();
        state.waiting.push_back(outgoing);
        state.wake();
        Ok(())
    }

    /// Asks for the end; a later wish counts only where it is stronger. From here on nothing is taken.
    pub fn end_by(&self, wish: Wish) {
        let mut state = self.state.lock();
        state.accepts = false;
        state.wish = match (mem::replace(&mut state.wish, Wish::Stay), wish) {
            (Wish::Stay, wish) | (_, wish @ Wish::Terminate) => wish,
            (Wish::Close(body), Wish::Leave(_)) => Wish::Leave(body),
            (earlier, _) => earlier,
        };
        state.wake();
    }

    /// Returns the bytes of payload accepted and not yet given to the transport; after the end, what never was.
    pub fn buffered(&self) -> usize {
        self.state.lock().payload
    }

    /// Tells whether messages are taken.
    pub fn accepts(&self) -> bool {
        self.state.lock().accepts
    }

    /// Waits, at most for `limit`, until everything is written or the connection is over.
    pub fn wait_written(&self, limit: Duration) -> Progress {
        let mut state = self.state.lock();
        self.changed.wait_while_for(&mut state, |state| state.held > 0 && !state.ended, limit);
        match (state.held, state.ended) {
            (0, _) => Progress::Written,
            (_, true) => Progress::Ended,
            _ => Progress::Waiting,
        }
    }

    /// Waits until the connection is over or `deadline` has passed.
    pub fn wait_ended(&self, deadline: Instant) {
        let mut state = self.state.lock();
        self.changed.wait_while_until(&mut state, |state| !state.ended, deadline);
    }

    /// Has `waker` woken when the script sends or wishes something, and returns the wish. For the connection.
    pub(super) fn wish(&self, waker: &Waker) -> Wish {
        let mut state = self.state.lock();
        if !state.connection.as_ref().is_some_and(|known| known.will_wake(waker)) {
            state.connection = Some(waker.clone());
        }
        state.wish.clone()
    }

    /// Takes the next to send. For the connection.
    pub(super) fn next(&self) -> Option<Outgoing> {
        let mut state = self.state.lock();
        let next = state.waiting.pop_front();
        if next.is_none() && state.waiting.capacity() > KEPT {
            state.waiting = VecDeque::new();
        }
        next
    }

    /// Takes no more from the script. For the connection.
    pub(super) fn shut(&self) {
        self.state.lock().accepts = false;
    }

    /// Takes no more from the script, and drops what waits: the peer would not read it. For the connection.
    pub(super) fn refuse(&self) {
        let mut state = self.state.lock();
        state.accepts = false;
        state.waiting = VecDeque::new();
    }

    /// Accounts for payload that the transport has taken, and for the cost of messages it has taken whole. For the
    /// connection.
    pub(super) fn written(&self, payload: usize, cost: usize) {
        let mut state = self.state.lock();
        state.payload -= payload;
        state.held -= cost;
        if state.held == 0 && cost > 0 {
            self.changed.notify_all();
        }
    }

    /// Marks the connection as over. For the connection.
    pub(super) fn end(&self) {
        let mut state = self.state.lock();
        state.accepts = false;
        state.ended = true;
        state.waiting = VecDeque::new();
        state.connection = None;
        self.changed.notify_all();
    }
}

impl State {
    fn wake(&self) {
        if let Some(connection) = &self.connection {
            connection.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::close::CloseCode;

    fn text(length: usize) -> Outgoing {
        Outgoing::message(Kind::Text, vec![b'x'; length])
    }

    #[test]
    fn takes_one_message_of_any_size_below_the_limit() {
        let outbox = Outbox::new(1000);
        assert_eq!(outbox.send(|| text(10_000_000)), Ok(()));
        assert!(matches!(outbox.send(|| text(0)), Err(Refusal::Full(held)) if held > 10_000_000));
        assert_eq!(outbox.buffered(), 10_000_000);
    }

    #[test]
    fn refuses_exactly_at_the_limit() {
        let one = text(10).cost();
        let outbox = Outbox::new(2 * one);
        assert_eq!(outbox.send(|| text(10)), Ok(()));
        assert_eq!(outbox.send(|| text(10)), Ok(()));
        assert_eq!(outbox.send(|| text(10)), Err(Refusal::Full(2 * one)));
        let first = outbox.next().unwrap();
        outbox.written(first.payload(), first.cost());
        assert_eq!(outbox.send(|| text(10)), Ok(()));
    }

    #[test]
    fn keeps_count_of_what_was_never_written() {
        let outbox = Outbox::new(1000);
        outbox.send(|| text(10)).unwrap();
        outbox.send(|| Outgoing::Ping(vec![1; 5])).unwrap();
        outbox.written(4, 0);
        outbox.end();
        assert_eq!((outbox.buffered(), outbox.send(|| text(1))), (6, Err(Refusal::Closed)));
        assert_eq!(outbox.wait_written(Duration::from_secs(10)), Progress::Ended);
    }

    #[test]
    fn holds_nothing_large_when_a_burst_is_taken() {
        let outbox = Outbox::new(usize::MAX);
        for _ in 0..10_000 {
            outbox.send(|| text(0)).unwrap();
        }
        while outbox.next().is_some() {}
        assert!(outbox.state.lock().waiting.capacity() <= KEPT);
    }

    #[test]
    fn keeps_the_first_close_unless_a_stronger_wish_comes() {
        let body = |code| Some(CloseFrame::new(code, ""));
        let outbox = Outbox::new(1000);
        outbox.end_by(Wish::Close(body(CloseCode::NORMAL)));
        outbox.end_by(Wish::Close(body(CloseCode::GOING_AWAY)));
        assert_eq!(outbox.wish(Waker::noop()), Wish::Close(body(CloseCode::NORMAL)));
        outbox.end_by(Wish::Leave(body(CloseCode::GOING_AWAY)));
        assert_eq!(outbox.wish(Waker::noop()), Wish::Leave(body(CloseCode::NORMAL)));
        outbox.end_by(Wish::Terminate);
        outbox.end_by(Wish::Close(None));
        assert_eq!(outbox.wish(Waker::noop()), Wish::Terminate);
    }
}
