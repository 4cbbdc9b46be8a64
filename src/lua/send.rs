//! `ws:send` for the usual case, as a C function: one string goes into the outbox of an open connection, with nothing
//! else between it and the script.
//!
//! Comes in: a connection, a string, and perhaps `is_binary`. Goes out: the message. Whatever else a script passes or meets
//! is left to the function that [`super::socket`] makes, which has all the checks and error texts. A call of a
//! function of mlua costs several times as much as the rest, so this file calls Lua's C API, which is why it has `unsafe`.

#![allow(unsafe_code)]

use std::ffi::c_int;
use std::slice;

use mlua::{Function, Lua, Table, ffi, lua_State};

use super::handle::{self, Slot};
use super::socket::Socket;
use crate::event::Kind;

/// The upvalues: the metatable of connections, and the function for everything unusual.
const METATABLE: c_int = 1;
const UNUSUAL: c_int = 2;

/// Makes the method. `unusual` takes the same arguments.
pub fn send_function(lua: &Lua, metatable: &Table, unusual: &Function) -> mlua::Result<Function> {
    // SAFETY: the function checks its arguments, and gets the upvalues that it wants.
    unsafe { handle::closure(lua, send, (metatable, unusual)) }
}

unsafe extern "C-unwind" fn send(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this with a valid state, a C function may use 20 more stack slots, and nothing here needs dropping
    // when the other function raises.
    unsafe {
        if send_usual(state) {
            ffi::lua_settop(state, 1);
            return 1;
        }
        let arguments = ffi::lua_gettop(state);
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(UNUSUAL));
        ffi::lua_insert(state, 1);
        ffi::lua_call(state, arguments, ffi::LUA_MULTRET);
        ffi::lua_gettop(state)
    }
}

/// Sends the message if nothing is unusual about it; tells whether it was sent. Raises nothing.
///
/// # Safety
/// Lua is calling [`send`] with this state.
unsafe fn send_usual(state: *mut lua_State) -> bool {
    // SAFETY: the string stays where it is while it is on the stack, and no call into Lua follows while it and the connection
    // are used. To read a string as one does not convert it, so that does not raise.
    unsafe {
        let kind = match (ffi::lua_gettop(state), ffi::lua_type(state, 3)) {
            (2, _) | (3, ffi::LUA_TNIL) => Kind::Text,
            (3, ffi::LUA_TBOOLEAN) if ffi::lua_toboolean(state, 3) == 0 => Kind::Text,
            (3, ffi::LUA_TBOOLEAN) => Kind::Binary,
            _ => return false,
        };
        if ffi::lua_type(state, 2) != ffi::LUA_TSTRING {
            return false;
        }
        let mut length = 0;
        let bytes = ffi::lua_tolstring(state, 2, &mut length);
        let slot = Slot::<Socket>::at(state, 1, ffi::lua_upvalueindex(METATABLE));
        let message = slice::from_raw_parts(bytes.cast(), length);
        slot.value().is_some_and(|socket| socket.send(kind, message))
    }
}
