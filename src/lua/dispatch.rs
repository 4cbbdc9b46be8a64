//! From the queue to callbacks: what `poll` and `run` in `websocket/init.lua` are made of.

use std::rc::Rc;
use std::time::{Duration, Instant};

use mlua::{AnyUserData, Function, IntoLua, Lua, Table, Value};

use super::Builder;
use super::answer::{Answer, Raise, nothing, one, two};
use super::host::Host;
use super::socket::{Socket, Status};
use crate::event::{End, Event};
use crate::queue::{Charge, ConnectionId, Item};

/// Adds the functions to the table that `websocket/init.lua` takes.
pub fn add_functions(builder: &Builder, inner: &Table) -> mlua::Result<()> {
    builder.add(inner, "is_dispatching", |lua, host, ()| one(lua, host.dispatching.get()))?;
    builder.add(inner, "alive", |lua, host, ()| one(lua, host.alive()))?;
    builder.add(inner, "turn", |lua, host, ()| one(lua, host.turn.get()))?;
    builder.add(inner, "waits", |lua, host, ()| {
        host.check_process()?;
        one(lua, host.has_waiting() || host.queue.wait(Duration::ZERO))
    })?;
    builder.add(inner, "begin_turn", |_, host, ()| {
        host.check_process()?;
        host.turn.set(host.turn.get() + 1);
        nothing()
    })?;
    // Waits for the first item; returns whether one is there, and the seconds it took.
    builder.add(inner, "wait", |lua, host, limit: f64| {
        if host.has_waiting() {
            return two(lua, true, 0.0);
        }
        let start = Instant::now();
        let ready = host.queue.wait(Duration::try_from_secs_f64(limit).unwrap_or_default());
        two(lua, ready, start.elapsed().as_secs_f64())
    })?;
    builder.add(inner, "defer", |_, host, function: Value| {
        host.check_process()?;
        let number = host.number();
        host.callbacks.raw_set(number, function)?;
        host.queue.push([Item::Deferred(number)]);
        nothing()
    })?;
    builder.add(inner, "dispatch", |lua, host, (runner, begun): (Function, bool)| {
        if begun {
            host.unfinished.take();
        }
        dispatch(lua, host, &runner)
    })
}

/// Runs the callbacks of what waits now, by `runner(callback, ...)`, which returns nil, or the error
/// value of an interrupt. Returns how many ran, and that value; what was not dispatched then stays.
fn dispatch(lua: &Lua, host: &Rc<Host>, runner: &Function) -> Answer {
    host.dispatching.set(true);
    let _reset = Reset(host);
    host.drop_stale();
    host.queue.take_all(&mut host.pending.borrow_mut());
    let mut waiting = host.pending.borrow().len();
    let mut ran = 0;
    loop {
        // A callback may have forked: what waits is the parent's.
        host.check_process()?;
        let unfinished = host.unfinished.take();
        let call = match unfinished {
            Some(call) => call,
            None if waiting == 0 => return one(lua, ran),
            None => {
                waiting -= 1;
                let Some(mut item) = host.pending.borrow_mut().pop_front() else { return one(lua, ran) };
                if let Err(error) = give_up(host, &mut item) {
                    host.pending.borrow_mut().push_front(item);
                    return Err(error.into());
                }
                match prepare(lua, host, &item) {
                    Ok(call) => match settle(host, item, call)? {
                        Some(call) => call,
                        None => continue,
                    },
                    Err(error) => {
                        // Out of memory: nothing is lost, the next poll tries again.
                        host.pending.borrow_mut().push_front(item);
                        return Err(error.into());
                    }
                }
            }
        };
        ran += 1;
        let result = match &call.event {
            Value::Nil => runner.call::<Value>(&call.callback),
            event => runner.call((&call.callback, event, &call.message, &call.detail)),
        };
        if let Ok(Value::Nil) = result {
            continue;
        }
        // Cut off before the callback began, for lack of memory or by an interrupt? The runner knows, next time.
        host.unfinished.replace(Some(call));
        match result {
            Ok(interrupt) => return two(lua, ran, interrupt),
            Err(error) => return Err(error.into()),
        }
    }
}

