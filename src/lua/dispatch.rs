//! From the inbox to callbacks: the C function that `poll` and `run` in `websocket/init.lua` call for all that waits.
//!
//! `dispatch(max)` calls `batch` in `lua_pcall`, with `with_traceback` of delivery.lua as the message handler, and
//! `batch` calls one callback after another. An item stays in front of the inbox while its Lua values are made, which
//! is all that may fail. Then it is taken and its callback is called, with nothing in between that can raise: no event
//! is lost, and none is delivered twice. When `batch` is cut off, the inbox tells whether a callback had begun. If so,
//! `deal_with` of delivery.lua gets the error, and `batch` goes on.
//!
//! | what happens | what becomes of it | the next item |
//! |---|---|---|
//! | the callback returns | | is delivered |
//! | the callback raises, or yields, which a call from C makes an error | `deal_with` hands the error over | is delivered |
//! | no memory or Lua stack to enter the callback | the same: the callback has begun | is delivered |
//! | `deal_with` says that the error must leave `poll`, or itself is interrupted | `poll` raises the error | waits |
//! | no memory for the values of the event, a full C stack, or a hook's or finaliser's error before the callback | `poll` raises the error as it is | is the same item |
//! | the timer was cancelled before its item is taken | nothing is called | is delivered |
//! | the callback forks | in the child, `poll` raises | is the parent's |
//! | the callback closes the Lua state, and a C function unwinds to the host | the call never returns | there is none |
//!
//! A call from Rust by mlua costs several times as much as all of this, and changes error values, so this file calls
//! Lua's C API, which is why it has `unsafe`. No Rust value that needs dropping exists while Lua is called, because an
//! error of Lua passes over Rust's frames.

#![allow(unsafe_code)]

use std::ffi::c_int;

use mlua::{Function, Lua, Table, Value, ffi, lua_State};

use super::effect::{Detail, Effect, Shown, is_given_up, settle, shown};
use super::handle::{self, Slot};
use super::host::{ENDING, FORKED, Host, Sentinel};
use super::inbox::Next;
use super::push::{push_attempt, push_bytes, raw_get, raw_remove};
use super::socket::Socket;
use crate::event::{Event, Kind};
use crate::process;
use crate::queue::ConnectionId;
use crate::timers;

/// What `dispatch` is made of.
pub struct Parts<'a> {
    /// The userdata of a [`Sentinel`].
    pub sentinel: &'a Value,
    /// The metatable of connections.
    pub metatable: &'a Table,
    /// The host's tables.
    pub host: &'a Host,
    /// `with_traceback` of delivery.lua.
    pub with_traceback: &'a Function,
    /// `deal_with` of delivery.lua.
    pub deal_with: &'a Function,
    /// The function of planning.lua.
    pub plan: &'a Function,
}

/// The first upvalue of both functions: the sentinel.
const SENTINEL: c_int = 1;

/// The other upvalues of `dispatch`.
const BATCH: c_int = 2;
const WITH_TRACEBACK: c_int = 3;
const DEAL_WITH: c_int = 4;

/// The other upvalues of `batch`.
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

/// Makes `dispatch(max)`, which returns the number of callbacks, and `{ problem = error }` for an error that must leave
/// `poll`; or false and a text.
pub fn dispatch_function(lua: &Lua, parts: &Parts) -> mlua::Result<Function> {
    // SAFETY: the functions get the upvalues that they want, and only `dispatch` can reach `batch`.
    unsafe {
        let nothing = lua.create_c_function(nothing)?;
        let tables = (parts.metatable, &parts.host.sockets, &parts.host.callbacks);
        let strings = ("received", Kind::Text.as_str(), Kind::Binary.as_str());
        let functions = (nothing, parts.plan);
        let upvalues =
            (parts.sentinel, tables.0, tables.1, tables.2, functions.0, functions.1, strings.0, strings.1, strings.2);
        let batch = handle::closure(lua, batch, upvalues)?;
        handle::closure(lua, dispatch, (parts.sentinel, batch, parts.with_traceback, parts.deal_with))
    }
}

