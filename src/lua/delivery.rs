//! Delivery: the protocol by which Rust has Lua run one callback, so that an event is neither lost nor delivered twice,
//! whatever cuts the run off.
//!
//! Each call has a serial number. Rust calls `deliver(mark, number, callback, ...)`, which is Lua (delivery.lua). It calls
//! `begin(mark, number, callback, ...)` in `xpcall`. `begin` is a C function (begin.rs): it stores the number in `mark[1]`
//! and calls the callback. `deliver` returns nil when the callback is done, also when it raised and the error handler has
//! been called, and `{ problem = error }` for an error that must leave `poll` at once. Rust keeps a call for which
//! `deliver` did not return nil. The next poll drops the kept call if `mark[1]` equals its number, because its callback
//! has begun, and delivers it again otherwise.
//!
//! | what happens | what Rust sees | the next poll |
//! |---|---|---|
//! | the callback returns, or raises and the error handler is called | nil | goes on with the next event |
//! | the callback yields | nil: the call from Rust makes a yield an error in the callback | goes on |
//! | no memory for the values of the event | no call was made: the event stays in front of the others | makes them again |
//! | no memory, a full C stack, an interrupt or a hook's error before `begin` has set the mark | an error | delivers it again |
//! | no memory or Lua stack to enter the callback | nil: the error goes to the error handler | goes on |
//! | an interrupt or an error of the host in the callback | `{ problem }` | drops the call |
//! | an interrupt after the callback has returned | an error | drops the call |
//! | the callback's error handler is interrupted | `{ problem }` or an error | drops the call |
//! | the callback forks | nil, then in the child an error for what follows | raises in the child |
//! | the callback closes the Lua state, and a C function unwinds to the host | nothing: the call never returns | there is none |

use std::cell::{Cell, RefCell};

use mlua::{Function, Lua, Table, Value};

use super::begin::mark;
use super::call::Call;

/// The Rust half of the protocol, for one Lua state.
pub struct Delivery {
    /// A table whose first field is the number of the call whose callback began last.
    mark: Table,
    last_number: Cell<u64>,
    /// The call that was cut off, perhaps before its callback began.
    unfinished: RefCell<Option<(u64, Call)>>,
}

/// How a call ended.
pub enum Outcome {
    /// The callback is done.
    Done,
    /// `{ problem = error }`: the error must leave `poll`.
    Leave(Value),
    /// `deliver` itself was cut off.
    CutOff(mlua::Error),
}

impl Delivery {
    /// Creates the Rust half for one Lua state.
    pub fn new(lua: &Lua) -> mlua::Result<Delivery> {
        Ok(Delivery { mark: mark(lua)?, last_number: Cell::new(0), unfinished: RefCell::default() })
    }

    /// Tells whether a call was cut off. Its callback may have begun all the same.
    pub fn has_unfinished(&self) -> bool {
        self.unfinished.borrow().is_some()
    }

    /// Returns the call that was cut off before its callback began.
    ///
    /// # Errors
    /// Those of Lua; the call is kept.
    pub fn resume(&self) -> mlua::Result<Option<Call>> {
        if !self.has_unfinished() {
            return Ok(None);
        }
        let begun: u64 = self.mark.raw_get(1)?;
        Ok(self.unfinished.take().and_then(|(number, call)| (number != begun).then_some(call)))
    }

    /// Keeps a call that could not be made yet for the next poll.
    pub fn keep(&self, call: Call) {
        self.unfinished.replace(Some((self.next_number(), call)));
    }

    /// Has `deliver` run a callback, and keeps the call unless that is done.
    pub fn run(&self, deliver: &Function, call: Call) -> Outcome {
        let number = self.next_number();
        let result = match &call.arguments {
            None => deliver.call::<Value>((&self.mark, number, &call.callback)),
            Some(with) => deliver.call((
                &self.mark,
                number,
                &call.callback,
                with.event,
                &with.message,
                &with.detail,
                &with.socket,
            )),
        };
        let outcome = match result {
            Ok(Value::Nil) => return Outcome::Done,
            Ok(leaving) => Outcome::Leave(leaving),
            Err(error) => Outcome::CutOff(error),
        };
        self.unfinished.replace(Some((number, call)));
        outcome
    }

    /// Drops what is kept.
    pub fn clear(&self) {
        self.unfinished.take();
    }

    fn next_number(&self) -> u64 {
        self.last_number.set(self.last_number.get() + 1);
        self.last_number.get()
    }
}
