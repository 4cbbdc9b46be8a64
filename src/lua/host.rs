//! What one Lua state has: its inbox, its connections and timers, their Lua values, and its end.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use mlua::{Lua, Table, Value};

use super::answer::{Raise, raise};
use super::handle::Held;
use super::inbox::Inbox;
use crate::close::{CloseCode, CloseFrame};
use crate::connection::{Answer, Connection, Wish};
use crate::options::Options;
use crate::process;
use crate::queue::ConnectionId;
use crate::runtime::{Lease, Wait};
use crate::timers::{Next, Timers};
use crate::transport::Plan;

/// How long the end of a Lua state may take, for all its connections together.
const END_LIMIT: Duration = Duration::from_millis(100);

/// A dispatch of as many callbacks takes about 0.4 ms or more, if they do little, so another thread should drive
/// meanwhile.
const MANY: usize = 4096;

/// What a call in the child of a fork raises.
pub const FORKED: &str = "this process is the child of a fork: its parent has the connections";

/// What a call raises when the state has ended.
pub const ENDING: &str = "this Lua state is ending";

/// One Lua state's side of the engine.
pub struct Host {
    /// What waits for `poll`; connections put their events there.
    pub inbox: Inbox,
    /// The userdata of each connection, by its number, so that it is kept while the connection lives.
    pub sockets: Table,
    /// The function of each connection, each deferred call and each timer, by its number.
    pub callbacks: Table,
    /// The number of the logger, if there is one.
    pub logger: Cell<Option<u64>>,
    /// The number of the function that is called for the events of connections without a callback.
    pub arrival: Cell<u64>,
    /// The connection whose next attempt the script is planning.
    planned: RefCell<Option<Arc<Connection>>>,
    /// Numbers whose Lua values could not be dropped yet, for instance for lack of memory.
    stale: RefCell<Vec<u64>>,
    /// The connections that are alive, the oldest first.
    connections: RefCell<BTreeMap<ConnectionId, Arc<Connection>>>,
    /// Its timers.
    pub timers: RefCell<Timers>,
    lease: RefCell<Option<Lease>>,
    last_number: Cell<u64>,
    ended: Cell<bool>,
}

impl Host {
    /// Makes the host of a state.
    pub fn new(lua: &Lua) -> mlua::Result<Host> {
        let inbox = Inbox::default();
        Ok(Host {
            timers: RefCell::new(Timers::new(Arc::clone(&inbox.queue))),
            inbox,
            sockets: lua.create_table()?,
            callbacks: lua.create_table()?,
            logger: Cell::new(None),
            arrival: Cell::new(0),
            planned: RefCell::new(None),
            stale: RefCell::default(),
            connections: RefCell::default(),
            lease: RefCell::new(None),
            last_number: Cell::new(0),
            ended: Cell::new(false),
        })
    }

    /// Raises in the child of a fork, where the engine does not run.
    pub fn check_process(&self) -> Result<(), Raise> {
        if process::is_forked_child() {
            return raise(FORKED);
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
        self.with_lease(|lease| connection.start(lease, plan, options, id, Arc::clone(&self.inbox.queue)))?;
        self.connections.borrow_mut().insert(id, Arc::clone(connection));
        Ok(())
    }

    /// Sets a timer, which fires after `delay`, and then in each `period`.
    pub fn set_timer(&self, number: u64, delay: Duration, period: Option<Duration>) -> Result<(), Raise> {
        self.with_lease(|lease| self.timers.borrow_mut().set(lease, number, Instant::now(), delay, period))
    }

    /// Notes that the item of a timer was taken; returns whether it will fire again, or nothing if it was cancelled.
    pub fn take_timer(&self, number: u64) -> Option<Next> {
        self.timers.borrow_mut().take(number, Instant::now())
    }

    /// Calls a function with the lease of the runtime, which starts if it is not running.
    fn with_lease<T>(&self, function: impl FnOnce(&Lease) -> T) -> Result<T, Raise> {
        if self.ended.get() {
            return raise(ENDING);
        }
        let mut lease = self.lease.borrow_mut();
        let lease = match &mut *lease {
            Some(lease) => lease,
            none => match Lease::new() {
                Ok(new) => none.insert(new),
                Err(error) => return raise(format!("the engine cannot start: {error}")),
            },
        };
        Ok(function(lease))
    }

    /// Waits until `poll` is ready, or the limit of the wait has passed.
    pub fn wait<T>(&self, wait: Wait, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
        match &*self.lease.borrow() {
            Some(lease) => lease.wait(wait, poll),
            // Without the runtime nothing changes while this thread waits.
            None => match poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(result) => Some(result),
                Poll::Pending => {
                    thread::sleep(wait.limit);
                    None
                }
            },
        }
    }

