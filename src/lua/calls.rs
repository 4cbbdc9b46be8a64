//! The C function that calls one callback after another, for [`super::dispatch`], which says what becomes of errors.
//!
//! Comes in: the items of the inbox. Goes out: calls of Lua. An item stays in front of the inbox while its Lua values
//! are made, which is all that may fail; then it is taken, and its callback is called. A message for a connection
//! without a callback goes into its mailbox instead, and our own function is called, which wakes whoever waits for it.
//!
//! No Rust value that needs dropping exists while Lua is called, because an error of Lua passes over Rust's frames.
//! This needs Lua's C API, which is why the file has `unsafe`.

#![allow(unsafe_code)]

use std::ffi::c_int;

use mlua::{Function, Lua, Table, Value, ffi, lua_State};

use super::effect::{Detail, Effect, Shown, is_given_up, settle, shown};
use super::handle::{self, Slot};
use super::host::{Host, Sentinel};
use super::inbox::Next;
use super::push::{push_attempt, push_bytes, raw_get, raw_remove};
use super::socket::Socket;
use crate::event::{Event, Kind};
use crate::process;
use crate::queue::ConnectionId;
use crate::timers;

/// What `batch` needs.
pub struct Parts<'a> {
    /// The userdata of a [`Sentinel`].
    pub sentinel: &'a Value,
    /// The metatable of connections.
    pub metatable: &'a Table,
    /// The host's tables.
    pub host: &'a Host,
    /// The function of planning.lua.
    pub plan: &'a Function,
}

/// The upvalues of `batch`: the sentinel, three tables, two functions, and strings.
const SENTINEL: c_int = 1;
const METATABLE: c_int = 2;
const SOCKETS: c_int = 3;
const CALLBACKS: c_int = 4;
const NOTHING: c_int = 5;
const PLAN: c_int = 6;
/// The first of the three strings.
const STRINGS: c_int = 7;

/// What `batch` keeps on its stack: three strings, and of the connection that had the last event its callback and its
/// userdata.
const RECEIVED: c_int = 1;
const TEXT: c_int = 2;
const BINARY: c_int = 3;
const CALLBACK: c_int = 4;
const SOCKET: c_int = 5;

/// Makes `batch()`, which only `dispatch` may call.
pub fn batch_function(lua: &Lua, parts: &Parts) -> mlua::Result<Function> {
    let tables = (parts.metatable, &parts.host.sockets, &parts.host.callbacks);
    let strings = ("received", Kind::Text.as_str(), Kind::Binary.as_str());
    // SAFETY: the functions get the upvalues that they want.
    unsafe {
        let functions = (lua.create_c_function(nothing)?, parts.plan);
        let upvalues =
            (parts.sentinel, tables.0, tables.1, tables.2, functions.0, functions.1, strings.0, strings.1, strings.2);
        handle::closure(lua, batch, upvalues)
    }
}

/// Calls the callbacks of this dispatch, until all are called or one raises.
unsafe extern "C-unwind" fn batch(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this with a valid state, a C function may use 20 stack slots, and nothing here needs dropping
    // when Lua raises; a callback and its arguments need five slots beside those that are kept, and no call takes more
    // than three others.
    unsafe {
        // If too many C functions are nested already, this call raises, and not that of a callback.
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(NOTHING));
        ffi::lua_call(state, 0, 0);
        for string in STRINGS..STRINGS + 3 {
            ffi::lua_pushvalue(state, ffi::lua_upvalueindex(string));
        }
        ffi::lua_settop(state, SOCKET);
        // No connection has the number 0.
        let mut batch =
            Batch { state, sentinel: Slot::upvalue(state, SENTINEL), id: 0, socket: Slot::NONE, has_mailbox: false };
        // A callback may have forked: what waits belongs to the parent.
        while !process::is_forked_child() {
            let Some(host) = batch.host() else { break };
            host.inbox.finish();
            match host.inbox.next() {
                None => break,
                Some(Next::Message(id, kind, payload)) => batch.call_with_message(id, kind, payload),
                Some(Next::Event(id)) => batch.call_back(id),
                Some(Next::Deferred(number)) => batch.call_deferred(number),
                Some(Next::Timer(number)) => batch.call_timer(number),
            }
        }
    }
    0
}

