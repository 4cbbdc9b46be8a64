//! The first function that a Lua state calls: it makes sure that loading without memory raises.
//!
//! Comes in: a Lua state. Goes out: what [`super::open`] makes. It has `unsafe`, because mlua offers nothing for this:
//! its own entry panics where it has no memory to begin, and no panic may leave a C function: the process would abort.

#![allow(unsafe_code)]

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use mlua::{Lua, ffi, lua_State};

/// What mlua needs to begin, in bytes, and some more.
const ROOM: usize = 64 * 1024;

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn luaopen_websocket_core(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this with a valid state; nothing here needs dropping when Lua raises.
    unsafe {
        let top = ffi::lua_gettop(state);
        if !has_room(state) || catch_unwind(AssertUnwindSafe(|| begin(state))).is_err() {
            ffi::lua_settop(state, top);
            ffi::lua_pushstring(state, c"not enough memory to load websocket".as_ptr());
            ffi::lua_error(state);
        }
        Lua::entrypoint1(state, super::open)
    }
}

/// Lets mlua begin, which is done once for each state.
///
/// # Safety
/// The state is valid.
unsafe fn begin(state: *mut lua_State) {
    // SAFETY: as above.
    unsafe { Lua::get_or_init_from_ptr(state) };
}

/// Asks the state's allocator whether there is room, without leaving garbage.
///
/// # Safety
/// The state is valid.
unsafe fn has_room(state: *mut lua_State) -> bool {
    // SAFETY: a block that an allocator gave goes back to it, with the size it was asked for.
    unsafe {
        let mut data = ptr::null_mut();
        let allocate = ffi::lua_getallocf(state, &mut data);
        let block = allocate(data, ptr::null_mut(), 0, ROOM);
        if block.is_null() {
            return false;
        }
        allocate(data, block, ROOM, 0);
        true
    }
}
