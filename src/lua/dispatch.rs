//! From the inbox to callbacks: the functions that `poll` and `run` in `websocket/init.lua` are made of.
//!
//! An item becomes a call in three steps. `prepare` makes its Lua values and changes nothing, because it may run out of
//! memory. `settle` changes what the script sees of the connection. Then [`super::delivery`] runs the callback.

use std::rc::Rc;
use std::time::{Duration, Instant};

use mlua::{AnyUserData, Function, IntoLua, Lua, Table, UserDataRef, Value};

use super::answer::{Answer, Raise, nothing, one, raise, two};
use super::arguments::integer;
use super::builder::Builder;
use super::call::{Arguments, Call};
use super::delivery::Outcome;
use super::host::Host;
use super::socket::{Socket, Status};
use crate::event::{End, Event};
use crate::queue::{Charge, ConnectionId, Item};
use crate::runtime::Then;

/// Adds the functions to the table that `websocket/init.lua` takes.
pub fn add_functions(builder: &Builder, inner: &Table) -> mlua::Result<()> {
    builder.add_raw(inner, "is_dispatching", |lua, host, ()| one(lua, host.inbox.is_dispatching()))?;
    builder.add_raw(inner, "alive", |lua, host, ()| one(lua, host.alive()))?;
    builder.add_raw(inner, "turn", |lua, host, ()| one(lua, host.inbox.turn()))?;
    builder.add_raw(inner, "waits", |lua, host, ()| {
        host.check_process()?;
        one(lua, host.wait(Duration::ZERO, |cx| host.inbox.poll_ready(cx)).is_some())
    })?;
    // Counts a poll, after it has checked the argument `max` that `dispatch` will get.
    builder.add_raw(inner, "begin_turn", |_, host, max: Value| {
        bound(&max)?;
        host.check_process()?;
        host.inbox.begin_turn();
        nothing()
    })?;
    // Waits for the first item; returns whether one is there, and the seconds it took. `waits_again` says that the caller
    // waits again at once if none is there.
    builder.add_raw(inner, "wait", |lua, host, (limit, waits_again): (f64, bool)| {
        let start = Instant::now();
        let limit = Duration::try_from_secs_f64(limit).unwrap_or_default();
        let then = if waits_again { Then::WaitAgain } else { Then::Leave };
        let ready = host.wait_then(limit, then, |cx| host.inbox.poll_ready(cx));
        two(lua, ready.is_some(), start.elapsed().as_secs_f64())
    })?;
    builder.add_raw(inner, "defer", |_, host, function: Value| {
        host.check_process()?;
        let number = host.number();
        host.callbacks.raw_set(number, function)?;
        host.inbox.queue.push([Item::Deferred(number)]);
        nothing()
    })?;
    builder.add_raw(inner, "dispatch", |lua, host, (deliver, max): (Function, Value)| {
        let ran = dispatch(lua, host, &deliver, bound(&max)?);
        host.write_ahead();
        ran
    })
}

/// Takes the most callbacks that a poll may run; nil for no bound.
fn bound(max: &Value) -> Result<usize, Raise> {
    if max.is_nil() {
        return Ok(usize::MAX);
    }
    let number = integer(max, "max")?;
    match usize::try_from(number) {
        Ok(count) if count > 0 => Ok(count),
        _ => raise(format!("max must be 1 or more callbacks, got {number}")),
    }
}

/// Runs the callbacks of what waits now, at most `max`. Returns how many ran, and what `deliver` returned for an error that
/// must leave `poll`. What was not dispatched then stays.
fn dispatch(lua: &Lua, host: &Rc<Host>, deliver: &Function, max: usize) -> Answer {
    let inbox = &host.inbox;
    let _dispatching = inbox.start_dispatching();
    host.drop_stale()?;
    let mut waiting = inbox.collect();
    let mut ran = 0;
    loop {
        // A callback may have forked: what waits belongs to the parent.
        host.check_process()?;
        if ran == max {
            return one(lua, ran);
        }
        let call = match inbox.delivery.resume()? {
            Some(call) => call,
            None if waiting == 0 => return one(lua, ran),
            None => {
                waiting -= 1;
                match next_call(lua, host)? {
                    Some(call) => call,
                    None => continue,
                }
            }
        };
        ran += 1;
        match inbox.delivery.run(deliver, call) {
            Outcome::Done => {}
            Outcome::Leave(leaving) => return two(lua, ran, leaving),
            Outcome::CutOff(error) => return Err(error.into()),
        }
    }
}

