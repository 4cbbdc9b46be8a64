//! Full userdata that hold a Rust value, and C functions with upvalues: what mlua offers only with a cost for each call.
//!
//! Comes in: a value in an `Rc`. Goes out: a userdata, and the value again, for safe code ([`held`]) and for our C functions
//! ([`get`], [`upvalue`]). The registry holds the metatable of each kind of value under its name, as the C libraries of Lua
//! do it. This needs Lua's C API, which is why the file has `unsafe`.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_int};
use std::ptr;
use std::rc::Rc;

use mlua::{AnyUserData, Function, IntoLuaMulti, Lua, Table, Value, ffi, lua_State};

/// A kind of value that userdata hold.
pub trait Kept: 'static {
    /// The registry's name for the metatable.
    const NAME: &'static CStr;
}

/// What a userdata of ours contains: nothing once it was finalised.
type Block<T> = Option<Rc<T>>;

/// Makes `metatable` that of all userdata which hold a `T`. The finaliser drops the value, and then gives the userdata the
/// metatable `remains`.
pub fn register<T: Kept>(lua: &Lua, metatable: &Table, remains: &Table) -> mlua::Result<()> {
    // SAFETY: `collect` gets the upvalues that it wants.
    let collect = unsafe { closure(lua, collect::<T>, (metatable, remains)) }?;
    metatable.raw_set("__gc", collect)?;
    metatable.raw_set("__metatable", false)?;
    // SAFETY: the closure has nothing to drop, so lua_setfield may raise.
    unsafe { lua.exec_raw(metatable, |state| ffi::lua_setfield(state, ffi::LUA_REGISTRYINDEX, T::NAME.as_ptr())) }
}

/// Makes a userdata that holds a value.
pub fn create<T: Kept>(lua: &Lua, value: Rc<T>) -> mlua::Result<AnyUserData> {
    let mut block: *mut Block<T> = ptr::null_mut();
    // SAFETY: the closure has nothing to drop, so each call in it may raise. The block is empty before its finaliser can
    // run.
    let userdata: AnyUserData = unsafe {
        lua.exec_raw((), |state| {
            block = ffi::lua_newuserdata(state, size_of::<Block<T>>()).cast();
            block.write(None);
            ffi::lua_getfield(state, ffi::LUA_REGISTRYINDEX, T::NAME.as_ptr());
            ffi::lua_setmetatable(state, -2);
        })
    }?;
    // SAFETY: the userdata, which is referred to, keeps the block.
    unsafe { *block = Some(value) };
    Ok(userdata)
}

/// Returns the value that a userdata holds; nothing for a value of another kind.
///
/// # Errors
/// Those of Lua, mostly for lack of memory.
pub fn held<T: Kept>(lua: &Lua, value: &Value) -> mlua::Result<Option<Rc<T>>> {
    let Value::UserData(userdata) = value else { return Ok(None) };
    let mut block: *const Block<T> = ptr::null();
    // SAFETY: the closure has nothing to drop, so each call in it may raise.
    unsafe {
        lua.exec_raw::<()>(userdata, |state| {
            ffi::lua_getfield(state, ffi::LUA_REGISTRYINDEX, T::NAME.as_ptr());
            block = block_of(state, 1, 2);
            ffi::lua_settop(state, 0);
        })
    }?;
    // SAFETY: the userdata, which is referred to, keeps the block. It has the metatable of `T`, so it holds a `T`.
    Ok(unsafe { block.as_ref() }.and_then(Clone::clone))
}

/// Returns the value that the userdata at an index holds, if its metatable is the one at the other index. Nothing is raised.
///
/// # Safety
/// The state is valid and has two free stack slots. The other index has the metatable that was registered for `T`. The result
/// is used only until the next call into Lua.
pub unsafe fn get<'a, T: Kept>(state: *mut lua_State, index: c_int, metatable: c_int) -> Option<&'a T> {
    // SAFETY: as above; a userdata with that metatable has a block of this type.
    unsafe { block_of::<T>(state, index, metatable).as_ref()?.as_deref() }
}

/// Returns the value that the userdata in an upvalue holds. Nothing is raised.
///
/// # Safety
/// Lua is calling a function that [`closure`] has made with a userdata for that upvalue, which holds a `T`. The result is
/// used only until the next call into Lua.
pub unsafe fn upvalue<'a, T: Kept>(state: *mut lua_State, number: c_int) -> Option<&'a T> {
    // SAFETY: as above.
    unsafe { ffi::lua_touserdata(state, ffi::lua_upvalueindex(number)).cast::<Block<T>>().as_ref()?.as_deref() }
}

/// Makes a C function with upvalues.
///
/// # Safety
/// The function may be called with any arguments, and with these upvalues.
pub unsafe fn closure(lua: &Lua, function: ffi::lua_CFunction, upvalues: impl IntoLuaMulti) -> mlua::Result<Function> {
    // SAFETY: the closure has nothing to drop, so lua_pushcclosure may raise.
    unsafe {
        lua.exec_raw(upvalues, |state| {
            let count = ffi::lua_gettop(state);
            ffi::lua_pushcclosure(state, function, count);
        })
    }
}

/// Pushes a count. Raises nothing.
///
/// # Safety
/// The state is valid and has a free stack slot.
pub unsafe fn push_count(state: *mut lua_State, count: usize) {
    // SAFETY: as above.
    unsafe { ffi::lua_pushinteger(state, ffi::lua_Integer::try_from(count).unwrap_or(ffi::lua_Integer::MAX)) };
}

/// Returns the block of the userdata at an index, if its metatable is the one at the other index; otherwise null.
///
/// # Safety
/// As [`get`].
unsafe fn block_of<T: Kept>(state: *mut lua_State, index: c_int, metatable: c_int) -> *mut Block<T> {
    // SAFETY: none of these calls raises, and the indices are absolute or those of upvalues.
    unsafe {
        if ffi::lua_type(state, index) != ffi::LUA_TUSERDATA || ffi::lua_getmetatable(state, index) == 0 {
            return ptr::null_mut();
        }
        let is_ours = ffi::lua_rawequal(state, -1, metatable) != 0;
        ffi::lua_pop(state, 1);
        if is_ours { ffi::lua_touserdata(state, index).cast() } else { ptr::null_mut() }
    }
}

/// The finaliser. Its upvalues are the metatable of `T`, and that of a userdata which was finalised.
unsafe extern "C-unwind" fn collect<T: Kept>(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this with a valid state, and none of these calls raises. The value is dropped after all of them.
    unsafe {
        if let Some(block) = block_of::<T>(state, 1, ffi::lua_upvalueindex(1)).as_mut() {
            ffi::lua_pushvalue(state, ffi::lua_upvalueindex(2));
            ffi::lua_setmetatable(state, 1);
            drop(block.take());
        }
    }
    0
}
