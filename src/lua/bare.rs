//! Makes full userdata that have a script's metatable and nothing else.
//!
//! Comes in: a table. Goes out: a userdata. Lua 5.2 and later offer scripts no way to make one, and mlua gives every
//! userdata a metatable of its own, so this file calls Lua's C API, which is why it has `unsafe`.

#![allow(unsafe_code)]

use std::ffi::c_int;

use mlua::{Function, Lua, ffi, lua_State};

/// Makes the function that takes a table and returns a new userdata with that table as its metatable; nil for what is no
/// table, and for a metatable that C code recognises its own userdata by.
pub fn userdata_maker(lua: &Lua) -> mlua::Result<Function> {
    // SAFETY: the function only uses the state that Lua calls it with.
    unsafe { lua.create_c_function(make_userdata) }
}

unsafe extern "C-unwind" fn make_userdata(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this with a valid state, a C function may use 20 stack slots, and nothing here needs dropping when
    // Lua raises for lack of memory.
    unsafe {
        ffi::lua_settop(state, 1);
        if ffi::lua_type(state, 1) != ffi::LUA_TTABLE || is_registered(state) {
            return 0;
        }
        ffi::lua_newuserdata(state, 0);
        ffi::lua_pushvalue(state, 1);
        ffi::lua_setmetatable(state, 2);
    }
    1
}

/// Tells whether the registry holds the table at index 1 under a name. There C code keeps the metatables by which it recognises its
/// userdata; it would take ours, which is empty, for one of these, and read beyond its end.
///
/// # Safety
/// The state is valid, has that table and three free stack slots.
unsafe fn is_registered(state: *mut lua_State) -> bool {
    // SAFETY: the registry is a table, and each key that lua_next left is the one it goes on from.
    unsafe {
        ffi::lua_pushnil(state);
        while ffi::lua_next(state, ffi::LUA_REGISTRYINDEX) != 0 {
            if ffi::lua_type(state, -2) == ffi::LUA_TSTRING && ffi::lua_rawequal(state, 1, -1) != 0 {
                ffi::lua_pop(state, 2);
                return true;
            }
            ffi::lua_pop(state, 1);
        }
        false
    }
}
