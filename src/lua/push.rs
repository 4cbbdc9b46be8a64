//! Pushes the values of events on Lua's stack, by Lua's C API, which is why the file has `unsafe`.

#![allow(unsafe_code)]

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
