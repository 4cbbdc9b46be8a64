//! Makes the table of `websocket.core`, with everything that `websocket/init.lua` builds on.

use std::rc::Rc;

use mlua::{Function, Lua, Table, UserData, Value};

use super::answer::one;
use super::arguments::described;
use super::builder::Builder;
use super::host::{Host, Sentinel};
use super::{bare, begin, connections, dispatch, socket, text};

const LOADER: &str = "websocket.loader";
const CORE: &str = "websocket.core";
const SENTINEL: &str = "websocket.sentinel";
const WATCH: &str = "websocket.watch";

/// Opens `websocket.core`: a table with `new` and other public functions, and under `_host` those that
/// `websocket/init.lua` makes the rest of.
pub fn open(lua: &Lua) -> mlua::Result<Table> {
    if let Ok(core) = lua.named_registry_value::<Table>(CORE) {
        return Ok(core);
    }
    // mlua keeps using the Lua thread that loads the module. If that is a coroutine, nothing else may hold it later.
    lua.set_named_registry_value(LOADER, lua.current_thread())?;

    let (guard, is_callable, watch_end): (Function, Function, Function) =
        lua.load(include_str!("prelude.lua")).set_name("=websocket").call(())?;
    let host = Rc::new(Host::new(lua)?);
    lua.set_named_registry_value(SENTINEL, lua.create_userdata(Sentinel(Rc::clone(&host)))?)?;

    let builder = Builder { lua, guard, host };
    let methods = lua.create_table()?;
    socket::add_methods(&builder, &methods)?;
    // The userdata's metatable is made with the first socket, and finds its methods here.
    lua.set_named_registry_value(socket::METHODS, &methods)?;

    let inner = lua.create_table()?;
    inner.raw_set("methods", methods)?;
    inner.raw_set("guard", &builder.guard)?;
    inner.raw_set("is_callable", &is_callable)?;
    inner.raw_set("new_userdata", bare::userdata_maker(lua)?)?;
    dispatch::add_functions(&builder, &inner)?;
    socket::add_functions(&builder, &inner)?;
    builder.add_raw(&inner, "described", |lua, _, value: Value| one(lua, described(&value)))?;
    let is_dispatching: Function = inner.raw_get("is_dispatching")?;
    let described: Function = inner.raw_get("described")?;
    let delivery: Table = lua.load(include_str!("delivery.lua")).set_name("=websocket").call((
        begin::begin_function(lua)?,
        &is_callable,
        is_dispatching,
        described,
    ))?;
    inner.raw_set("delivery", delivery)?;

    let core = lua.create_table()?;
    core.raw_set("_host", inner)?;
    core.raw_set("_VERSION", concat!("websocket-native ", env!("CARGO_PKG_VERSION")))?;
    socket::add_new(&builder, &core, is_callable)?;
    connections::add_functions(&builder, &core)?;
    text::add_functions(&builder, &core)?;

    // Lua runs finalisers newest first. This one is made last, so it runs before any function above is gone.
    let finalised = lua.create_userdata(Finalised)?;
    finalised.destroy()?;
    lua.set_named_registry_value(WATCH, watch_end.call::<Value>(finalised)?)?;
    lua.set_named_registry_value(CORE, &core)?;
    Ok(core)
}

/// Shows Lua what is left of a userdata whose finaliser has run.
struct Finalised;

impl UserData for Finalised {}