/// Takes the first item and makes its call; nothing where the item is hidden from the script.
///
/// # Errors
/// Those of Lua, mostly for lack of memory. Nothing is lost then: the next poll tries again.
fn next_call(lua: &Lua, host: &Host) -> mlua::Result<Option<Call>> {
    let Some(item) = host.inbox.next() else { return Ok(None) };
    let number = match item {
        Item::Deferred(number) => number,
        Item::Event(id, event, charge) => return event_call(lua, host, id, event, charge),
    };
    let callback = match host.callbacks.raw_get(number) {
        Ok(callback) => callback,
        Err(error) => {
            host.inbox.put_back(Item::Deferred(number));
            return Err(error);
        }
    };
    let call = Call { callback, arguments: None, _charge: Charge::none() };
    keep_unless(host, host.forget_values(number), call).map(Some)
}

fn event_call(
    lua: &Lua,
    host: &Host,
    id: ConnectionId,
    mut event: Event,
    charge: Charge,
) -> mlua::Result<Option<Call>> {
    let Prepared { socket, callback, arguments } = match prepare(lua, host, id, &mut event) {
        Ok(Some(prepared)) => prepared,
        Ok(None) => return Ok(None),
        Err(error) => {
            host.inbox.put_back(Item::Event(id, event, charge));
            return Err(error);
        }
    };
    let call = Call { callback, arguments: Some(arguments), _charge: charge };
    match settle(host, id, &socket, event) {
        Settled::Hidden => Ok(None),
        Settled::Shown(result) => keep_unless(host, result, call).map(Some),
    }
}

/// Returns the call. Where dropping the values of an item was cut off, by an interrupt for instance, keeps the call for the
/// next poll and returns the error.
fn keep_unless(host: &Host, dropped: mlua::Result<()>, call: Call) -> mlua::Result<Call> {
    match dropped {
        Ok(()) => Ok(call),
        Err(error) => {
            host.inbox.delivery.keep(call);
            Err(error)
        }
    }
}

/// All the Lua values of an event.
struct Prepared {
    socket: UserDataRef<Socket>,
    callback: Value,
    arguments: Arguments,
}

/// Makes the Lua values of an event, which is all that may run out of memory; changes nothing else. Returns nothing where
/// the script never got the connection, because `new` has failed.
fn prepare(lua: &Lua, host: &Host, id: ConnectionId, event: &mut Event) -> mlua::Result<Option<Prepared>> {
    let Some(userdata) = host.sockets.raw_get::<Option<AnyUserData>>(id)? else { return Ok(None) };
    let socket = userdata.borrow::<Socket>()?;
    // A script that has closed before the connection was open must see just that, however far the engine had come.
    if let Event::End(end) = event
        && socket.status.get() == Status::GivenUp
    {
        **end = End::dropped();
    }
    let (event, message, detail) = match event {
        Event::Open(_) => ("open", Value::Nil, Value::Nil),
        Event::Message(kind, payload) => {
            ("received", Value::String(lua.create_string(&*payload)?), kind.as_str().into_lua(lua)?)
        }
        Event::Ping(payload) => ("ping", Value::String(lua.create_string(&*payload)?), Value::Nil),
        Event::Pong(payload) => ("pong", Value::String(lua.create_string(&*payload)?), Value::Nil),
        Event::Closing { code, reason } => ("closing", (&**reason).into_lua(lua)?, (*code).into_lua(lua)?),
        Event::End(end) => match end.error {
            Some(error) => ("fail", (&*end.text).into_lua(lua)?, error.as_str().into_lua(lua)?),
            None => ("closed", (&*end.reason).into_lua(lua)?, end.code.into_lua(lua)?),
        },
    };
    let callback = host.callbacks.raw_get(id)?;
    Ok(Some(Prepared { socket, callback, arguments: Arguments { event, message, detail, socket: userdata } }))
}

/// Whether the script sees an event.
enum Settled {
    Hidden,
    /// The error is one of dropping the Lua values of an item.
    Shown(mlua::Result<()>),
}

/// Lets an event take its effect on what the script sees of the connection.
fn settle(host: &Host, id: ConnectionId, socket: &Socket, event: Event) -> Settled {
    match event {
        Event::End(end) => Settled::Shown(settle_end(host, id, socket, end)),
        _ if socket.status.get() == Status::GivenUp => Settled::Hidden,
        Event::Open(response) => {
            if socket.status.get() == Status::Connecting {
                socket.status.set(Status::Open);
            }
            socket.response.replace(Some(response.into()));
            Settled::Shown(Ok(()))
        }
        Event::Closing { .. } => {
            socket.status.set(Status::Closing);
            if socket.report_closing { Settled::Shown(Ok(())) } else { Settled::Hidden }
        }
        Event::Message(..) | Event::Ping(_) | Event::Pong(_) => Settled::Shown(Ok(())),
    }
}

fn settle_end(host: &Host, id: ConnectionId, socket: &Socket, mut end: Box<End>) -> mlua::Result<()> {
    socket.status.set(Status::Closed);
    if let Some(response) = end.response.take() {
        socket.response.replace(Some(response.into()));
    }
    socket.end.replace(Some(end.into()));
    host.forget(id);
    host.forget_values(id)
}
