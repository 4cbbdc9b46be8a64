//! How a script takes messages out of a mailbox: what `receive`, `messages` and `connect` in `websocket/receiving.lua`
//! are made of.
//!
//! Comes in: a connection. Goes out: its first message, or how it ended. A call of a function of mlua costs several
//! times as much as the rest, so `take` calls Lua's C API, which is why this file has `unsafe`.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::rc::Rc;

use mlua::{Function, Lua, Table, Value, ffi, lua_State};

use super::answer::{Answer, four, nothing, one, raise};
use super::builder::Builder;
use super::handle::{self, Slot};
use super::push::push_bytes;
use super::socket::{Socket, Sockets, Status, borrowed};
use crate::event::{End, Kind};
use crate::mailbox::Mailbox;
use crate::process;
use crate::quote::quoted;

/// The upvalues of `take`.
const METATABLE: c_int = 1;
const PUSH: c_int = 2;
const TEXT: c_int = 3;
const BINARY: c_int = 4;

/// Adds `take`, `how_far` and `on_arrival`.
pub fn add_functions(builder: &Builder, inner: &Table, sockets: &Sockets) -> mlua::Result<()> {
    inner.raw_set("take", take_function(builder.lua, sockets.metatable())?)?;
    // The function that is called for each event of a connection without a callback.
    builder.add_raw(inner, "on_arrival", |_, host, function: Value| {
        let number = host.number();
        host.callbacks.raw_set(number, function)?;
        host.arrival.set(number);
        nothing()
    })?;
    // Tells how far a connection without a callback is: "connecting", "open", or "over" with what `receive` returns then.
    let sockets = Rc::clone(sockets);
    builder.add_raw(inner, "how_far", move |lua, host, (this, method): (Value, String)| {
        let socket = borrowed(&sockets, &this, &method)?;
        if socket.mailbox.is_none() {
            return raise(format!(
                "{method} cannot be called on a connection with a callback, which gets its messages"
            ));
        }
        host.check_process()?;
        let end = socket.end.borrow().clone();
        match (end, socket.status.get()) {
            (Some(end), _) => over(lua, &end),
            (None, _) if host.has_ended() => over(lua, &End::dropped()),
            (None, Status::Connecting | Status::GivenUp) => one(lua, "connecting"),
            (None, _) => one(lua, "open"),
        }
    })
}

fn over(lua: &Lua, end: &End) -> Answer {
    let (text, code) = match end.error {
        Some(error) => (end.text.to_string(), error.as_str()),
        None => (closed_text(end), "closed"),
    };
    let number = if end.error.is_none() { Value::Integer(end.code.into()) } else { Value::Nil };
    four(lua, "over", text, code, number)
}

/// Says how a connection was closed.
fn closed_text(end: &End) -> String {
    let text = format!("connection closed with {}", end.code);
    match &*end.reason {
        "" => text,
        reason => format!("{text}: {}", quoted(reason.as_bytes())),
    }
}

fn take_function(lua: &Lua, metatable: &Table) -> mlua::Result<Function> {
    // SAFETY: `take` checks its argument, the functions get the upvalues that they want, and only `take` can reach
    // `push`.
    unsafe {
        let push = lua.create_c_function(push)?;
        handle::closure(lua, take, (metatable, push, Kind::Text.as_str(), Kind::Binary.as_str()))
    }
}

/// `take(ws)` returns the first message and its kind, and removes it; or nothing, if one may still come; or false, if it
/// takes `how_far` to say why there is none.
unsafe extern "C-unwind" fn take(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this with a valid state and 20 stack slots. The connection stays on the stack, so its mailbox
    // stays where it is. Nothing here needs dropping when the last call raises.
    unsafe {
        ffi::lua_settop(state, 1);
        let slot = Slot::<Socket>::at(state, 1, ffi::lua_upvalueindex(METATABLE));
        let Some((socket, mailbox)) = with_mailbox(&slot) else { return refuse(state) };
        let Some((kind, _)) = mailbox.front() else {
            return if socket.is_over() { refuse(state) } else { 0 };
        };
        // To make the string may run finalisers, which must not take the message meanwhile, and may fail.
        if !mailbox.hold() {
            return 0;
        }
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(PUSH));
        ffi::lua_pushlightuserdata(state, (&raw const *mailbox).cast_mut().cast::<c_void>());
        let status = ffi::lua_pcall(state, 1, 1, 0);
        mailbox.let_go();
        if status != ffi::LUA_OK {
            ffi::lua_error(state);
        }
        mailbox.pop();
        let kind = if kind == Kind::Text { TEXT } else { BINARY };
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(kind));
    }
    2
}

/// Returns a connection and its mailbox, for use until the next call into Lua that may finalise it.
///
/// # Safety
/// As [`Slot::value`].
unsafe fn with_mailbox<'a>(slot: &Slot<Socket>) -> Option<(&'a Socket, &'a Mailbox)> {
    if process::is_forked_child() {
        return None;
    }
    // SAFETY: as above.
    let socket = unsafe { slot.value() }?;
    Some((socket, socket.mailbox.as_deref()?))
}

unsafe fn refuse(state: *mut lua_State) -> c_int {
    // SAFETY: the caller is a function that Lua calls with this state.
    unsafe { ffi::lua_pushboolean(state, 0) };
    1
}

/// Pushes the first message of the mailbox that it gets.
unsafe extern "C-unwind" fn push(state: *mut lua_State) -> c_int {
    // SAFETY: only `take` calls this, with a mailbox that it holds and that has a message.
    unsafe {
        let mailbox: *const Mailbox = ffi::lua_touserdata(state, 1).cast();
        let Some((_, payload)) = (*mailbox).front() else { return 0 };
        push_bytes(state, &*payload);
    }
    1
}
