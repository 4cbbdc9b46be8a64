//! What one Lua state has: its queue, its connections, and its end.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mlua::{Table, UserData, Value};

use super::answer::{Raise, raise};
use super::dispatch::Call;
use crate::close::{CloseCode, CloseFrame};
use crate::connection::{Connection, Wish};
use crate::options::Options;
use crate::process;
use crate::queue::{ConnectionId, Item, Queue};
use crate::runtime::Lease;
use crate::transport::Plan;

/// How long the end of a Lua state may take, for all its connections together.
const END_LIMIT: Duration = Duration::from_millis(100);

/// One Lua state's side of the engine.
pub struct Host {
    /// Where its connections tell their events.
    pub queue: Arc<Queue>,
    /// What `poll` has taken from the queue and not dispatched yet.
    pub pending: RefCell<VecDeque<Item>>,
    /// The call that was cut off, perhaps before its callback began.
    pub unfinished: RefCell<Option<Call>>,
    /// From the number of a connection to its userdata: keeps it while it lives.
    pub sockets: Table,
    /// From the number of a connection or a deferred call to its function.
    pub callbacks: Table,
    /// A callback is running.
    pub dispatching: Cell<bool>,
    /// How many polls have begun.
    pub turn: Cell<u64>,
    /// Numbers whose values there was no memory to drop.
    stale: RefCell<Vec<u64>>,
    connections: RefCell<HashMap<ConnectionId, Arc<Connection>>>,
    lease: RefCell<Option<Lease>>,
    last_number: Cell<u64>,
    ended: Cell<bool>,
}

impl Host {
    /// Makes the host of a state; the tables are its own.
    pub fn new(sockets: Table, callbacks: Table) -> Host {
        Host {
            queue: Arc::default(),
            pending: RefCell::default(),
            unfinished: RefCell::default(),
            stale: RefCell::default(),
            sockets,
            callbacks,
            dispatching: Cell::new(false),
            turn: Cell::new(0),
            connections: RefCell::default(),
            lease: RefCell::new(None),
            last_number: Cell::new(0),
            ended: Cell::new(false),
        }
    }

    /// Raises in the child of a fork, where the engine does not run.
    pub fn check_process(&self) -> Result<(), Raise> {
        if process::is_forked_child() {
            return raise("this process is the child of a fork: its parent has the connections");
        }
        Ok(())
    }

    /// Returns a number that was not given before.
    pub fn number(&self) -> u64 {
        self.last_number.set(self.last_number.get() + 1);
        self.last_number.get()
    }

    /// Opens a connection.
    pub fn start(
        &self,
        connection: &Arc<Connection>,
        plan: Plan,
        options: &Options,
        id: ConnectionId,
    ) -> Result<(), Raise> {
        if self.ended.get() {
            return raise("this Lua state is ending");
        }
        let mut lease = self.lease.borrow_mut();
        let lease = match &mut *lease {
            Some(lease) => lease,
            none => match Lease::new() {
                Ok(new) => none.insert(new),
                Err(error) => return raise(format!("the engine cannot start: {error}")),
            },
        };
        connection.start(lease, plan, options, id, Arc::clone(&self.queue));
        self.connections.borrow_mut().insert(id, Arc::clone(connection));
        Ok(())
    }

    /// Tells whether something taken from the queue waits.
    pub fn has_waiting(&self) -> bool {
        !self.pending.borrow().is_empty() || self.unfinished.borrow().is_some()
    }

    /// Drops the Lua values of a number; later, where there is no memory for that now.
    pub fn forget_values(&self, number: u64) {
        let dropped =
            self.sockets.raw_set(number, Value::Nil).and_then(|()| self.callbacks.raw_set(number, Value::Nil));
        if dropped.is_err() {
            self.stale.borrow_mut().push(number);
        }
    }

    /// Drops the values that there was no memory to drop before.
    pub fn drop_stale(&self) {
        let stale = std::mem::take(&mut *self.stale.borrow_mut());
        for number in stale {
            self.forget_values(number);
        }
    }

    /// Forgets a connection whose end is dispatched.
    pub fn forget(&self, id: ConnectionId) {
        self.connections.borrow_mut().remove(&id);
    }

    /// Returns how many connections are alive: their end was not dispatched yet.
    pub fn alive(&self) -> usize {
        self.connections.borrow().len()
    }

    /// Tells whether the state has ended.
    pub fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// Ends all: what waits is written with a Close frame of 1001, as far as that is possible in a moment.
    pub fn end(&self) {
        self.ended.set(true);
        if process::is_forked_child() {
            return;
        }
        let connections = std::mem::take(&mut *self.connections.borrow_mut());
        for connection in connections.values() {
            connection.outbox.end_by(Wish::Leave(Some(CloseFrame::new(CloseCode::GOING_AWAY, ""))));
        }
        let deadline = Instant::now() + END_LIMIT;
        for connection in connections.values() {
            connection.outbox.wait_ended(deadline);
            // Where another state keeps the runtime going, what did not end in time must not stay.
            connection.outbox.end_by(Wish::Terminate);
        }
        self.pending.borrow_mut().clear();
        self.unfinished.borrow_mut().take();
        self.lease.borrow_mut().take();
    }
}

/// Ends the host when Lua collects it, which is when the state closes: the registry holds it until then.
pub struct Sentinel(pub std::rc::Rc<Host>);

impl UserData for Sentinel {}

impl Drop for Sentinel {
    fn drop(&mut self) {
        self.0.end();
    }
}
