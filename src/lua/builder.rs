//! Makes Lua functions of Rust functions over the host of a Lua state.
//!
//! Each Rust function answers `true, results...` or `false, text`. The guard in prelude.lua, which is put around those that
//! a script calls, raises the text at the script's line. Those that only our own Lua code calls go without.

use std::rc::Rc;

use mlua::{Function, Lua, Table, Value};

use super::answer::{Answer, returned};
use super::host::Host;

/// Makes the functions of one Lua state.
pub struct Builder<'a> {
    /// The state.
    pub lua: &'a Lua,
    /// The `guard` of prelude.lua.
    pub guard: Function,
    /// What each function gets.
    pub host: Rc<Host>,
}

impl Builder<'_> {
    /// Adds a function for scripts: it raises its error texts at the line that called it.
    pub fn add<A: mlua::FromLuaMulti>(
        &self,
        table: &Table,
        name: &str,
        function: impl Fn(&Lua, &Rc<Host>, A) -> Answer + 'static,
    ) -> mlua::Result<()> {
        let raw = self.make(function)?;
        table.raw_set(name, self.guard.call::<Value>(raw)?)
    }

    /// Makes a function that a C function calls in the name of a script: it raises its error texts at the line that called
    /// that one.
    pub fn make_for_c<A: mlua::FromLuaMulti>(
        &self,
        function: impl Fn(&Lua, &Rc<Host>, A) -> Answer + 'static,
    ) -> mlua::Result<Function> {
        self.guard.call((self.make(function)?, 3))
    }

    /// Adds a function for our own Lua code: it returns `true, results...` or `false, text`.
    pub fn add_raw<A: mlua::FromLuaMulti>(
        &self,
        table: &Table,
        name: &str,
        function: impl Fn(&Lua, &Rc<Host>, A) -> Answer + 'static,
    ) -> mlua::Result<()> {
        table.raw_set(name, self.make(function)?)
    }

    fn make<A: mlua::FromLuaMulti>(
        &self,
        function: impl Fn(&Lua, &Rc<Host>, A) -> Answer + 'static,
    ) -> mlua::Result<Function> {
        let host = Rc::clone(&self.host);
        self.lua.create_function(move |lua, arguments: A| returned(lua, function(lua, &host, arguments)))
    }
}
