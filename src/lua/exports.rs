//! Windows: Lua's functions, from the module of the process that calls this one, whatever its name is.
//!
//! Comes in: the place from which Lua calls this module. Goes out: Lua's functions, under their own names, for mlua and
//! for [`super::entry`].
//!
//! On Windows a DLL names the module of each function that it uses, but programs name theirs as they like
//! (`lua54.dll`, `lua5.4.dll`, `lua.dll`), or export Lua from their own `.exe`. So nothing is linked here. Each function
//! is a jump through a table, which is filled at the first load, from the module that calls us. The lists below hold
//! what mlua and this crate refer to; the linker names what is missing in them. No two versions of Lua export all of one
//! list, so a Lua of another version does not fit.

#![allow(unsafe_code)]

use std::arch::{global_asm, naked_asm};
use std::ffi::{CStr, c_int, c_void};
use std::mem::offset_of;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use mlua::lua_State;
use once_cell::sync::OnceCell;
use windows_sys::Win32::Foundation::HMODULE;
use windows_sys::Win32::System::Diagnostics::Debug::RtlCaptureStackBackTrace;
use windows_sys::Win32::System::LibraryLoader::{
    GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN,
    GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT, GetModuleHandleExW, GetProcAddress,
};

use super::entry;

#[cfg(not(target_arch = "x86_64"))]
compile_error!("on Windows only x86-64 is supported: src/lua/exports.rs has instructions of it");

/// The Lua whose functions the table holds: the address of its `lua_gettop`. Two modules can lead to the same Lua, since
/// a DLL may pass the functions of another one on.
static SOURCE: OnceCell<usize> = OnceCell::new();

/// The callers of a function that are looked at. A program that loads modules by a library of its own has few more.
const MAX_CALLERS: usize = 256;

/// What Lua calls. Finds out where it is called from: the return address lies on top of the stack.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn luaopen_websocket_core(state: *mut lua_State) -> c_int {
    naked_asm!("mov rdx, [rsp]", "jmp {open}", open = sym open)
}

/// Opens the module if Lua's functions are known. Otherwise returns nothing, since no error can be raised without them:
/// `websocket/init.lua` does that.
///
/// # Safety
/// Lua calls this with a valid state.
unsafe extern "C-unwind" fn open(state: *mut lua_State, caller: *const c_void) -> c_int {
    if !bind(caller) {
        return 0;
    }
    // SAFETY: as above.
    unsafe { entry::open(state) }
}

/// Fills the table unless it is filled. Tells whether it holds the functions of the Lua that calls.
fn bind(caller: *const c_void) -> bool {
    let Some(module) = calling_lua(caller).filter(|&module| exports_all(module)) else { return false };
    let source = SOURCE.get_or_init(|| {
        fill(module);
        identity(module)
    });
    // A second Lua of the same version in this process has functions and data of its own.
    *source == identity(module)
}

/// Returns the module that contains the Lua which calls: that of the caller, or, if a library has called us by itself,
/// the nearest one on the stack. No other Lua of the process will do, since it cannot use the caller's state.
fn calling_lua(caller: *const c_void) -> Option<HMODULE> {
    let is_lua = |&module: &HMODULE| identity(module) != 0;
    let called_by = || callers().into_iter().filter_map(module_at).find(is_lua);
    module_at(caller).filter(is_lua).or_else(called_by)
}

/// Returns the address of a function that every version of Lua has; 0 if the module is no Lua.
fn identity(module: HMODULE) -> usize {
    function(module, c"lua_gettop").addr()
}

/// Returns the addresses to which this function and its callers return, the nearest first.
fn callers() -> Vec<*const c_void> {
    let mut callers = vec![ptr::null_mut::<c_void>(); MAX_CALLERS];
    // SAFETY: the function writes at most as many addresses as it is told.
    let count = unsafe { RtlCaptureStackBackTrace(0, MAX_CALLERS as u32, callers.as_mut_ptr(), ptr::null_mut()) };
    callers.into_iter().take(count.into()).map(<*mut c_void>::cast_const).collect()
}