/// A `batch` that is running, with its values on the stack.
struct Batch {
    state: *mut lua_State,
    sentinel: Slot<Sentinel>,
    /// The connection that had the last event.
    id: ConnectionId,
    socket: Slot<Socket>,
    /// Its messages wait for the script to receive them.
    has_mailbox: bool,
}

// Each function here is called by `batch` while Lua is calling that, which is what makes it safe.
impl Batch {
    /// Returns the host until it has ended, for use until the next call into Lua.
    unsafe fn host<'a>(&self) -> Option<&'a Host> {
        // SAFETY: the upvalue refers to the userdata.
        unsafe { self.sentinel.value() }.map(|sentinel| &*sentinel.0)
    }

    /// Takes a deferred function and calls it.
    unsafe fn call_deferred(&self, number: u64) {
        // SAFETY: as above.
        unsafe {
            raw_get(self.state, CALLBACKS, number);
            raw_remove(self.state, CALLBACKS, number);
            let Some(host) = self.host() else { return };
            host.inbox.take();
            host.inbox.count();
            ffi::lua_call(self.state, 0, 0);
        }
    }

    /// Takes a timer and calls its function, unless the timer was cancelled.
    unsafe fn call_timer(&self, number: u64) {
        // SAFETY: as above.
        unsafe {
            let Some(host) = self.host() else { return };
            host.inbox.take();
            let Some(next) = host.take_timer(number) else { return };
            host.inbox.count();
            raw_get(self.state, CALLBACKS, number);
            if next == timers::Next::Never {
                raw_remove(self.state, CALLBACKS, number);
            }
            ffi::lua_call(self.state, 0, 0);
        }
    }

    /// Takes the event in front and calls the callback of its connection.
    unsafe fn call_back(&mut self, id: ConnectionId) {
        // SAFETY: as above. The event stays where it is until `take`, because only the dispatch that is running takes
        // from the inbox, so the pointers are valid for as long as they are used.
        unsafe {
            self.turn_to(id);
            let Some(host) = self.host() else { return };
            let Some(socket) = self.socket.value() else {
                // The script never got the connection, because `new` has failed, or it has taken its metatable away.
                match host.inbox.take() {
                    Some(Event::End(_)) => host.forget(id),
                    Some(Event::Preparing(_)) => host.refuse_planning(id),
                    _ => {}
                }
                return;
            };
            let Some(shown) = host.inbox.look(|event| shown(event, socket)) else { return };
            let arguments = self.push_call(shown);
            // What was made above may have run finalisers.
            let (Some(host), Some(socket)) = (self.host(), self.socket.value()) else { return };
            let Some(event) = host.inbox.take() else { return };
            match settle(host, id, socket, event) {
                Effect::Hidden => return ffi::lua_settop(self.state, SOCKET),
                // There was no logger when the arguments were made.
                Effect::Shown if ffi::lua_isnil(self.state, SOCKET + 1) != 0 => {
                    return ffi::lua_settop(self.state, SOCKET);
                }
                Effect::Shown => {}
                Effect::Ended => {
                    raw_remove(self.state, CALLBACKS, id);
                    raw_remove(self.state, SOCKETS, id);
                    if let Some(planning) = &socket.planning {
                        raw_remove(self.state, CALLBACKS, planning.function);
                    }
                }
            }
            host.inbox.count();
            ffi::lua_call(self.state, arguments, 0);
        }
    }

    /// Takes the message in front, which is this one, and calls the callback of its connection.
    #[inline]
    unsafe fn call_with_message(&mut self, id: ConnectionId, kind: Kind, payload: *const [u8]) {
        // SAFETY: as above; the payload stays where it is until `take_message`.
        unsafe {
            self.turn_to(id);
            if self.has_mailbox {
                return self.fill_mailbox();
            }
            let is_known = self.socket.value().is_some();
            if is_known {
                ffi::lua_pushvalue(self.state, CALLBACK);
                self.push_message(kind, payload);
                ffi::lua_pushvalue(self.state, SOCKET);
            }
            // What was made above may have run finalisers.
            let Some(host) = self.host() else { return };
            host.inbox.take_message();
            if !is_known || self.socket.value().is_none_or(is_given_up) {
                return ffi::lua_settop(self.state, SOCKET);
            }
            host.inbox.count();
            ffi::lua_call(self.state, 4, 0);
        }
    }

