//! What `poll`, `run`, `defer`, `fileno` and `set_logger` in `websocket/init.lua` need beside the functions of [`super::poll`]
//! and [`super::dispatch`], which are called for every turn.

use std::time::{Duration, Instant};

use mlua::{Table, Value};

use super::answer::{nothing, one, raise};
use super::arguments::count;
use super::builder::Builder;
use super::host::ENDING;
use crate::queue::Item;
use crate::runtime::Wait;

/// Adds the functions to the table that `websocket/init.lua` takes.
pub fn add_functions(builder: &Builder, inner: &Table) -> mlua::Result<()> {
    builder.add_raw(inner, "turn", |lua, host, ()| one(lua, host.inbox.turn()))?;
    builder.add_raw(inner, "waits", |lua, host, ()| {
        host.check_process()?;
        one(lua, host.wait(Wait::up_to(Duration::ZERO), |cx| host.inbox.poll_ready(cx)).is_some())
    })?;
    // Begins a turn, or says why it cannot begin: `max` is what [`super::poll`] did not understand, this is the child
    // of a fork, or the state is ending.
    builder.add_raw(inner, "begin_unusual_turn", |_, host, max: Value| {
        if !max.is_nil() {
            count(&max, "max", 1)?;
        }
        host.check_process()?;
        if host.has_ended() {
            return raise(ENDING);
        }
        host.inbox.begin_turn();
        nothing()
    })?;
    builder.add_raw(inner, "fileno", |lua, host, ()| {
        host.check_process()?;
        match host.inbox.descriptor() {
            Ok(descriptor) => one(lua, descriptor),
            Err(error) => raise(format!("no descriptor can be made: {error}")),
        }
    })?;
    builder.add_raw(inner, "next_timeout", |lua, host, ()| {
        host.check_process()?;
        if host.wait(Wait::up_to(Duration::ZERO), |cx| host.inbox.poll_ready(cx)).is_some() {
            return one(lua, 0.0);
        }
        one(lua, host.timers.borrow().next(Instant::now()).map(|left| left.as_secs_f64()))
    })?;
    builder.add_raw(inner, "set_logger", |_, host, logger: Value| {
        host.check_process()?;
        let number = host.logger.get();
        if logger.is_nil() {
            host.inbox.queue.stop_lines();
            host.logger.set(None);
            if let Some(number) = number {
                host.forget_values(number)?;
            }
            return nothing();
        }
        let number = number.unwrap_or_else(|| host.number());
        host.callbacks.raw_set(number, logger)?;
        host.logger.set(Some(number));
        host.inbox.queue.start_lines();
        nothing()
    })?;
    builder.add_raw(inner, "defer", |_, host, function: Value| {
        host.check_process()?;
        let number = host.number();
        host.callbacks.raw_set(number, function)?;
        host.inbox.queue.push([Item::Deferred(number)]);
        nothing()
    })
}
