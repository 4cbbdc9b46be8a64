//! The door to Lua, and the only room that knows mlua.
//!
//! Comes in: calls of the script. Goes out: the module's table, the `websocket` userdata, and events as Lua values.
//! Reading order: `entry` (how a Lua state gets here), `answer` and `arguments` (how calls come and go), `options`,
//! `host` (what one Lua state has), `socket` (the userdata) and `record` (its tables), `dispatch` (events to callbacks),
//! `text` (UTF-8 and URLs).
//!
//! Errors are raised as strings by a Lua guard around each function (prelude.lua), because an error returned to mlua
//! becomes a userdata: every function here returns `true, results...` or `false, text`.

mod answer;
mod arguments;
mod bare;
mod dispatch;
mod entry;
mod host;
mod options;
mod record;
mod socket;
mod text;

use std::rc::Rc;

use mlua::{Function, Lua, Table, UserData, Value};

use self::answer::Answer;
use self::host::{Host, Sentinel};

const LOADER: &str = "websocket.loader";
const CORE: &str = "websocket.core";
const SENTINEL: &str = "websocket.sentinel";
const WATCH: &str = "websocket.watch";

/// Opens `websocket.core`: a table with `new`, and under `_host` what `websocket/init.lua` builds on.
fn open(lua: &Lua) -> mlua::Result<Table> {
    if let Ok(core) = lua.named_registry_value::<Table>(CORE) {
        return Ok(core);
    }
    // mlua keeps the Lua thread that loads the module; were it a coroutine that is collected, it would dangle.
    lua.set_named_registry_value(LOADER, lua.current_thread())?;

    let (guard, callable, watch_end): (Function, Function, Function) =
        lua.load(include_str!("prelude.lua")).set_name("=websocket").call(())?;
    let host = Rc::new(Host::new(lua.create_table()?, lua.create_table()?));
    lua.set_named_registry_value(SENTINEL, lua.create_userdata(Sentinel(Rc::clone(&host)))?)?;

    let builder = Builder { lua, guard, host };
    let methods = lua.create_table()?;
    socket::add_methods(&builder, &methods)?;
    // The userdata's metatable is made with the first socket, and finds its methods here.
    lua.set_named_registry_value(socket::METHODS, &methods)?;

    let inner = lua.create_table()?;
    inner.raw_set("methods", methods)?;
    inner.raw_set("callable", &callable)?;
    inner.raw_set("new_userdata", bare::userdata_maker(lua)?)?;
    dispatch::add_functions(&builder, &inner)?;
    socket::add_functions(&builder, &inner)?;

    let core = lua.create_table()?;
    core.raw_set("_host", inner)?;
    core.raw_set("_VERSION", concat!("websocket-native ", env!("CARGO_PKG_VERSION")))?;
    socket::add_new(&builder, &core, callable)?;
    text::add_functions(&builder, &core)?;

    // Last: the state's end finalises it before any function that was made above.
    let finalised = lua.create_userdata(Finalised)?;
    finalised.destroy()?;
    lua.set_named_registry_value(WATCH, watch_end.call::<Value>(finalised)?)?;
    lua.set_named_registry_value(CORE, &core)?;
    Ok(core)
}

/// Shows Lua what is left of a userdata whose finaliser has run.
struct Finalised;

impl UserData for Finalised {}

/// Makes guarded Lua functions of Rust functions over the state's host.
struct Builder<'a> {
    lua: &'a Lua,
    guard: Function,
    host: Rc<Host>,
}

impl Builder<'_> {
    fn add<A: mlua::FromLuaMulti>(
        &self,
        table: &Table,
        name: &str,
        function: impl Fn(&Lua, &Rc<Host>, A) -> Answer + 'static,
    ) -> mlua::Result<()> {
        let host = Rc::clone(&self.host);
        let raw = self
            .lua
            .create_function(move |lua, arguments: A| answer::returned(lua, function(lua, &host, arguments)))?;
        table.raw_set(name, self.guard.call::<Value>(raw)?)
    }
}
