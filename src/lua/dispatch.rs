//! From the inbox to callbacks: the C function that `poll` and `run` in `websocket/init.lua` call for all that waits.
//!
//! `dispatch(max)` calls `batch` of [`super::calls`] in `lua_pcall`, with `with_traceback` of delivery.lua as the
//! message handler, and `batch` calls one callback after another. An item stays in front of the inbox while its Lua values are made, which
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

use mlua::{Function, Lua, ffi, lua_State};

use super::calls::{self, Parts};
use super::handle::{self, Slot};
use super::host::{ENDING, FORKED, Host, Sentinel};
use super::push::push_bytes;
use crate::process;

/// The first upvalue of `dispatch`: the sentinel.
const SENTINEL: c_int = 1;

/// The other upvalues of `dispatch`.
const BATCH: c_int = 2;
const WITH_TRACEBACK: c_int = 3;
const DEAL_WITH: c_int = 4;

/// Makes `dispatch(max)`, which returns the number of callbacks, and `{ problem = error }` for an error that must leave
/// `poll`; or false and a text. `with_traceback` and `deal_with` are those of delivery.lua.
pub fn dispatch_function(
    lua: &Lua,
    parts: &Parts,
    with_traceback: &Function,
    deal_with: &Function,
) -> mlua::Result<Function> {
    let batch = calls::batch_function(lua, parts)?;
    // SAFETY: the function gets the upvalues that it wants, and only it can reach `batch`.
    unsafe { handle::closure(lua, dispatch, (parts.sentinel, batch, with_traceback, deal_with)) }
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
