//! `websocket.new`: checks everything, makes the userdata, and starts the connection. Also has the script plan the next
//! attempt of a connection that is opened again.

use std::rc::Rc;

use mlua::{Function, Table, Value};

use super::answer::{Raise, nothing, one, raise};
use super::arguments::{type_name, utf8};
use super::builder::Builder;
use super::options;
use super::planning::Planning;
use super::socket::{Socket, Sockets, borrowed};
use crate::connection::{Answer, Connection};
use crate::options::Options;
use crate::transport::Plan;
use crate::url::Endpoint;

/// Adds what `websocket.new(url[, callback[, options]])` is made of.
pub fn add_new(builder: &Builder, inner: &Table, sockets: &Sockets, callable: Function) -> mlua::Result<()> {
    let sockets = Rc::clone(sockets);
    builder.add_raw(inner, "new", move |lua, host, (url, callback, table): (Value, Value, Value)| {
        let url = utf8(&url, "url")?;
        if !callback.is_nil() && !callable.call::<bool>(&callback)? {
            let got = type_name(&callback);
            return raise(format!("callback must be a function or callable, or nil to receive, got {got}"));
        }
        let options = options::read(&table)?;
        let before = before(&table, &options, &callable)?;
        host.check_process()?;
        let endpoint = Endpoint::parse(&url)?;
        let plan = Plan::new(endpoint.clone(), &options)?;

        host.drop_stale()?;
        let id = host.number();
        let connection = Connection::new(&options);
        let planning = before.as_ref().map(|_| Planning::new(host.number(), url, &options));
        let planner = planning.as_ref().map(|planning| planning.function);
        let socket = Socket::new(host, &connection, &endpoint, &options, planning);
        let (socket, callback) = match callback {
            Value::Nil => (socket.with_mailbox(&options), host.callbacks.raw_get(host.arrival.get())?),
            callback => (socket, callback),
        };
        let socket = sockets.create(lua, Rc::new(socket))?;
        // What others can see comes last, after everything that may run out of memory.
        let started = host
            .callbacks
            .raw_set(id, callback)
            .and_then(|()| host.sockets.raw_set(id, &socket))
            .and_then(|()| planner.map_or(Ok(()), |number| host.callbacks.raw_set(number, before)))
            .map_err(Raise::from)
            .and_then(|()| host.start(&connection, plan, &options, id));
        if let Err(raise) = started {
            // The first error is the one to raise; values that could not be dropped are dropped later.
            for number in [id].into_iter().chain(planner) {
                let _ = host.forget_values(number);
            }
            return Err(raise);
        }
        one(lua, socket)
    })
}

/// Returns the function by which the script plans the attempts of a connection that is opened again.
fn before(table: &Value, options: &Options, callable: &Function) -> Result<Option<Value>, Raise> {
    let (true, Value::Table(table)) = (options.reconnect.as_ref().is_some_and(|reconnect| reconnect.before), table)
    else {
        return Ok(None);
    };
    let before: Value = table.raw_get::<Table>("reconnect")?.raw_get("before")?;
    if !callable.call::<bool>(&before)? {
        let got = type_name(&before);
        return raise(format!("option reconnect.before must be a function or callable, got {got}"));
    }
    Ok(Some(before))
}

/// Makes the function that dispatch.rs calls for an attempt that is to be planned: `plan(ws, before, attempt)`. `call`
/// is that of delivery.lua.
pub fn plan_function(builder: &Builder, sockets: &Sockets, call: &Function) -> mlua::Result<Function> {
    let functions: Table = builder.lua.create_table()?;
    let known = Rc::clone(sockets);
    builder.add_raw(&functions, "make", move |_, _, (this, url, headers): (Value, Value, Value)| {
        let socket = borrowed(&known, &this, "plan")?;
        let endpoint = match &socket.planning {
            Some(planning) => planning.plan(&url, &headers)?,
            None => None,
        };
        if let Some(endpoint) = endpoint {
            socket.set_endpoint(&endpoint);
        }
        nothing()
    })?;
    let known = Rc::clone(sockets);
    builder.add_raw(&functions, "hand_over", move |_, host, this: Value| {
        let socket = borrowed(&known, &this, "plan")?;
        host.end_planning();
        host.check_process()?;
        let answer = socket.planning.as_ref().map_or(Answer::Failed, Planning::take);
        socket.connection.preparation.answer(answer);
        nothing()
    })?;
    let make: Function = functions.raw_get("make")?;
    let hand_over: Function = functions.raw_get("hand_over")?;
    builder.lua.load(include_str!("planning.lua")).set_name("=websocket").call((call, make, hand_over))
}