struct Reset<'a>(&'a Host);

impl Drop for Reset<'_> {
    fn drop(&mut self) {
        self.0.dispatching.set(false);
    }
}

/// A callback with its arguments.
pub struct Call {
    /// None of a deferred function, and where the script never got its socket.
    socket: Option<AnyUserData>,
    callback: Value,
    event: Value,
    message: Value,
    detail: Value,
    /// Held until the callback is done: only then has the script seen the event.
    _charge: Charge,
}

/// Makes the end of a connection that the script closed before it was open what the script must see, however far the
/// engine had come.
fn give_up(host: &Host, item: &mut Item) -> mlua::Result<()> {
    if let Item::Event(id, Event::End(end), _) = item
        && let Some(socket) = host.sockets.raw_get::<Option<AnyUserData>>(*id)?
        && socket.borrow::<Socket>()?.status.get() == Status::GivenUp
    {
        **end = End::dropped();
    }
    Ok(())
}

/// Makes the Lua values of an item, which is all that may run out of memory; changes nothing.
fn prepare(lua: &Lua, host: &Host, item: &Item) -> mlua::Result<Call> {
    let (id, event) = match item {
        Item::Deferred(number) => {
            let callback = host.callbacks.raw_get(*number)?;
            return Ok(Call::new(None, callback, Value::Nil, Value::Nil, Value::Nil));
        }
        Item::Event(id, event, _) => (*id, event),
    };
    let (name, message, detail) = match event {
        Event::Open(_) => ("open", Value::Nil, Value::Nil),
        Event::Message(kind, payload) => {
            ("received", Value::String(lua.create_string(payload)?), kind.as_str().into_lua(lua)?)
        }
        Event::Ping(payload) => ("ping", Value::String(lua.create_string(payload)?), Value::Nil),
        Event::Pong(payload) => ("pong", Value::String(lua.create_string(payload)?), Value::Nil),
        Event::Closing { code, reason } => ("closing", (&**reason).into_lua(lua)?, code.into_lua(lua)?),
        Event::End(end) => match end.error {
            Some(error) => ("fail", (&*end.text).into_lua(lua)?, error.as_str().into_lua(lua)?),
            None => ("closed", (&*end.reason).into_lua(lua)?, end.code.into_lua(lua)?),
        },
    };
    let socket = host.sockets.raw_get(id)?;
    Ok(Call::new(socket, host.callbacks.raw_get(id)?, name.into_lua(lua)?, message, detail))
}

impl Call {
    fn new(socket: Option<AnyUserData>, callback: Value, event: Value, message: Value, detail: Value) -> Call {
        Call { socket, callback, event, message, detail, _charge: Charge::none() }
    }
}

/// Lets an item take its effect on what the script sees; returns its call, unless it is hidden.
fn settle(host: &Host, item: Item, call: Call) -> Result<Option<Call>, Raise> {
    let (id, event, charge) = match item {
        Item::Deferred(number) => {
            host.forget_values(number);
            return Ok(Some(call));
        }
        Item::Event(id, event, charge) => (id, event, charge),
    };
    let call = Call { _charge: charge, ..call };
    let Some(socket) = &call.socket else { return Ok(None) };
    let socket = socket.borrow::<Socket>()?;
    let shown = match event {
        Event::End(end) => {
            settle_end(host, id, &socket, end);
            true
        }
        _ if socket.status.get() == Status::GivenUp => false,
        Event::Open(response) => {
            if socket.status.get() == Status::Connecting {
                socket.status.set(Status::Open);
            }
            socket.response.replace(Some(response.into()));
            true
        }
        Event::Closing { .. } => {
            socket.status.set(Status::Closing);
            socket.report_closing
        }
        Event::Message(..) | Event::Ping(_) | Event::Pong(_) => true,
    };
    drop(socket);
    Ok(shown.then_some(call))
}

fn settle_end(host: &Host, id: ConnectionId, socket: &Socket, mut end: Box<End>) {
    socket.status.set(Status::Closed);
    if let Some(response) = end.response.take() {
        socket.response.replace(Some(response.into()));
    }
    socket.end.replace(Some(end.into()));
    host.forget(id);
    host.forget_values(id);
}