unsafe extern "C-unwind" fn dispatch(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this with a valid state, a C function may use 20 stack slots, and nothing here needs dropping
    // when Lua raises.
    unsafe {
        let max =
            if ffi::lua_type(state, 1) == ffi::LUA_TNUMBER { ffi::lua_tonumber(state, 1) as usize } else { usize::MAX };
        ffi::lua_settop(state, 0);
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(WITH_TRACEBACK));
        let Some(host) = host(state) else { return ending(state) };
        if process::is_forked_child() {
            return forked(state);
        }
        host.begin_dispatch(max);
        loop {
            ffi::lua_pushvalue(state, ffi::lua_upvalueindex(BATCH));
            let status = ffi::lua_pcall(state, 0, 0, 1);
            let Some(host) = self::host(state) else { return ending(state) };
            if status == ffi::LUA_OK {
                let ran = host.end_dispatch();
                if process::is_forked_child() {
                    return forked(state);
                }
                handle::push_count(state, ran);
                return 1;
            }
            if !host.inbox.finish() {
                host.end_dispatch();
                raise_caught(state);
            }
            ffi::lua_pushvalue(state, ffi::lua_upvalueindex(DEAL_WITH));
            ffi::lua_insert(state, -2);
            let status = ffi::lua_pcall(state, 1, 1, 0);
            let Some(host) = self::host(state) else { return ending(state) };
            if status != ffi::LUA_OK {
                host.end_dispatch();
                ffi::lua_error(state);
            }
            if ffi::lua_type(state, -1) != ffi::LUA_TNIL {
                let ran = host.end_dispatch();
                handle::push_count(state, ran);
                ffi::lua_insert(state, -2);
                return 2;
            }
            ffi::lua_settop(state, 1);
        }
    }
}

/// Calls the callbacks of this dispatch, until all are called or one raises.
unsafe extern "C-unwind" fn batch(state: *mut lua_State) -> c_int {
    // SAFETY: as for `dispatch`; a callback and its arguments need five slots beside those that are kept, and no call
    // takes more than three others.
    unsafe {
        // If too many C functions are nested already, this call raises, and not that of a callback.
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(NOTHING));
        ffi::lua_call(state, 0, 0);
        for string in STRINGS..STRINGS + 3 {
            ffi::lua_pushvalue(state, ffi::lua_upvalueindex(string));
        }
        ffi::lua_settop(state, SOCKET);
        // No connection has the number 0.
        let mut batch = Batch { state, sentinel: Slot::upvalue(state, SENTINEL), id: 0, socket: Slot::NONE };
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
    unsafe fn call_with_message(&mut self, id: ConnectionId, kind: Kind, payload: *const [u8]) {
        // SAFETY: as above; the payload stays where it is until `take_message`.
        unsafe {
            self.turn_to(id);
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

    /// Puts the callback and the userdata of a connection on the stack, unless they are there.
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

/// Returns the host until it has ended, for use until the next call into Lua.
unsafe fn host<'a>(state: *mut lua_State) -> Option<&'a Host> {
    // SAFETY: `dispatch` has the sentinel there.
    unsafe { Slot::<Sentinel>::upvalue(state, SENTINEL).value() }.map(|sentinel| &*sentinel.0)
}

/// Answers in the child of a fork.
unsafe fn forked(state: *mut lua_State) -> c_int {
    // SAFETY: the caller is a function that Lua calls with this state.
    unsafe { refuse(state, FORKED) }
}

/// Answers where the host has ended.
unsafe fn ending(state: *mut lua_State) -> c_int {
    // SAFETY: the caller is a function that Lua calls with this state.
    unsafe { refuse(state, ENDING) }
}

unsafe fn refuse(state: *mut lua_State, text: &str) -> c_int {
    // SAFETY: as above.
    unsafe {
        ffi::lua_pushboolean(state, 0);
        push_bytes(state, text.as_bytes());
    }
    2
}

/// Raises the error that `with_traceback` has put into a table, or the value that is in its place if that has failed.
unsafe fn raise_caught(state: *mut lua_State) -> ! {
    // SAFETY: the caller is a function that Lua calls with this state, and the error is on top.
    unsafe {
        if ffi::lua_type(state, -1) == ffi::LUA_TTABLE {
            ffi::lua_getfield(state, -1, c"problem".as_ptr());
        }
        ffi::lua_error(state)
    }
}

unsafe extern "C-unwind" fn nothing(_: *mut lua_State) -> c_int {
    0
}
