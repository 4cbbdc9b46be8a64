//! What the script wants done on one connection, until the connection does it.
//!
//! Comes in, on the host's thread: messages, pings, and the wish to close. Goes out, on the thread that drives: the
//! same in order, and exact accounts of what the transport has not taken yet. Never blocks on the network, holds no
//! I/O, and copies only short payloads while its lock is held. `tests/loom.rs` tries every order of the two threads.
//!
//! A message of an open connection without compression is encoded at once: a short one straight into the bytes that the
//! transport gets next, a long one into a buffer of its own. All others wait as messages, and while one does, so do
//! those that follow it.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use super::frames::{Frames, MESSAGE_OVERHEAD};
use super::outgoing::{AfterLoss, Asked, Next, Outgoing, Progress, Refusal, Wish};
use super::recovery::Recovered;
use crate::buffers;
use crate::event::Kind;
use crate::protocol::{Encoder, encoded_len};
use crate::sync::Mutex;

/// The capacity, in messages, that an idle outbox may keep.
pub(super) const KEPT: usize = 64;

/// Payloads up to this size, in bytes, are short: they are copied without checking the capacity first, and encoded side
/// by side while the lock is held, which takes about a microsecond at most. A write for each would cost more.
pub(super) const SHORT: usize = 16 * 1024;

/// Encoded bytes after which a new run begins, so that answers never wait behind all that the script has sent.
const RUN: usize = 64 * 1024;

/// A run below this size, in bytes, may be moved to grow; where one has grown as large, the next begins with memory for
/// all of it.
const SMALL_RUN: usize = 16 * 1024;

/// How many bytes may be sent before the connection gets a turn to write them, even while nobody drives it.
const AHEAD: usize = 64 * 1024;

/// The outbox of one connection.
#[derive(Debug)]
pub struct Outbox {
    limit: usize,
    after_loss: AfterLoss,
    state: Mutex<State>,
    /// The encoded bytes of what was sent since the connection was last asked to write. Only the host uses it.
    ahead: AtomicUsize,
}

#[derive(Debug)]
struct State {
    /// Encoded frames, which go out before what waits.
    encoded: VecDeque<Frames>,
    /// Present while messages may be encoded here.
    encoder: Option<Encoder>,
    /// The length in bytes of the last run of short messages.
    filled: usize,
    waiting: VecDeque<Outgoing>,
    accepts: bool,
    /// A message was refused because the outbox was full, and it still holds more than half of the limit.
    refused: bool,
    ended: bool,
    /// How often messages were lost with a connection.
    losses: usize,
    wish: Wish,
    payload: usize,
    held: usize,
    connection: Option<Waker>,
    /// The connection was woken and has not asked since.
    woken: bool,
    /// The host to wake when everything is written, and at the end; set while it waits.
    host: Option<Waker>,
}

impl Outbox {
    /// Makes an outbox that refuses once it holds `limit` bytes.
    pub fn new(limit: usize, after_loss: AfterLoss) -> Outbox {
        let state = State {
            encoded: VecDeque::new(),
            encoder: None,
            filled: 0,
            waiting: VecDeque::new(),
            accepts: true,
            refused: false,
            ended: false,
            losses: 0,
            wish: Wish::Stay,
            payload: 0,
            held: 0,
            connection: None,
            woken: false,
            host: None,
        };
        Outbox { limit, after_loss, state: Mutex::new(state), ahead: AtomicUsize::new(0) }
    }

    /// Tells early that [`send`](Outbox::send) would refuse a payload of this length, so that nobody copies a large one
    /// for nothing. Says nothing about short ones: to copy them costs less than to ask.
    ///
    /// # Errors
    /// As [`send`](Outbox::send).
    pub fn check(&self, length: usize) -> Result<(), Refusal> {
        if length <= SHORT { Ok(()) } else { self.state.lock().check(self.limit) }
    }

    /// Accepts a message. The limit is checked before the message is added, so one message of any size is accepted
    /// below the limit.
    ///
    /// # Errors
    /// The connection is closing, or the outbox already holds as much as the limit or more.
    pub fn send(&self, outgoing: Outgoing) -> Result<(), Refusal> {
        let (payload, cost) = (outgoing.payload(), outgoing.cost());
        let mut state = self.state.lock();
        state.check(self.limit)?;
        state.waiting.push_back(outgoing);
        self.note_accepted(&mut state, payload, cost);
        Ok(())
    }

