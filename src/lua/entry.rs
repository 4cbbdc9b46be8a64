//! The first function that a Lua state calls. It makes sure that loading without enough memory raises an error.
//!
//! Comes in: a Lua state. Goes out: what [`super::module::open`] makes. mlua panics if it runs out of memory while it
//! initialises itself, and what it leaves behind crashes later. So memory is set aside before, and given back when the
//! allocator refuses. mlua offers nothing for this, which is why this file has `unsafe`.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use mlua::{Lua, ffi, lua_State};

/// The bytes that mlua needs for its initialisation, and some more.
const RESERVE: usize = 64 * 1024;

/// The number of blocks that the reserve is made of.
const BLOCKS: usize = 4;
const BLOCK: usize = RESERVE / BLOCKS;

/// The version of Lua that the module is for, as Lua's header numbers it.
#[cfg(feature = "lua54")]
const LUA_VERSION: ffi::lua_Number = 504.0;
#[cfg(feature = "lua55")]
const LUA_VERSION: ffi::lua_Number = 505.0;

/// What Lua's header calls `LUAL_NUMSIZES`: the sizes of its numbers, for the check of versions.
#[cfg(any(feature = "lua54", feature = "lua55"))]
const NUMERIC_SIZES: usize = size_of::<ffi::lua_Integer>() * 16 + size_of::<ffi::lua_Number>();

/// What Lua calls. On Windows this is in `exports.rs`.
///
/// # Safety
/// Lua calls this with a valid state.
#[cfg(not(windows))]
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn luaopen_websocket_core(state: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe { open(state) }
}

/// Pushes the table of the module, or raises an error.
///
/// # Safety
/// The state is valid.
pub(super) unsafe extern "C-unwind" fn open(state: *mut lua_State) -> c_int {
    // SAFETY: the caller vouches for the state; nothing here needs dropping when Lua raises.
    unsafe {
        // Lua 5.5 has every function that the module for 5.4 calls, so it loads that module, which would crash.
        #[cfg(any(feature = "lua54", feature = "lua55"))]
        ffi::luaL_checkversion_(state, LUA_VERSION, NUMERIC_SIZES);
        let top = ffi::lua_gettop(state);
        ffi::lua_pushcfunction(state, initialise);
        if !call_with_reserve(state) {
            ffi::lua_settop(state, top);
            ffi::lua_pushstring(state, c"not enough memory to load websocket".as_ptr());
            ffi::lua_error(state);
        }
        Lua::entrypoint1(state, super::module::open)
    }
}

/// Initialises mlua, which is done once for each state.
unsafe extern "C-unwind" fn initialise(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this with a valid state.
    unsafe {
        if catch_unwind(AssertUnwindSafe(|| Lua::get_or_init_from_ptr(state))).is_err() {
            ffi::lua_pushnil(state);
            ffi::lua_error(state);
        }
    }
    0
}

/// Memory that was set aside, and the state's own allocator, which it came from.
struct Reserve {
    allocate: ffi::lua_Alloc,
    data: *mut c_void,
    blocks: [*mut c_void; BLOCKS],
}

/// Calls the function on top of the stack with memory set aside. Tells whether there was enough, and nothing was raised.
///
/// # Safety
/// The state is valid, and has a function of no arguments on top.
unsafe fn call_with_reserve(state: *mut lua_State) -> bool {
    // SAFETY: the state gets its own allocator back before the reserve is dropped, however the call ends.
    unsafe {
        let mut data = ptr::null_mut();
        let allocate = ffi::lua_getallocf(state, &mut data);
        let mut reserve = Reserve { allocate, data, blocks: [ptr::null_mut(); BLOCKS] };
        let called = reserve.fill() && {
            ffi::lua_setallocf(state, allocate_with_reserve, ptr::from_mut(&mut reserve).cast());
            let status = ffi::lua_pcall(state, 0, 0, 0);
            ffi::lua_setallocf(state, allocate, data);
            status == ffi::LUA_OK
        };
        while reserve.give_back() {}
        called
    }
}

/// Asks the state's own allocator. If it refuses, gives a block of the reserve back and asks again, while there is one.
///
/// # Safety
/// Lua calls this as its allocator, with a [`Reserve`] for `data`.
unsafe extern "C" fn allocate_with_reserve(
    data: *mut c_void,
    block: *mut c_void,
    old_size: usize,
    new_size: usize,
) -> *mut c_void {
    // SAFETY: as above.
    unsafe {
        let reserve = &mut *data.cast::<Reserve>();
        loop {
            let allocated = (reserve.allocate)(reserve.data, block, old_size, new_size);
            if new_size == 0 || !allocated.is_null() || !reserve.give_back() {
                return allocated;
            }
        }
    }
}

impl Reserve {
    /// Sets memory aside; tells whether the allocator gave all of it.
    ///
    /// # Safety
    /// The allocator is that of a valid state.
    unsafe fn fill(&mut self) -> bool {
        for block in &mut self.blocks {
            // SAFETY: this asks for a new block.
            *block = unsafe { (self.allocate)(self.data, ptr::null_mut(), 0, BLOCK) };
        }
        self.blocks.iter().all(|block| !block.is_null())
    }

    /// Gives a block back; tells whether there was one.
    ///
    /// # Safety
    /// The allocator is that of a valid state.
    unsafe fn give_back(&mut self) -> bool {
        let Some(block) = self.blocks.iter_mut().find(|block| !block.is_null()) else { return false };
        // SAFETY: the block goes back to the allocator that gave it, with the size that was asked for.
        unsafe { (self.allocate)(self.data, *block, BLOCK, 0) };
        *block = ptr::null_mut();
        true
    }
}
