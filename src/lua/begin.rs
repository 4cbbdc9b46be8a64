//! Makes the function that notes that a callback has begun and calls it, with no Lua instruction in between.
//!
//! Comes in: a table, a serial number, a callback and its arguments. Goes out: the number in the table, and the call.
//! [`super::delivery`] says what the note is for. A debug hook, and so Ctrl-C, can raise an error at every Lua instruction
//! and at every call; the note and the call are made in C, so no hook can run between the two. This file has
//! `unsafe`, because mlua changes the error values that pass through its own functions.

#![allow(unsafe_code)]

use std::ffi::c_int;

use mlua::{Function, Lua, Table, ffi, lua_State};

/// Makes the table `mark`: a number, and a function that does nothing.
pub fn mark(lua: &Lua) -> mlua::Result<Table> {
    let mark = lua.create_table()?;
    mark.raw_set(1, 0)?;
    // SAFETY: the function uses nothing.
    mark.raw_set(2, unsafe { lua.create_c_function(do_nothing) }?)?;
    Ok(mark)
}

/// Makes `begin(mark, number, callback, ...)`, which sets `mark[1]` and calls the callback.
pub fn begin_function(lua: &Lua) -> mlua::Result<Function> {
    // SAFETY: the function only uses the state that Lua calls it with.
    unsafe { lua.create_c_function(begin) }
}

unsafe extern "C-unwind" fn begin(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this with a valid state and the three arguments above, a C function may use 20 more stack slots,
    // and nothing here needs dropping when Lua raises.
    unsafe {
        // If too many C functions are nested already, this call raises, before the note, and not the callback's after it.
        ffi::lua_rawgeti(state, 1, 2);
        ffi::lua_call(state, 0, 0);
        ffi::lua_pushvalue(state, 2);
        ffi::lua_rawseti(state, 1, 1);
        let arguments = ffi::lua_gettop(state) - 3;
        ffi::lua_call(state, arguments, 0);
    }
    0
}

unsafe extern "C-unwind" fn do_nothing(_: *mut lua_State) -> c_int {
    0
}
