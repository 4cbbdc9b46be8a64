//! Makes the table of `websocket.core`, with everything that `websocket/init.lua` builds on.

use std::rc::Rc;

use mlua::{Function, Lua, Table, Value};

use super::answer::one;
use super::arguments::described;
use super::builder::Builder;
use super::calls::Parts;
use super::handle::Handles;
use super::host::{Host, Sentinel};
use super::{bare, connections, dispatch, nested, new, poll, polling, receive, send, socket, text, timers};

const LOADER: &str = "websocket.loader";
const CORE: &str = "websocket.core";
const SENTINEL: &str = "websocket.sentinel";
const SENTINELS: &str = "websocket.sentinels";
const WATCH: &str = "websocket.watch";

/// What prelude.lua returns.
type Prelude = (Function, Function, Table, Table, Function, Function, Function);

/// Opens `websocket.core`: a table with `new` and other public functions, and under `_host` those that
/// `websocket/init.lua` makes the rest of.
pub fn open(lua: &Lua) -> mlua::Result<Table> {
    if let Ok(core) = lua.named_registry_value::<Table>(CORE) {
        return Ok(core);
    }
    // mlua keeps using the Lua thread that loads the module. If that is a coroutine, nothing else may hold it later.
    lua.set_named_registry_value(LOADER, lua.current_thread())?;

    let (guard, is_callable, remains, timer_remains, watch_end, nestable, yielding_guard): Prelude =
        lua.load(include_str!("prelude.lua")).set_name("=websocket").call(nested::put_back_function(lua)?)?;
    let host = Rc::new(Host::new(lua)?);
    let sentinels = Handles::new(lua, SENTINELS, lua.create_table()?, &remains)?;
    let sentinel = Value::UserData(sentinels.create(lua, Rc::new(Sentinel(Rc::clone(&host))))?);
    lua.set_named_registry_value(SENTINEL, &sentinel)?;

    let builder = Builder { lua, guard, host };
    let methods = lua.create_table()?;
    let sockets = socket::handles(&builder, &methods, &remains)?;
    socket::add_methods(&builder, &methods, &sockets)?;
    socket::add_tostring(&builder, &sockets)?;
    let unusual_send = socket::unusual_send(&builder, &sockets)?;
    methods.raw_set("send", send::send_function(lua, sockets.metatable(), &unusual_send)?)?;

    let inner = lua.create_table()?;
    inner.raw_set("methods", methods)?;
    inner.raw_set("guard", &builder.guard)?;
    inner.raw_set("nestable", nestable)?;
    inner.raw_set("yielding_guard", yielding_guard)?;
    inner.raw_set("is_callable", &is_callable)?;
    inner.raw_set("new_userdata", bare::userdata_maker(lua)?)?;
    polling::add_functions(&builder, &inner)?;
    socket::add_functions(&builder, &inner, &sockets)?;
    receive::add_functions(&builder, &inner, &sockets)?;
    new::add_new(&builder, &inner, &sockets, is_callable.clone())?;
    timers::add_functions(&builder, &inner, &is_callable, &timer_remains)?;
    let polling = poll::functions(lua, &sentinel, &inner.raw_get("begin_unusual_turn")?)?;
    builder.add_raw(&inner, "described", |lua, _, value: Value| one(lua, described(&value)))?;
    let described: Function = inner.raw_get("described")?;
    let delivery: Table = lua.load(include_str!("delivery.lua")).set_name("=websocket").call((
        &is_callable,
        &polling.is_dispatching,
        described,
    ))?;
    let plan = new::plan_function(&builder, &sockets, &delivery.raw_get("call")?)?;
    let parts = Parts { sentinel: &sentinel, metatable: sockets.metatable(), host: &builder.host, plan: &plan };
    let (with_traceback, deal_with) = (delivery.raw_get("with_traceback")?, delivery.raw_get("deal_with")?);
    let dispatch = dispatch::dispatch_function(lua, &parts, &with_traceback, &deal_with)?;
    inner.raw_set("is_dispatching", polling.is_dispatching)?;
    inner.raw_set("expected", polling.expected)?;
    inner.raw_set("begin_turn", polling.begin_turn)?;
    inner.raw_set("wait", polling.wait)?;
    inner.raw_set("since", polling.since)?;
    inner.raw_set("dispatch", dispatch)?;
    inner.raw_set("delivery", delivery)?;

    let core = lua.create_table()?;
    core.raw_set("_host", inner)?;
    core.raw_set("_VERSION", concat!("websocket-native ", env!("CARGO_PKG_VERSION")))?;
    core.raw_set("now", polling.now)?;
    connections::add_functions(&builder, &core, &sockets)?;
    text::add_functions(&builder, &core)?;

    // Lua runs finalisers newest first. This one is made last, so it runs before any function above is gone.
    lua.set_named_registry_value(WATCH, watch_end.call::<Value>(())?)?;
    lua.set_named_registry_value(CORE, &core)?;
    Ok(core)
}
