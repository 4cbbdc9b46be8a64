//! Makes full userdata that have a script's metatable and nothing else.
//!
//! Comes in: a table. Goes out: a userdata. Lua 5.2 and later offer scripts no way to make one, and mlua gives every
//! userdata a metatable of its own, so this file calls Lua's C API, which is why it has `unsafe`.

#![allow(unsafe_code)]

use std::ffi::c_int;

use mlua::{Function, Lua, ffi, lua_State};

/// Makes the function that takes a table and returns a new userdata with that table as its metatable. Its caller checks
/// that the argument is a table.
pub fn userdata_maker(lua: &Lua) -> mlua::Result<Function> {
    // SAFETY: the function only uses the state that Lua calls it with.
    unsafe { lua.create_c_function(make_userdata) }
}

unsafe extern "C-unwind" fn make_userdata(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this with a valid state, the one argument is a table, a C function may use 20 stack slots, and
    // nothing here needs dropping when Lua raises for lack of memory.
    unsafe {
        ffi::lua_settop(state, 1);
        ffi::lua_newuserdata(state, 0);
        ffi::lua_pushvalue(state, 1);
        ffi::lua_setmetatable(state, 2);
    }
    1
}