/// Returns the module that contains an address.
fn module_at(address: *const c_void) -> Option<HMODULE> {
    module_with(address, GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT)
}

/// Returns the module that contains an address, and does with it what the flag says.
fn module_with(address: *const c_void, flag: u32) -> Option<HMODULE> {
    let flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | flag;
    let mut module = ptr::null_mut();
    // SAFETY: with this flag the second argument is an address, and `module` can be written.
    let found = unsafe { GetModuleHandleExW(flags, address.cast(), &mut module) };
    (found != 0).then_some(module)
}

/// Returns the address of a function that a module exports; null if it does not.
fn function(module: HMODULE, name: &CStr) -> *mut c_void {
    // SAFETY: the module is loaded, and the name ends with a NUL.
    unsafe { GetProcAddress(module, name.as_ptr().cast()) }.map_or(ptr::null_mut(), |function| function as *mut c_void)
}

/// The name of a function, with a NUL behind it.
macro_rules! name {
    ($name:ident) => {
        match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
            Ok(name) => name,
            Err(_) => c"",
        }
    };
}

/// Makes the table, its names, and the functions that jump through it. The functions in `never_called` open states and
/// standard libraries. mlua refers to them, but a module of Lua does not call them.
macro_rules! functions {
    (called { $($name:ident)* } never_called { $($other:ident)* }) => {
        #[allow(non_snake_case)] // Lua names them
        #[repr(C)]
        struct Functions {
            $($name: AtomicPtr<c_void>,)*
        }

        static FUNCTIONS: Functions = Functions {
            $($name: AtomicPtr::new(ptr::null_mut()),)*
        };

        fn exports_all(module: HMODULE) -> bool {
            $(!function(module, name!($name)).is_null())&&*
        }

        /// Fills the table. Keeps in memory the module that has the functions.
        fn fill(module: HMODULE) {
            module_with(function(module, c"lua_gettop"), GET_MODULE_HANDLE_EX_FLAG_PIN);
            $(FUNCTIONS.$name.store(function(module, name!($name)), Ordering::Release);)*
        }

        $(global_asm!(
            concat!(".globl ", stringify!($name)),
            concat!(stringify!($name), ": jmp qword ptr [rip + {functions} + {offset}]"),
            functions = sym FUNCTIONS,
            offset = const offset_of!(Functions, $name),
        );)*

        $(global_asm!(concat!(".globl ", stringify!($other)), concat!(stringify!($other), ": ud2"));)*
    };
}

#[cfg(feature = "lua51")]
functions! {
    called {
    luaL_callmeta luaL_checktype luaL_error luaL_getmetafield luaL_loadbuffer luaL_loadfile luaL_loadstring luaL_ref
    luaL_unref lua_atpanic lua_call lua_checkstack lua_close lua_concat lua_cpcall lua_createtable lua_dump lua_equal
    lua_error lua_gc lua_getallocf lua_getfenv lua_getfield lua_getinfo lua_getmetatable lua_getstack lua_gettable
    lua_gettop lua_getupvalue lua_insert lua_iscfunction lua_isnumber lua_isstring lua_isuserdata lua_newthread
    lua_newuserdata lua_next lua_objlen lua_pcall lua_pushboolean lua_pushcclosure lua_pushfstring lua_pushinteger
    lua_pushlightuserdata lua_pushlstring lua_pushnil lua_pushnumber lua_pushstring lua_pushthread lua_pushvalue
    lua_rawequal lua_rawget lua_rawgeti lua_rawset lua_rawseti lua_remove lua_replace lua_resume lua_setallocf
    lua_setfenv lua_setfield lua_sethook lua_setmetatable lua_settable lua_settop lua_status lua_toboolean
    lua_tocfunction lua_tolstring lua_tonumber lua_topointer lua_tothread lua_touserdata lua_type lua_typename lua_xmove
    }
    never_called {
    luaL_newstate luaL_openlibs lua_newstate luaopen_base luaopen_debug luaopen_io luaopen_math luaopen_os
    luaopen_package luaopen_string luaopen_table
    }
}

