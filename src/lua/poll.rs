//! The C functions that `poll` in `websocket/init.lua` calls in each turn, beside [`super::dispatch`].
//!
//! Comes in: a bound, a time-out. Goes out: whether something waits. Calls of functions of mlua cost several times as
//! much, so this file calls Lua's C API, which is why it has `unsafe`.

#![allow(unsafe_code)]

use std::ffi::c_int;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use mlua::{Function, Lua, Value, ffi, lua_State};

use super::handle::{self, Slot, push_count};
use super::host::{Host, Sentinel};
use crate::process;
use crate::runtime::{Then, Wait};

/// When the module was loaded first in this process. All times that scripts see count from then, so they can be
/// compared between Lua states.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The first upvalue of each function that has one: the sentinel.
const SENTINEL: c_int = 1;

/// The second upvalue of `begin_turn`: the function for everything unusual.
const UNUSUAL: c_int = 2;

/// The functions, for one Lua state.
pub struct Functions {
    /// `is_dispatching()` tells whether a poll is calling back.
    pub is_dispatching: Function,
    /// `expected()` returns how many connections are alive and how many timers will still fire.
    pub expected: Function,
    /// `begin_turn(max)` counts a poll, and returns true; or false and a text.
    pub begin_turn: Function,
    /// `wait(limit, waits_again)` waits for the first item, and returns whether one is there, and when the wait began.
    /// `waits_again` says that the caller waits again at once if none is there.
    pub wait: Function,
    /// `since(start)` returns the seconds that have passed since a wait began.
    pub since: Function,
    /// `now()` returns the seconds of a clock that is never set.
    pub now: Function,
}

/// Makes the functions. `unusual` does what `begin_turn` does, with all checks.
pub fn functions(lua: &Lua, sentinel: &Value, unusual: &Function) -> mlua::Result<Functions> {
    LazyLock::force(&EPOCH);
    // SAFETY: the functions check their arguments, and get the upvalues that they want.
    unsafe {
        Ok(Functions {
            is_dispatching: handle::closure(lua, is_dispatching, sentinel)?,
            expected: handle::closure(lua, expected, sentinel)?,
            begin_turn: handle::closure(lua, begin_turn, (sentinel, unusual))?,
            wait: handle::closure(lua, wait, sentinel)?,
            since: handle::closure(lua, since, ())?,
            now: handle::closure(lua, now, ())?,
        })
    }
}

unsafe extern "C-unwind" fn is_dispatching(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this with a valid state and stack slots for results.
    unsafe { ffi::lua_pushboolean(state, host(state).is_some_and(|host| host.inbox.is_dispatching()).into()) };
    1
}

unsafe extern "C-unwind" fn expected(state: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe { push_count(state, host(state).map_or(0, Host::expected)) };
    1
}

unsafe extern "C-unwind" fn begin_turn(state: *mut lua_State) -> c_int {
    // SAFETY: as above, and nothing here needs dropping when the other function raises.
    unsafe {
        ffi::lua_settop(state, 1);
        let is_usual = match ffi::lua_type(state, 1) {
            ffi::LUA_TNIL => true,
            ffi::LUA_TNUMBER => is_count(ffi::lua_tonumber(state, 1)),
            _ => false,
        };
        if is_usual
            && !process::is_forked_child()
            && let Some(host) = host(state)
        {
            host.inbox.begin_turn();
            ffi::lua_pushboolean(state, 1);
            return 1;
        }
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(UNUSUAL));
        ffi::lua_insert(state, 1);
        ffi::lua_call(state, 1, 2);
        2
    }
}

/// Tells whether a number is an integer from 1 to 2^53 - 1. The next ones need a closer look: as a float, 2^53 + 1 is
/// 2^53.
fn is_count(number: f64) -> bool {
    number.fract() == 0.0 && (1.0..9_007_199_254_740_992.0).contains(&number)
}

unsafe extern "C-unwind" fn wait(state: *mut lua_State) -> c_int {
    // SAFETY: as for `is_dispatching`.
    unsafe {
        let limit = Duration::try_from_secs_f64(ffi::lua_tonumber(state, 1)).unwrap_or_default();
        let then = if ffi::lua_toboolean(state, 2) == 0 { Then::Leave } else { Then::WaitAgain };
        let (ready, start) = host(state).map_or((false, 0.0), |host| wait_for_items(host, limit, then));
        ffi::lua_pushboolean(state, ready.into());
        ffi::lua_pushnumber(state, start);
    }
    2
}

fn wait_for_items(host: &Host, limit: Duration, then: Then) -> (bool, f64) {
    // One look at the clock for all who need to know, because it takes longer than most of what a short wait does. A
    // wait of no length needs none: nothing is left of its time-out, whenever it began.
    let start = if limit.is_zero() { *EPOCH } else { Instant::now() };
    let ready = host.wait(Wait { start, limit, then }, |cx| host.inbox.poll_ready(cx)).is_some();
    (ready, start.duration_since(*EPOCH).as_secs_f64())
}

unsafe extern "C-unwind" fn since(state: *mut lua_State) -> c_int {
    // SAFETY: as for `is_dispatching`.
    unsafe {
        ffi::lua_pushnumber(state, EPOCH.elapsed().as_secs_f64() - ffi::lua_tonumber(state, 1));
    }
    1
}

/// Needs nothing of the host, so it works in the child of a fork and in any finaliser.
unsafe extern "C-unwind" fn now(state: *mut lua_State) -> c_int {
    // SAFETY: as for `is_dispatching`.
    unsafe { ffi::lua_pushnumber(state, EPOCH.elapsed().as_secs_f64()) };
    1
}

/// Returns the host until it has ended, for use until the next call into Lua.
unsafe fn host<'a>(state: *mut lua_State) -> Option<&'a Host> {
    // SAFETY: all functions that call this have the sentinel there.
    unsafe { Slot::<Sentinel>::upvalue(state, SENTINEL).value() }.map(|sentinel| &*sentinel.0)
}