    /// Moves the messages in front into the mailbox of their connection, and calls the function that wakes whoever waits
    /// for them.
    #[cold]
    unsafe fn fill_mailbox(&self) {
        // SAFETY: as above. Nothing here calls Lua before the last line.
        unsafe {
            let Some(host) = self.host() else { return };
            let Some((messages, charge)) = host.inbox.take_messages() else { return };
            let Some(socket) = self.socket.value() else { return };
            let Some(mailbox) = socket.mailbox.as_ref().filter(|_| !is_given_up(socket)) else { return };
            mailbox.push(messages, charge);
            host.inbox.count();
            ffi::lua_pushvalue(self.state, CALLBACK);
            ffi::lua_pushvalue(self.state, RECEIVED);
            ffi::lua_pushnil(self.state);
            ffi::lua_pushnil(self.state);
            ffi::lua_pushvalue(self.state, SOCKET);
            ffi::lua_call(self.state, 4, 0);
        }
    }

    /// Puts the callback and the userdata of a connection on the stack, unless they are there.
    #[inline]
    unsafe fn turn_to(&mut self, id: ConnectionId) {
        // SAFETY: as above.
        unsafe {
            if id == self.id {
                return;
            }
            raw_get(self.state, CALLBACKS, id);
            ffi::lua_replace(self.state, CALLBACK);
            raw_get(self.state, SOCKETS, id);
            ffi::lua_replace(self.state, SOCKET);
            self.id = id;
            self.socket = Slot::at(self.state, SOCKET, ffi::lua_upvalueindex(METATABLE));
            self.has_mailbox = self.socket.value().is_some_and(|socket| socket.mailbox.is_some());
        }
    }

    /// Pushes what is called for an event and its arguments; returns the number of these. The pointers are valid.
    unsafe fn push_call(&self, shown: Shown) -> c_int {
        let state = self.state;
        // SAFETY: as above.
        unsafe {
            match shown {
                Shown::Planning(attempt, function) => {
                    ffi::lua_pushvalue(state, ffi::lua_upvalueindex(PLAN));
                    ffi::lua_pushvalue(state, SOCKET);
                    raw_get(state, CALLBACKS, function);
                    handle::push_count(state, attempt);
                    return 3;
                }
                Shown::Line(level, text) => {
                    raw_get(state, CALLBACKS, self.host().and_then(|host| host.logger.get()).unwrap_or_default());
                    push_bytes(state, level.as_bytes());
                    push_bytes(state, &*text);
                    ffi::lua_pushvalue(state, SOCKET);
                    return 3;
                }
                Shown::Message(kind, payload) => {
                    ffi::lua_pushvalue(state, CALLBACK);
                    self.push_message(kind, payload);
                }
                Shown::Other(event, message, detail) => {
                    ffi::lua_pushvalue(state, CALLBACK);
                    push_bytes(state, event.as_bytes());
                    match message {
                        Some(message) => push_bytes(state, &*message),
                        None => ffi::lua_pushnil(state),
                    }
                    match detail {
                        Detail::Nothing => ffi::lua_pushnil(state),
                        Detail::Name(name) => push_bytes(state, name.as_bytes()),
                        Detail::Code(code) => ffi::lua_pushinteger(state, ffi::lua_Integer::from(code)),
                        Detail::Attempt(reconnecting) => push_attempt(state, &*reconnecting),
                    }
                }
            }
            ffi::lua_pushvalue(state, SOCKET);
        }
        4
    }

    /// Pushes the first three arguments of a callback for a message, whose pointer is valid.
    unsafe fn push_message(&self, kind: Kind, payload: *const [u8]) {
        let kind = match kind {
            Kind::Text => TEXT,
            Kind::Binary => BINARY,
        };
        // SAFETY: as above.
        unsafe {
            ffi::lua_pushvalue(self.state, RECEIVED);
            push_bytes(self.state, &*payload);
            ffi::lua_pushvalue(self.state, kind);
        }
    }
}

unsafe extern "C-unwind" fn nothing(_: *mut lua_State) -> c_int {
    0
}