#[cfg(feature = "lua52")]
functions! {
    called {
    luaL_callmeta luaL_checkstack luaL_error luaL_getmetafield luaL_getsubtable luaL_len luaL_loadbufferx
    luaL_loadstring luaL_ref luaL_setfuncs luaL_traceback luaL_unref lua_absindex lua_atpanic lua_callk lua_checkstack
    lua_close lua_compare lua_copy lua_createtable lua_dump lua_error lua_gc lua_getallocf lua_getfield lua_getglobal
    lua_getinfo lua_getmetatable lua_getstack lua_gettable lua_gettop lua_getupvalue lua_insert lua_iscfunction
    lua_isstring lua_isuserdata lua_newthread lua_newuserdata lua_next lua_pcallk lua_pushboolean lua_pushcclosure
    lua_pushfstring lua_pushinteger lua_pushlightuserdata lua_pushlstring lua_pushnil lua_pushnumber lua_pushstring
    lua_pushthread lua_pushvalue lua_rawequal lua_rawget lua_rawgeti lua_rawgetp lua_rawlen lua_rawset lua_rawseti
    lua_rawsetp lua_remove lua_replace lua_resume lua_setallocf lua_setfield lua_setglobal lua_sethook lua_setmetatable
    lua_settable lua_settop lua_setupvalue lua_status lua_toboolean lua_tocfunction lua_tolstring lua_tonumberx
    lua_topointer lua_tothread lua_touserdata lua_type lua_typename lua_upvaluejoin lua_xmove
    }
    never_called {
    luaL_newstate luaL_openlibs lua_newstate luaopen_base luaopen_bit32 luaopen_coroutine luaopen_debug luaopen_io
    luaopen_math luaopen_os luaopen_package luaopen_string luaopen_table
    }
}

#[cfg(feature = "lua53")]
functions! {
    called {
    luaL_callmeta luaL_checkstack luaL_error luaL_getmetafield luaL_getsubtable luaL_len luaL_loadbufferx
    luaL_loadstring luaL_ref luaL_requiref luaL_setfuncs luaL_tolstring luaL_traceback luaL_unref lua_absindex
    lua_atpanic lua_callk lua_checkstack lua_close lua_compare lua_copy lua_createtable lua_dump lua_error lua_gc
    lua_getallocf lua_getfield lua_getglobal lua_gethook lua_geti lua_getinfo lua_getmetatable lua_getstack lua_gettable
    lua_gettop lua_getupvalue lua_iscfunction lua_isinteger lua_isuserdata lua_isyieldable lua_newthread lua_newuserdata
    lua_next lua_pcallk lua_pushboolean lua_pushcclosure lua_pushinteger lua_pushlightuserdata lua_pushlstring
    lua_pushnil lua_pushnumber lua_pushstring lua_pushthread lua_pushvalue lua_rawequal lua_rawget lua_rawgeti
    lua_rawgetp lua_rawlen lua_rawset lua_rawseti lua_rawsetp lua_resume lua_rotate lua_setallocf lua_setfield
    lua_setglobal lua_sethook lua_seti lua_setmetatable lua_settable lua_settop lua_setupvalue lua_status lua_toboolean
    lua_tocfunction lua_tointegerx lua_tolstring lua_tonumberx lua_topointer lua_tothread lua_touserdata lua_type
    lua_typename lua_upvaluejoin lua_xmove lua_yieldk
    }
    never_called {
    luaL_newstate luaL_openlibs lua_newstate luaopen_base luaopen_coroutine luaopen_debug luaopen_io luaopen_math
    luaopen_os luaopen_package luaopen_string luaopen_table luaopen_utf8
    }
}

