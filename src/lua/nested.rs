//! Lets a finaliser of a script call the module in the middle of another call of the module, on Lua 5.1.
//!
//! What may raise an error, mlua runs in `lua_pcall`. On Lua 5.1 it hands the function for that over in a field of the
//! registry. The collector may run a finaliser between the writing and the reading of that field. If the finaliser calls the module,
//! mlua would then call another function than it means to, and crash. So each call of the module puts back what
//! it found in that field. The key is one of mlua's own, and this takes Lua's C API, which is why the file has `unsafe`.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::{mem, ptr};

use mlua::{Function, LightUserData, Lua, ffi, lua_State};

use super::handle;

/// How many fields of the registry are looked at. `lua_next` of Lua 5.1 goes round and round in a table that once ran out
/// of memory while it grew.
const MOST_FIELDS: usize = 100_000;

/// Makes `put_back(raw, ...)`, which returns what `raw(...)` returns, and puts the field back. Nothing where mlua has
/// no such field.
pub fn put_back_function(lua: &Lua) -> mlua::Result<Option<Function>> {
    let key = key(lua)?;
    if key.is_null() {
        return Ok(None);
    }
    // SAFETY: the function gets the upvalue that it wants.
    unsafe { handle::closure(lua, put_back, LightUserData(key)) }.map(Some)
}

/// Finds the key of the field, which is the one that holds the function that is running now.
fn key(lua: &Lua) -> mlua::Result<*mut c_void> {
    let mut key: *mut c_void = ptr::null_mut();
    // SAFETY: the closure has nothing to drop, so each call in it may raise; `lua_getstack` fills the record.
    unsafe {
        lua.exec_raw::<()>((), |state| {
            let mut record: ffi::lua_Debug = mem::zeroed();
            ffi::lua_getstack(state, 0, &mut record);
            ffi::lua_getinfo(state, c"f".as_ptr(), &mut record);
            ffi::lua_pushnil(state);
            let mut left = MOST_FIELDS;
            while key.is_null() && left > 0 && ffi::lua_next(state, ffi::LUA_REGISTRYINDEX) != 0 {
                left -= 1;
                if ffi::lua_type(state, -2) == ffi::LUA_TLIGHTUSERDATA && ffi::lua_rawequal(state, 1, -1) != 0 {
                    key = ffi::lua_touserdata(state, -2);
                }
                ffi::lua_pop(state, 1);
            }
            ffi::lua_settop(state, 0);
        })
    }?;
    Ok(key)
}

unsafe extern "C-unwind" fn put_back(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this with a valid state, a C function may use 20 more stack slots, and nothing here needs dropping
    // when the function raises.
    unsafe {
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_rawget(state, ffi::LUA_REGISTRYINDEX);
        ffi::lua_insert(state, 1);
        let arguments = ffi::lua_gettop(state) - 2;
        ffi::lua_call(state, arguments, ffi::LUA_MULTRET);
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_pushvalue(state, 1);
        ffi::lua_rawset(state, ffi::LUA_REGISTRYINDEX);
        ffi::lua_gettop(state) - 1
    }
}