    /// Accepts a message as [`send`](Outbox::send) does, and encodes it at once. Returns nothing if it must be sent as
    /// a message instead: an earlier one waits, or the connection is not open or has compression, or no memory is left.
    pub fn encode(&self, kind: Kind, payload: &[u8]) -> Option<Result<(), Refusal>> {
        if payload.len() > SHORT {
            return self.encode_long(kind, payload);
        }
        let mut state = self.state.lock();
        if let Err(refusal) = state.check(self.limit) {
            return Some(Err(refusal));
        }
        let State { encoder: Some(encoder), encoded, waiting, filled, .. } = &mut *state else { return None };
        if !waiting.is_empty() {
            return None;
        }
        let length = encoded_len(payload.len());
        if !encoded.back().is_some_and(|run| may_grow(&run.bytes, length)) {
            let bytes = if *filled >= SMALL_RUN { buffers::take(RUN + encoded_len(SHORT)) } else { Vec::new() };
            encoded.push_back(Frames { bytes, ..Frames::default() });
        }
        let run = encoded.back_mut()?;
        let cost = run.add_message(encoder, kind, payload);
        *filled = run.bytes.len();
        self.note_accepted(&mut state, payload.len(), cost);
        Some(Ok(()))
    }

    /// As [`encode`](Outbox::encode), but copies and masks while the lock is free.
    fn encode_long(&self, kind: Kind, payload: &[u8]) -> Option<Result<(), Refusal>> {
        {
            let mut state = self.state.lock();
            if let Err(refusal) = state.check(self.limit) {
                return Some(Err(refusal));
            }
            if state.encoder.is_none() || !state.waiting.is_empty() {
                return None;
            }
        }
        let mut frames = Frames::default();
        if frames.bytes.try_reserve_exact(encoded_len(payload.len())).is_err() {
            return None;
        }
        let cost = frames.add_message(&mut Encoder::new(), kind, payload);
        // Only this thread sends. What a lost connection has put back meanwhile goes out before this.
        let mut state = self.state.lock();
        if let Err(refusal) = state.check(self.limit) {
            return Some(Err(refusal));
        }
        state.encoded.push_back(frames);
        self.note_accepted(&mut state, payload.len(), cost);
        Some(Ok(()))
    }

    fn note_accepted(&self, state: &mut State, payload: usize, cost: usize) {
        state.payload += payload;
        state.held += cost;
        state.wake();
        self.note_ahead(cost);
    }

    fn note_ahead(&self, cost: usize) {
        self.ahead.store(self.ahead.load(Ordering::Relaxed) + cost - MESSAGE_OVERHEAD, Ordering::Relaxed);
    }

    /// Tells, once for every 64 KiB that were sent, that the connection should write them now.
    pub fn is_ahead(&self) -> bool {
        let is_ahead = self.ahead.load(Ordering::Relaxed) > AHEAD;
        if is_ahead {
            self.ahead.store(0, Ordering::Relaxed);
        }
        is_ahead
    }

    /// Asks for the end; a later wish counts only if it is stronger. From here on no message is accepted.
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

    /// Returns the bytes of payload that were accepted and that the transport has not taken; after the end, those that
    /// it never took.
    pub fn buffered(&self) -> usize {
        self.state.lock().payload
    }

    /// Is ready when everything is written or the connection is over. If neither is so, registers the host to be woken
    /// and to ask again.
    pub fn poll_written(&self, cx: &Context<'_>) -> Poll<Progress> {
        let mut state = self.state.lock();
        match (state.held, state.ended) {
            (0, _) => Poll::Ready(Progress::Written),
            (_, true) => Poll::Ready(Progress::Ended),
            _ => state.wait(cx),
        }
    }

    /// Returns how often messages were lost with a connection that another follows.
    pub fn losses(&self) -> usize {
        self.state.lock().losses
    }

    /// Is ready when the connection is over. If it is not, registers the host to be woken and to ask again.
    pub fn poll_ended(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.ended { Poll::Ready(()) } else { state.wait(cx) }
    }

