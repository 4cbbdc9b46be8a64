//! Full userdata that hold a Rust value, and C functions with upvalues: what mlua offers only with a cost for each call.
//!
//! Comes in: a value in an `Rc`. Goes out: a userdata, and the value again, for safe code ([`Handles::held`]) and for our
//! C functions ([`Slot`]). This needs Lua's C API, which is why the file has `unsafe`.

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::ptr;
use std::rc::{Rc, Weak};

use mlua::{AnyUserData, Function, IntoLuaMulti, Lua, Table, Value, ffi, lua_State};

/// The userdata of a Lua state that hold values of one type.
pub struct Handles<T> {
    metatable: Table,
    /// By address. Safe code recognises a userdata by it, because to look at a metatable takes a protected call.
    live: RefCell<HashMap<*const c_void, Weak<T>>>,
}

/// A type whose values userdata hold.
pub trait Held: 'static {
    /// What their blocks begin with: a number that those of no other userdata begin with.
    const TAG: u64;
}

/// What a userdata contains. The tag tells a userdata of ours from one that a script has given our metatable.
#[repr(C)]
struct Block<T> {
    tag: u64,
    /// Nothing once it was finalised.
    contents: Option<Contents<T>>,
}

struct Contents<T> {
    value: Rc<T>,
    handles: Rc<Handles<T>>,
}

impl<T: Held> Handles<T> {
    /// Makes `metatable` that of the userdata, which the registry holds under `name`, as C libraries do it. The finaliser
    /// drops the value, and gives the userdata the metatable `remains`.
    pub fn new(lua: &Lua, name: &str, metatable: Table, remains: &Table) -> mlua::Result<Rc<Handles<T>>> {
        // SAFETY: `collect` gets the upvalues that it wants.
        let collect = unsafe { closure(lua, collect::<T>, (&metatable, remains)) }?;
        metatable.raw_set("__gc", collect)?;
        metatable.raw_set("__metatable", false)?;
        lua.set_named_registry_value(name, &metatable)?;
        Ok(Rc::new(Handles { metatable, live: RefCell::default() }))
    }

    /// Makes a userdata that holds a value.
    pub fn create(self: &Rc<Self>, lua: &Lua, value: Rc<T>) -> mlua::Result<AnyUserData> {
        let mut block: *mut Block<T> = ptr::null_mut();
        // SAFETY: the closure has nothing to drop, so each call in it may raise. The block is empty before its finaliser
        // can run.
        let userdata: AnyUserData = unsafe {
            lua.exec_raw(&self.metatable, |state| {
                block = ffi::lua_newuserdata(state, size_of::<Block<T>>()).cast();
                block.write(Block { tag: T::TAG, contents: None });
                ffi::lua_insert(state, 1);
                ffi::lua_setmetatable(state, 1);
            })
        }?;
        self.live.borrow_mut().insert(userdata.to_pointer(), Rc::downgrade(&value));
        // SAFETY: the userdata, which is referred to, keeps the block.
        unsafe { (*block).contents = Some(Contents { value, handles: Rc::clone(self) }) };
        Ok(userdata)
    }

    /// Returns the value that a userdata holds; nothing for a value of another kind.
    pub fn held(&self, value: &Value) -> Option<Rc<T>> {
        let Value::UserData(userdata) = value else { return None };
        self.live.borrow().get(&userdata.to_pointer())?.upgrade()
    }

    /// The metatable, by which a C function recognises the userdata, together with their size and tag.
    pub fn metatable(&self) -> &Table {
        &self.metatable
    }
}

/// Where a userdata keeps its value.
pub struct Slot<T>(*const Block<T>);

impl<T: Held> Slot<T> {
    /// No userdata.
    pub const NONE: Slot<T> = Slot(ptr::null());

    /// Returns the slot of the userdata at an index, if it is one of ours: its metatable is the one at the other index, and
    /// it has the size and the tag of a block. Raises nothing.
    ///
    /// # Safety
    /// The state is valid and has two free stack slots. The other index has the metatable of the [`Handles`] of `T`.
    pub unsafe fn at(state: *mut lua_State, index: c_int, metatable: c_int) -> Slot<T> {
        // SAFETY: as above.
        Slot(unsafe { block_of(state, index, metatable) })
    }

    /// Returns the slot of the userdata in an upvalue. Raises nothing.
    ///
    /// # Safety
    /// Lua is calling a function that [`closure`] has made with a userdata for that upvalue, which holds a `T`.
    pub unsafe fn upvalue(state: *mut lua_State, number: c_int) -> Slot<T> {
        // SAFETY: as above.
        Slot(unsafe { ffi::lua_touserdata(state, ffi::lua_upvalueindex(number)) }.cast())
    }

    /// Returns the value, until the userdata was finalised.
    ///
    /// # Safety
    /// Something refers to the userdata. The result is used only until the next call into Lua.
    pub unsafe fn value<'a>(&self) -> Option<&'a T> {
        // SAFETY: as above.
        unsafe { Some(&*self.0.as_ref()?.contents.as_ref()?.value) }
    }
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

/// Returns the block of the userdata at an index, if its metatable is the one at the other index and it has the size and
/// the tag of a block; otherwise null.
///
/// # Safety
/// As [`Slot::at`].
unsafe fn block_of<T: Held>(state: *mut lua_State, index: c_int, metatable: c_int) -> *mut Block<T> {
    // SAFETY: none of these calls raises, and the indices are absolute or those of upvalues.
    unsafe {
        if ffi::lua_type(state, index) != ffi::LUA_TUSERDATA || ffi::lua_getmetatable(state, index) == 0 {
            return ptr::null_mut();
        }
        let is_ours = ffi::lua_rawequal(state, -1, metatable) != 0;
        ffi::lua_pop(state, 1);
        if !is_ours || ffi::lua_rawlen(state, index) != size_of::<Block<T>>() {
            return ptr::null_mut();
        }
        let block: *mut Block<T> = ffi::lua_touserdata(state, index).cast();
        // Only the tag is read before it is known whose block this is.
        if (&raw const (*block).tag).read() == T::TAG { block } else { ptr::null_mut() }
    }
}

/// The finaliser. Its upvalues are the metatable of the userdata, and that of one which was finalised.
unsafe extern "C-unwind" fn collect<T: Held>(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this with a valid state, and none of these calls raises. The value is dropped after all of them.
    unsafe {
        let block = block_of::<T>(state, 1, ffi::lua_upvalueindex(1));
        if !block.is_null() {
            ffi::lua_pushvalue(state, ffi::lua_upvalueindex(2));
            ffi::lua_setmetatable(state, 1);
            if let Some(contents) = (*block).contents.take() {
                contents.handles.live.borrow_mut().remove(&block.cast_const().cast());
            }
        }
    }
    0
}
