//! `websocket.connections` and `websocket.close_all`: all connections of a Lua state that are alive.

use std::rc::Rc;

use mlua::{Table, Value};

use super::answer::{one, raise};
use super::arguments::{close_frame, described};
use super::builder::Builder;
use super::host::Host;
use super::socket::Sockets;

/// Adds `connections` and `close_all`.
pub fn add_functions(builder: &Builder, core: &Table, sockets: &Sockets) -> mlua::Result<()> {
    let sockets = Rc::clone(sockets);
    builder.add(core, "connections", |lua, host, what: Value| match &what {
        Value::Nil => one(lua, host.alive()),
        Value::String(text) if *text.as_bytes() == *b"list" => one(lua, userdata(host)?),
        other => raise(format!("argument of connections must be \"list\" or nil, got {}", described(other))),
    })?;
    builder.add(core, "close_all", move |lua, host, (code, reason): (Value, Value)| {
        let body = close_frame(&code, &reason)?;
        host.check_process()?;
        let mut closed = 0;
        for userdata in userdata(host)? {
            if sockets.held(&userdata).is_some_and(|socket| socket.close(body.clone())) {
                closed += 1;
            }
        }
        one(lua, closed)
    })
}

/// Returns the connections that are alive, the oldest first.
fn userdata(host: &Host) -> mlua::Result<Vec<Value>> {
    let values = host.alive_numbers().into_iter().map(|number| host.sockets.raw_get(number));
    values.filter(|value| !matches!(value, Ok(Value::Nil))).collect()
}