    /// Begins to dispatch what waits now, with at most `max` callbacks.
    pub fn begin_dispatch(&self, max: usize) {
        let callbacks = self.inbox.start(max);
        if callbacks >= MANY
            && let Some(lease) = &*self.lease.borrow()
        {
            lease.drive_meanwhile();
        }
    }

    /// Ends a dispatch; returns how many callbacks were called. What they have sent is written.
    pub fn end_dispatch(&self) -> usize {
        let ran = self.inbox.stop();
        self.cut_planning();
        self.write_ahead();
        ran
    }

    /// Notes that the script plans the next attempt of a connection.
    pub fn begin_planning(&self, connection: &Arc<Connection>) {
        self.cut_planning();
        self.planned.replace(Some(Arc::clone(connection)));
    }

    /// Notes that the script has planned it.
    pub fn end_planning(&self) {
        self.planned.take();
    }

    /// Tells a connection whose planning an error has cut off that there is no plan.
    fn cut_planning(&self) {
        if let Some(connection) = self.planned.take()
            && !process::is_forked_child()
        {
            connection.preparation.answer(Answer::Failed);
        }
    }

    /// Tells a connection that its script cannot plan, because it does not have the connection.
    pub fn refuse_planning(&self, id: ConnectionId) {
        if let Some(connection) = self.connections.borrow().get(&id) {
            connection.preparation.answer(Answer::Failed);
        }
    }

    /// Lets the connections write what was sent, as far as that needs no wait.
    pub fn write_ahead(&self) {
        if let Some(lease) = &*self.lease.borrow() {
            lease.run_ready();
        }
    }

    /// Drops the Lua values of a number. Where that fails, `drop_stale` tries again.
    pub fn forget_values(&self, number: u64) -> mlua::Result<()> {
        let dropped =
            self.sockets.raw_set(number, Value::Nil).and_then(|()| self.callbacks.raw_set(number, Value::Nil));
        if dropped.is_err() {
            self.stale.borrow_mut().push(number);
        }
        dropped
    }

    /// Drops the values that could not be dropped before.
    pub fn drop_stale(&self) -> mlua::Result<()> {
        let mut result = Ok(());
        let stale = std::mem::take(&mut *self.stale.borrow_mut());
        for number in stale {
            result = result.and(self.forget_values(number));
        }
        result
    }

    /// Forgets a connection whose end is dispatched.
    pub fn forget(&self, id: ConnectionId) {
        self.connections.borrow_mut().remove(&id);
    }

    /// Returns how many connections are alive, which means that their end was not dispatched yet.
    pub fn alive(&self) -> usize {
        self.connections.borrow().len()
    }

    /// Returns how many connections are alive and how many timers will still fire.
    pub fn expected(&self) -> usize {
        self.alive() + self.timers.borrow().count()
    }

    /// Returns the numbers of the connections that are alive, the oldest first.
    pub fn alive_numbers(&self) -> Vec<ConnectionId> {
        self.connections.borrow().keys().copied().collect()
    }

    /// Tells whether the state has ended.
    pub fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// Cancels all timers and ends all connections. Before that it writes what waits and a Close frame of 1001, as far
    /// as `END_LIMIT` allows.
    pub fn end(&self) {
        self.ended.set(true);
        if process::is_forked_child() {
            return;
        }
        self.timers.borrow_mut().end();
        let connections = std::mem::take(&mut *self.connections.borrow_mut());
        for connection in connections.values() {
            connection.outbox.end_by(Wish::Leave(Some(CloseFrame::new(CloseCode::GOING_AWAY, ""))));
        }
        let deadline = Instant::now() + END_LIMIT;
        for connection in connections.values() {
            let limit = deadline.saturating_duration_since(Instant::now());
            self.wait(Wait::up_to(limit), |cx| connection.outbox.poll_ended(cx));
            // Another state may keep the runtime going, where a connection that did not end in time must not stay.
            connection.outbox.end_by(Wish::Terminate);
        }
        self.inbox.clear();
        self.lease.borrow_mut().take();
    }
}

/// Ends the host when Lua collects it. The registry holds it, so that is when the state closes.
pub struct Sentinel(pub Rc<Host>);

impl Held for Sentinel {
    const TAG: u64 = 0x51c3_a7e9_0b64_d28f;
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        self.0.end();
    }
}
