//! The host's side of a connection, as a script's thread uses it.
//!
//! Comes in: a URL and options. Goes out: a started connection, and its events one by one, each with a deadline. The
//! calls block, so a test is a plain function that plays host and peer in turns. A test that waits drives the engine;
//! the helper thread does so between its waits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use websocket_core::close::{CloseCode, CloseFrame};
use websocket_core::connection::{Connection, Outgoing, Progress, Refusal, Wish};
use websocket_core::event::{End, Event, Kind};
use websocket_core::options::Options;
use websocket_core::queue::{Charge, ConnectionId, Item, Queue, cost};
use websocket_core::runtime::{Lease, Wait};
use websocket_core::transport::Plan;

use super::{PATIENCE, plan};

/// A host with what one Lua state has: a lease and a queue.
pub struct Host {
    pub lease: Lease,
    pub queue: Arc<Queue>,
    taken: VecDeque<Item>,
}

impl Host {
    pub fn new() -> Host {
        Host { lease: Lease::new().unwrap(), queue: Arc::default(), taken: VecDeque::new() }
    }

    /// Starts a connection.
    pub fn start(&self, plan: Plan, options: &Options, id: ConnectionId) -> Arc<Connection> {
        let connection = Connection::new(options);
        connection.start(&self.lease, plan, options, id, Arc::clone(&self.queue));
        connection
    }

    /// Waits for the next event, and returns its charge with it.
    pub fn next_charged(&mut self) -> (ConnectionId, Event, Charge) {
        self.next_before(PATIENCE).expect("an event comes before the test's deadline")
    }

    /// Waits for the next event for at most `limit`.
    pub fn next_before(&mut self, limit: Duration) -> Option<(ConnectionId, Event, Charge)> {
        if self.taken.is_empty() {
            self.lease.wait(Wait::up_to(limit), |cx| self.queue.poll_ready(cx));
            self.queue.take_all(&mut self.taken);
        }
        if let Some(Item::Messages(id, batch, charge)) = self.taken.front_mut() {
            let (kind, payload) = batch.front().expect("no batch is empty");
            let charge = charge.split(cost(payload.len()));
            let first = (*id, Event::Message(kind, payload.to_vec()), charge);
            batch.pop();
            if batch.is_empty() {
                self.taken.pop_front();
            }
            return Some(first);
        }
        match self.taken.pop_front()? {
            Item::Event(id, event, charge) => Some((id, event, charge)),
            Item::Messages(..) => unreachable!("taken above"),
            Item::Deferred(number) => panic!("nobody deferred {number}"),
            Item::Timer(number) => panic!("nobody set the timer {number}"),
        }
    }
}

/// A host with one connection.
pub struct Client {
    pub host: Host,
    pub connection: Arc<Connection>,
}

impl Client {
    /// Starts a connection.
    pub fn start(url: &str, options: &Options) -> Client {
        Client::planned(plan(url, options), options)
    }

    /// Like [`Client::start`], with a plan that the test has made.
    pub fn planned(plan: Plan, options: &Options) -> Client {
        let host = Host::new();
        let connection = host.start(plan, options, 1);
        Client { host, connection }
    }

    /// Waits for the next event, and gives its charge back.
    pub fn next(&mut self) -> Event {
        self.host.next_charged().1
    }

    /// Waits for `open`.
    pub fn opened(&mut self) {
        let event = self.next();
        assert!(matches!(event, Event::Open(_)), "{event:?}");
    }

    /// Waits for a message.
    pub fn message(&mut self) -> Vec<u8> {
        match self.next() {
            Event::Message(_, payload) => payload,
            event => panic!("no message: {event:?}"),
        }
    }

    /// Waits for the peer's Close.
    pub fn closing(&mut self) -> (u16, String) {
        match self.next() {
            Event::Closing { code, reason } => (code, reason),
            event => panic!("no Close: {event:?}"),
        }
    }

    /// Waits for the end, which must be the next and the last event.
    pub fn end(&mut self) -> End {
        let end = match self.next() {
            Event::End(end) => *end,
            event => panic!("no end: {event:?}"),
        };
        assert!(self.host.next_before(Duration::ZERO).is_none(), "an event after the end");
        assert_eq!(self.connection.outbox.send(Outgoing::Ping(Vec::new())), Err(Refusal::Closed));
        end
    }

    /// Fails the test if an event arrives within `limit`.
    pub fn expect_no_event_for(&mut self, limit: Duration) {
        if let Some((_, event, _)) = self.host.next_before(limit) {
            panic!("an event within {limit:?}: {event:?}");
        }
    }

    /// Sends a message.
    pub fn send(&self, payload: impl Into<Vec<u8>>) {
        self.connection.outbox.send(message(Kind::Binary, payload)).unwrap();
    }

    /// Asks for a close with a code and a reason.
    pub fn close(&self, code: u16, reason: &str) {
        self.connection.outbox.end_by(Wish::Close(body(code, reason)));
    }

    /// Waits for at most `limit` until everything is written or the connection is over.
    pub fn flush(&self, limit: Duration) -> Option<Progress> {
        self.host.lease.wait(Wait::up_to(limit), |cx| self.connection.outbox.poll_written(cx))
    }

    /// Waits until at most this many bytes are buffered.
    pub fn is_down_to(&self, bytes: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.connection.outbox.buffered() > bytes {
            assert!(Instant::now() < deadline, "{} bytes are buffered still", self.connection.outbox.buffered());
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Makes a message as a script sends it.
pub fn message(kind: Kind, payload: impl Into<Vec<u8>>) -> Outgoing {
    Outgoing::Message { kind, payload: payload.into(), compress: true }
}

/// Makes the body of a Close frame.
pub fn body(code: u16, reason: &str) -> Option<CloseFrame> {
    Some(CloseFrame::new(CloseCode::new(code).unwrap(), reason))
}
