//! The first function that a Lua state calls: it makes sure that loading without memory raises.
//!
//! Comes in: a Lua state. Goes out: what [`super::module::open`] makes. It has `unsafe`, because mlua offers nothing for this:
//! where it has no memory to begin it panics, and is left in pieces that crash. So it begins with memory set aside.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use mlua::{Lua, ffi, lua_State};

/// What mlua needs to begin, in bytes, and some more.
const ROOM: usize = 64 * 1024;

/// In how many pieces that is set aside.
const PIECES: usize = 4;
const PIECE: usize = ROOM / PIECES;

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn luaopen_websocket_core(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this with a valid state; nothing here needs dropping when Lua raises.
    unsafe {
        let top = ffi::lua_gettop(state);
        ffi::lua_pushcfunction(state, begin);
        if !call_with_reserve(state) {
            ffi::lua_settop(state, top);
            ffi::lua_pushstring(state, c"not enough memory to load websocket".as_ptr());
            ffi::lua_error(state);
        }
        Lua::entrypoint1(state, super::module::open)
    }
}

/// Lets mlua begin, which is done once for each state.
unsafe extern "C-unwind" fn begin(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this with a valid state.
    unsafe {
        if catch_unwind(AssertUnwindSafe(|| Lua::get_or_init_from_ptr(state))).is_err() {
            ffi::lua_pushnil(state);
            ffi::lua_error(state);
        }
    }
    0
}

/// Memory set aside, and the state's own allocator that it came from.
struct Reserve {
    allocate: ffi::lua_Alloc,
    data: *mut c_void,
    pieces: [*mut c_void; PIECES],
}

/// Calls the function on top of the stack with memory set aside; tells whether that was to be had and none raised.
///
/// # Safety
/// The state is valid, and has a function of no arguments on top.
unsafe fn call_with_reserve(state: *mut lua_State) -> bool {
    // SAFETY: the state has its own allocator back before the reserve goes, however the call ends.
    unsafe {
        let mut data = ptr::null_mut();
        let allocate = ffi::lua_getallocf(state, &mut data);
        let mut reserve = Reserve { allocate, data, pieces: [ptr::null_mut(); PIECES] };
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

/// Asks the state's own allocator, and again where it refuses, as long as something that was set aside can be given back.
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
    /// Sets memory aside; tells whether all of it was to be had.
    ///
    /// # Safety
    /// The allocator is that of a valid state.
    unsafe fn fill(&mut self) -> bool {
        for piece in &mut self.pieces {
            // SAFETY: a request for a new block.
            *piece = unsafe { (self.allocate)(self.data, ptr::null_mut(), 0, PIECE) };
        }
        self.pieces.iter().all(|piece| !piece.is_null())
    }

    /// Gives a piece back; tells whether there was one.
    ///
    /// # Safety
    /// The allocator is that of a valid state.
    unsafe fn give_back(&mut self) -> bool {
        let Some(piece) = self.pieces.iter_mut().find(|piece| !piece.is_null()) else { return false };
        // SAFETY: a block that an allocator gave goes back to it, with the size it was asked for.
        unsafe { (self.allocate)(self.data, *piece, PIECE, 0) };
        *piece = ptr::null_mut();
        true
    }
}
