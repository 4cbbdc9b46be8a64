//! A callback with its arguments: what `dispatch` makes of an event or of a deferred function.

use mlua::{AnyUserData, Value};

use crate::queue::Charge;

/// A callback, the values that it is called with, and what must be held until it has returned.
pub struct Call {
    /// The script's function.
    pub callback: Value,
    /// Nothing for a deferred function, which is called without arguments.
    pub arguments: Option<Arguments>,
    /// The event's share of its connection's budget. It is released when the callback returns.
    pub _charge: Charge,
}

/// The arguments of a connection's callback, in their order.
pub struct Arguments {
    /// The event's name.
    pub event: &'static str,
    /// The payload, the reason or the error text.
    pub message: Value,
    /// The kind of the message, the close code or the error code.
    pub detail: Value,
    /// The connection that the event belongs to.
    pub socket: AnyUserData,
}
