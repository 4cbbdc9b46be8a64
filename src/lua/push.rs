//! Pushes the values of events on Lua's stack, and those that tables hold by number. This needs Lua's C API, which is
//! why the file has `unsafe`.

#![allow(unsafe_code)]

use std::ffi::c_int;

use mlua::{ffi, lua_State};

use super::handle;
use crate::event::Reconnecting;

/// Pushes the table about the next attempt.
pub unsafe fn push_attempt(state: *mut lua_State, reconnecting: &Reconnecting) {
    let Reconnecting { error, code, reason, attempt, delay, lost, .. } = reconnecting;
    let counts = [
        (c"attempt", *attempt),
        (c"lost_messages", lost.count),
        (c"lost_bytes", lost.bytes),
        (c"code", usize::from(*code)),
    ];
    // SAFETY: the caller is a function that Lua calls with this state, and nothing here needs dropping.
    unsafe {
        ffi::lua_createtable(state, 0, 7);
        for (name, count) in counts {
            handle::push_count(state, count);
            ffi::lua_setfield(state, -2, name.as_ptr());
        }
        ffi::lua_pushnumber(state, delay.as_secs_f64());
        ffi::lua_setfield(state, -2, c"delay".as_ptr());
        push_bytes(state, reason.as_bytes());
        ffi::lua_setfield(state, -2, c"reason".as_ptr());
        if let Some(error) = error {
            push_bytes(state, error.as_str().as_bytes());
            ffi::lua_setfield(state, -2, c"error".as_ptr());
        }
    }
}

/// Pushes a string.
pub unsafe fn push_bytes(state: *mut lua_State, bytes: &[u8]) {
    // SAFETY: the callers are functions that Lua calls with this state, and Lua copies the bytes.
    unsafe { ffi::lua_pushlstring(state, bytes.as_ptr().cast(), bytes.len()) };
}

/// Pushes the field of that number of a table in an upvalue. The key is a float, which Lua takes for the integer of the
/// same value; the numbers stay below 2^53.
pub unsafe fn raw_get(state: *mut lua_State, table: c_int, number: u64) {
    // SAFETY: the callers are functions that Lua calls with this state.
    unsafe {
        ffi::lua_pushnumber(state, number as f64);
        ffi::lua_rawget(state, ffi::lua_upvalueindex(table));
    }
}

/// Removes the field of that number, which exists, from a table in an upvalue. Raises nothing.
pub unsafe fn raw_remove(state: *mut lua_State, table: c_int, number: u64) {
    // SAFETY: as above.
    unsafe {
        ffi::lua_pushnumber(state, number as f64);
        ffi::lua_pushnil(state);
        ffi::lua_rawset(state, ffi::lua_upvalueindex(table));
    }
}