#[cfg(feature = "lua54")]
functions! {
    called {
    luaL_callmeta luaL_checkstack luaL_checkversion_ luaL_error luaL_getmetafield luaL_getsubtable luaL_len
    luaL_loadbufferx luaL_loadstring luaL_ref luaL_requiref luaL_setfuncs luaL_tolstring luaL_traceback luaL_unref
    lua_absindex lua_atpanic lua_callk lua_checkstack lua_close lua_compare lua_copy lua_createtable lua_dump lua_error
    lua_gc lua_getallocf lua_getfield lua_getglobal lua_gethook lua_geti lua_getinfo lua_getmetatable lua_getstack
    lua_gettable lua_gettop lua_getupvalue lua_iscfunction lua_isinteger lua_isuserdata lua_isyieldable lua_newthread
    lua_newuserdatauv lua_next lua_pcallk lua_pushboolean lua_pushcclosure lua_pushinteger lua_pushlightuserdata
    lua_pushlstring lua_pushnil lua_pushnumber lua_pushstring lua_pushthread lua_pushvalue lua_rawequal lua_rawget
    lua_rawgeti lua_rawgetp lua_rawlen lua_rawset lua_rawseti lua_rawsetp lua_resetthread lua_resume lua_rotate
    lua_setallocf lua_setfield lua_setglobal lua_sethook lua_seti lua_setmetatable lua_settable lua_settop
    lua_setupvalue lua_setwarnf lua_status lua_toboolean lua_tocfunction lua_tointegerx lua_tolstring lua_tonumberx
    lua_topointer lua_tothread lua_touserdata lua_type lua_typename lua_upvaluejoin lua_xmove lua_yieldk
    }
    never_called {
    luaL_newstate luaL_openlibs lua_newstate luaopen_base luaopen_coroutine luaopen_debug luaopen_io luaopen_math
    luaopen_os luaopen_package luaopen_string luaopen_table luaopen_utf8
    }
}

#[cfg(feature = "lua55")]
functions! {
    called {
    luaL_callmeta luaL_checkstack luaL_checkversion_ luaL_error luaL_getmetafield luaL_getsubtable luaL_len
    luaL_loadbufferx luaL_loadstring luaL_makeseed luaL_ref luaL_requiref luaL_setfuncs luaL_tolstring luaL_traceback
    luaL_unref lua_absindex lua_atpanic lua_callk lua_checkstack lua_close lua_closethread lua_compare lua_copy
    lua_createtable lua_dump lua_error lua_gc lua_getallocf lua_getfield lua_getglobal lua_gethook lua_geti lua_getinfo
    lua_getmetatable lua_getstack lua_gettable lua_gettop lua_getupvalue lua_iscfunction lua_isinteger lua_isuserdata
    lua_isyieldable lua_newthread lua_newuserdatauv lua_next lua_pcallk lua_pushboolean lua_pushcclosure
    lua_pushexternalstring lua_pushinteger lua_pushlightuserdata lua_pushlstring lua_pushnil lua_pushnumber
    lua_pushstring lua_pushthread lua_pushvalue lua_rawequal lua_rawget lua_rawgeti lua_rawgetp lua_rawlen lua_rawset
    lua_rawseti lua_rawsetp lua_resume lua_rotate lua_setallocf lua_setfield lua_setglobal lua_sethook lua_seti
    lua_setmetatable lua_settable lua_settop lua_setupvalue lua_setwarnf lua_status lua_toboolean lua_tocfunction
    lua_tointegerx lua_tolstring lua_tonumberx lua_topointer lua_tothread lua_touserdata lua_type lua_typename
    lua_upvaluejoin lua_xmove lua_yieldk
    }
    never_called {
    luaL_newstate luaL_openselectedlibs lua_newstate luaopen_base luaopen_coroutine luaopen_debug luaopen_io
    luaopen_math luaopen_os luaopen_package luaopen_string luaopen_table luaopen_utf8
    }
}
