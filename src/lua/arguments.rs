//! Lua values as arguments: types and ranges checked, with texts that name the value and the limit.

use std::ops::RangeInclusive;
use std::time::Duration;

use mlua::{LuaString, Value};

use super::answer::{Raise, raise};

/// The longest time that a script may ask for, in seconds: some thirty years.
const MAX_SECONDS: f64 = 1e9;

/// The largest size in bytes, or number, that a script may ask for: what a float holds exactly.
const MAX_SIZE: i64 = 1 << 53;

/// Returns the name of a value's type, as Lua's own messages have it.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Nil => "nil",
        Value::Boolean(_) => "boolean",
        Value::Integer(_) | Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Table(_) => "table",
        Value::Function(_) => "function",
        Value::Thread(_) => "thread",
        _ => "userdata",
    }
}

/// Takes a string.
pub fn string<'a>(value: &'a Value, what: &str) -> Result<&'a LuaString, Raise> {
    match value {
        Value::String(text) => Ok(text),
        other => raise(format!("{what} must be a string, got {}", type_name(other))),
    }
}

/// Takes a string that is UTF-8.
pub fn utf8(value: &Value, what: &str) -> Result<String, Raise> {
    match String::from_utf8(string(value, what)?.as_bytes().to_vec()) {
        Ok(text) => Ok(text),
        Err(_) => raise(format!("{what} is not valid UTF-8")),
    }
}

/// Takes a boolean; nil is false.
pub fn boolean(value: &Value, what: &str) -> Result<bool, Raise> {
    match value {
        Value::Nil => Ok(false),
        Value::Boolean(flag) => Ok(*flag),
        other => raise(format!("{what} must be a boolean, got {}", type_name(other))),
    }
}

/// Takes a whole number; a float without fraction is one.
pub fn integer(value: &Value, what: &str) -> Result<i64, Raise> {
    match value {
        // i32 in a build for a Lua without integers.
        #[allow(clippy::useless_conversion)]
        Value::Integer(number) => Ok(i64::from(*number)),
        // The comparison is false for NaN and for what i64 cannot hold.
        Value::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => Ok(*number as i64),
        Value::Number(number) => raise(format!("{what} must be an integer, got {number}")),
        other => raise(format!("{what} must be an integer, got {}", type_name(other))),
    }
}

/// Takes a size or count of at least 1.
pub fn size(value: &Value, what: &str) -> Result<usize, Raise> {
    Ok(usize::try_from(within(value, what, 1..=MAX_SIZE)?).unwrap_or(usize::MAX))
}

/// Takes a size or count, also 0.
pub fn size_or_zero(value: &Value, what: &str) -> Result<usize, Raise> {
    Ok(usize::try_from(within(value, what, 0..=MAX_SIZE)?).unwrap_or(usize::MAX))
}

/// Takes a whole number of a short range.
pub fn small(value: &Value, what: &str, range: RangeInclusive<u8>) -> Result<u8, Raise> {
    let number = within(value, what, i64::from(*range.start())..=i64::from(*range.end()))?;
    Ok(u8::try_from(number).unwrap_or(*range.end()))
}

fn within(value: &Value, what: &str, range: RangeInclusive<i64>) -> Result<i64, Raise> {
    let number = integer(value, what)?;
    if !range.contains(&number) {
        return raise(format!("{what} must be {} to {}, got {number}", range.start(), range.end()));
    }
    Ok(number)
}

/// Takes a time in seconds, 0 or more; `math.huge` is allowed.
pub fn seconds(value: &Value, what: &str) -> Result<f64, Raise> {
    #[allow(clippy::unnecessary_cast)]
    let number = match value {
        Value::Integer(number) => *number as f64,
        Value::Number(number) => *number,
        other => return raise(format!("{what} must be a number of seconds, got {}", type_name(other))),
    };
    if number >= 0.0 { Ok(number) } else { raise(format!("{what} must be 0 or more seconds, got {number}")) }
}

/// Takes a time in seconds above 0 that ends.
pub fn duration(value: &Value, what: &str) -> Result<Duration, Raise> {
    let number = seconds(value, what)?;
    match Duration::try_from_secs_f64(number) {
        Ok(duration) if !duration.is_zero() && number <= MAX_SECONDS => Ok(duration),
        _ => raise(format!("{what} must be above 0 and at most {MAX_SECONDS} seconds, got {number}")),
    }
}

/// Takes a time as [`duration`] does, or false for none.
pub fn optional_duration(value: &Value, what: &str) -> Result<Option<Duration>, Raise> {
    match value {
        Value::Boolean(false) => Ok(None),
        Value::Integer(_) | Value::Number(_) => duration(value, what).map(Some),
        other => raise(format!("{what} must be a number of seconds or false, got {}", type_name(other))),
    }
}