    /// Returns what the script wants, and whether it has sent something. Registers the task to be woken when it wants
    /// or sends something else. For the connection.
    pub(super) fn poll_asked(&self, cx: &Context<'_>) -> Asked {
        let mut state = self.state.lock();
        state.woken = false;
        if !state.connection.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            state.connection = Some(cx.waker().clone());
        }
        Asked { wish: state.wish.clone(), has_next: state.has_next() }
    }

    /// Lets messages be encoded at once. For the connection, when it is open and has no compression.
    pub(super) fn start_encoding(&self) {
        self.state.lock().encoder = Some(Encoder::new());
    }

    /// Takes what is to be sent next, and tells whether more follows. For the connection.
    pub(super) fn next(&self) -> Option<(Next, bool)> {
        let mut state = self.state.lock();
        let next = match state.encoded.pop_front() {
            Some(frames) => Some(Next::Frames(frames)),
            None => state.waiting.pop_front().map(Next::Message),
        };
        let more = state.has_next();
        if !more && state.waiting.capacity() + state.encoded.capacity() > KEPT {
            state.waiting = VecDeque::new();
            state.encoded = VecDeque::new();
        }
        next.map(|next| (next, more))
    }

    /// Accepts no more messages; returns whether any is still to be sent. For the connection.
    pub(super) fn shut(&self) -> bool {
        let mut state = self.state.lock();
        state.accepts = false;
        state.has_next()
    }

    /// Notes that the connection is lost. For the connection.
    pub(super) fn note_loss(&self) {
        if self.after_loss == AfterLoss::Nothing {
            self.refuse();
        }
    }

    /// Takes back what a lost connection has not written, to be sent before what waits, and accounts for the rest.
    /// Returns what [`note_written`](Outbox::note_written) returns. For the connection.
    pub(super) fn put_back(&self, recovered: Recovered) -> bool {
        let Recovered { frames, original, lost, payload, cost } = recovered;
        {
            let mut state = self.state.lock();
            state.encoder = None;
            state.losses += usize::from(lost.count > 0);
            if !frames.bytes.is_empty() {
                state.encoded.push_front(frames);
            }
            if let Some(original) = original {
                state.waiting.push_front(original);
            }
        }
        self.note_written(payload, cost)
    }

    /// Accepts no more messages, and drops those that wait: the peer would not read them. For the connection.
    pub(super) fn refuse(&self) {
        let mut state = self.state.lock();
        state.accepts = false;
        state.drop_all();
    }

    /// Notes payload that the transport has taken, and the cost of messages that it has taken whole. Returns whether
    /// the outbox accepts messages again after it has refused one: it holds at most half of the limit. For the
    /// connection.
    pub(super) fn note_written(&self, payload: usize, cost: usize) -> bool {
        let mut state = self.state.lock();
        state.payload -= payload;
        state.held -= cost;
        if state.held == 0 && cost > 0 {
            state.wake_host();
        }
        state.refused && state.held <= self.limit / 2 && mem::replace(&mut state.refused, false)
    }

    /// Returns the capacity, in messages, that is kept. For the tests.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        let state = self.state.lock();
        state.waiting.capacity() + state.encoded.capacity()
    }

    /// Marks the connection as over. For the connection.
    pub(super) fn end(&self) {
        let mut state = self.state.lock();
        state.accepts = false;
        state.ended = true;
        state.drop_all();
        state.connection = None;
        state.wake_host();
    }
}

impl State {
    fn check(&mut self, limit: usize) -> Result<(), Refusal> {
        match self {
            State { accepts: false, .. } => Err(Refusal::Closed),
            State { held, refused, .. } if *held >= limit => {
                *refused = true;
                Err(Refusal::Full(*held))
            }
            _ => Ok(()),
        }
    }

    fn has_next(&self) -> bool {
        !self.encoded.is_empty() || !self.waiting.is_empty()
    }

    fn drop_all(&mut self) {
        self.encoded = VecDeque::new();
        self.waiting = VecDeque::new();
    }

    /// Wakes the connection, once until it asks what is wanted.
    fn wake(&mut self) {
        if !mem::replace(&mut self.woken, true)
            && let Some(connection) = &self.connection
        {
            connection.wake_by_ref();
        }
    }

    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        self.host = Some(cx.waker().clone());
        Poll::Pending
    }

    fn wake_host(&mut self) {
        if let Some(host) = self.host.take() {
            host.wake();
        }
    }
}

/// Tells whether a frame of that length may be appended to a run.
fn may_grow(run: &Vec<u8>, length: usize) -> bool {
    run.len() < SMALL_RUN || (run.len() < RUN && run.len() + length <= run.capacity())
}
