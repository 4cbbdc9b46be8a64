//! `websocket.after` and `websocket.every`, and the userdata that they return.
//!
//! Comes in: seconds and a function. Goes out: a timer, which [`super::dispatch`] calls back when it is due.

use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::Duration;

use mlua::{Function, Lua, Table, Value};

use super::answer::{Answer, Raise, one, raise};
use super::arguments::{fraction, shown, type_name};
use super::builder::Builder;
use super::handle::{Handles, Held};
use super::host::Host;
use crate::options::kind::MAX_SECONDS;

/// The shortest period of `every` in seconds, because the timers of the engine count whole milliseconds.
const SHORTEST_PERIOD: f64 = 0.001;

/// What the userdata of a timer holds.
pub struct Timer {
    host: Rc<Host>,
    number: u64,
    /// When it fires, which `tostring` shows.
    when: String,
}

impl Held for Timer {
    const TAG: u64 = 0x37f8_1c4d_a2b6_905e;
}

/// The userdata of timers.
type Timers = Rc<Handles<Timer>>;

/// Whether a timer fires once or again and again.
#[derive(Clone, Copy)]
enum Kind {
    After,
    Every,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::After => "after",
            Kind::Every => "every",
        }
    }

    /// Returns the seconds that it accepts.
    fn range(self) -> RangeInclusive<f64> {
        match self {
            Kind::After => 0.0..=MAX_SECONDS,
            Kind::Every => SHORTEST_PERIOD..=MAX_SECONDS,
        }
    }
}

/// Adds what `websocket.after(seconds, fn)` and `websocket.every(seconds, fn)` are made of. A timer that was finalised gets the metatable `remains`.
pub fn add_functions(builder: &Builder, inner: &Table, callable: &Function, remains: &Table) -> mlua::Result<()> {
    let handles = handles(builder, inner, remains)?;
    for kind in [Kind::After, Kind::Every] {
        let (handles, callable) = (Rc::clone(&handles), callable.clone());
        builder.add_raw(inner, kind.as_str(), move |lua, host, (time, function): (Value, Value)| {
            let time = fraction(&time, "seconds", &kind.range())?;
            if !callable.call::<bool>(&function)? {
                return raise(format!("fn must be a function or callable, got {}", type_name(&function)));
            }
            host.check_process()?;
            set(lua, host, &handles, kind, time, function)
        })?;
    }
    Ok(())
}

fn set(lua: &Lua, host: &Rc<Host>, handles: &Timers, kind: Kind, time: f64, function: Value) -> Answer {
    host.drop_stale()?;
    let number = host.number();
    let when = format!("{} {} s", kind.as_str(), shown(time));
    let timer = handles.create(lua, Rc::new(Timer { host: Rc::clone(host), number, when }))?;
    let delay = Duration::try_from_secs_f64(time).unwrap_or_default();
    let period = match kind {
        Kind::After => None,
        Kind::Every => Some(delay),
    };
    // What others can see comes last, after everything that may run out of memory.
    let started = host
        .callbacks
        .raw_set(number, function)
        .map_err(Raise::from)
        .and_then(|()| host.set_timer(number, delay, period));
    if let Err(raise) = started {
        // The first error is the one to raise; values that could not be dropped are dropped later.
        let _ = host.forget_values(number);
        return Err(raise);
    }
    one(lua, timer)
}

/// Prepares the userdata of timers, and adds what their `cancel` is made of.
fn handles(builder: &Builder, inner: &Table, remains: &Table) -> mlua::Result<Timers> {
    let (metatable, methods) = (builder.lua.create_table()?, builder.lua.create_table()?);
    metatable.raw_set("__name", "websocket.timer")?;
    metatable.raw_set("__index", &methods)?;
    let handles = Handles::new(builder.lua, "websocket.timer", metatable, remains)?;
    let held = Rc::clone(&handles);
    inner.raw_set("timer_methods", methods)?;
    builder.add_raw(inner, "cancel", move |lua, host, this: Value| {
        let timer = borrowed(&held, &this, "cancel")?;
        host.check_process()?;
        let was_set = host.timers.borrow_mut().cancel(timer.number);
        if was_set {
            // The timer is cancelled even if its function can only be dropped later.
            let _ = host.forget_values(timer.number);
        }
        one(lua, was_set)
    })?;
    let held = Rc::clone(&handles);
    builder.add(handles.metatable(), "__tostring", move |lua, _, this: Value| {
        let timer = borrowed(&held, &this, "tostring")?;
        let state = if timer.host.timers.borrow().is_set(timer.number) { "" } else { ", over" };
        one(lua, format!("websocket timer ({}{state})", timer.when))
    })?;
    Ok(handles)
}

/// Returns the timer that a method was called on.
fn borrowed(handles: &Timers, this: &Value, method: &str) -> Result<Rc<Timer>, Raise> {
    match handles.held(this) {
        Some(timer) => Ok(timer),
        None => {
            raise(format!("{method} must be called on a timer with a colon (timer:{method}), got {}", type_name(this)))
        }
    }
}
