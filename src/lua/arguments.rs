//! Checks of the type and the range of a Lua value, with error texts that name the value and the limit.
//!
//! Comes in: a value, and what it is for ("option open_timeout"). Goes out: the Rust value, or an error to raise. A
//! float without a fraction counts as an integer, because Lua 5.1 and 5.2 have no other numbers.

use std::ops::RangeInclusive;
use std::time::Duration;

use mlua::{LuaString, Value};

use super::answer::{Raise, raise};
use crate::close::{CloseCode, CloseFrame};
use crate::options::kind::{MAX_COUNT, MAX_SECONDS};
use crate::quote::quoted;

/// Returns the name of a value's type, as Lua's own error messages write it.
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

/// Writes a value for a text that names what is accepted: a string in quotes, anything else by its type.
pub fn described(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text.as_bytes()),
        other => type_name(other).to_owned(),
    }
}

/// Writes a float as a script would: 10 without a fraction, a very large one with an exponent, an infinity as
/// `math.huge`, and NaN as Lua prints it, but without the sign that it has on some machines.
pub fn shown(number: f64) -> String {
    match number {
        number if number.is_nan() => "nan".to_owned(),
        f64::INFINITY => "math.huge".to_owned(),
        f64::NEG_INFINITY => "-math.huge".to_owned(),
        number => {
            let text = format!("{number:?}");
            text.strip_suffix(".0").unwrap_or(&text).to_owned()
        }
    }
}

/// Reads a string.
pub fn string<'a>(value: &'a Value, what: &str) -> Result<&'a LuaString, Raise> {
    match value {
        Value::String(text) => Ok(text),
        other => raise(format!("{what} must be a string, got {}", type_name(other))),
    }
}

/// Makes the Close frame of the arguments of `close`; none for the code 1005.
pub fn close_frame(code: &Value, reason: &Value) -> Result<Option<CloseFrame>, Raise> {
    let code = match code {
        Value::Nil => i64::from(CloseCode::NORMAL.get()),
        code => integer(code).map_err(|got| CloseCode::refuse(&got))?,
    };
    Ok(match reason {
        Value::Nil => CloseFrame::from_script(code, b"")?,
        reason => CloseFrame::from_script(code, &string(reason, "close reason")?.as_bytes())?,
    })
}

/// Reads a string that is valid UTF-8.
pub fn utf8(value: &Value, what: &str) -> Result<String, Raise> {
    match String::from_utf8(string(value, what)?.as_bytes().to_vec()) {
        Ok(text) => Ok(text),
        Err(_) => raise(format!("{what} is not valid UTF-8")),
    }
}

/// Reads a boolean; nil counts as false.
pub fn boolean(value: &Value, what: &str) -> Result<bool, Raise> {
    match value {
        Value::Nil => Ok(false),
        Value::Boolean(flag) => Ok(*flag),
        other => raise(format!("{what} must be a boolean, got {}", type_name(other))),
    }
}

/// Reads an integer.
///
/// # Errors
/// The value is no integer that fits into an i64. The error is how a text names the value: the type, or the number.
pub fn integer(value: &Value) -> Result<i64, String> {
    match value {
        // i32 in a build for a Lua without integers.
        #[allow(clippy::useless_conversion)]
        Value::Integer(number) => Ok(i64::from(*number)),
        // False for NaN and the infinities, whose fraction is NaN. -(i64::MIN as f64) is 2^63, the first that is too
        // large.
        Value::Number(number)
            if number.fract() == 0.0 && *number >= i64::MIN as f64 && *number < -(i64::MIN as f64) =>
        {
            Ok(*number as i64)
        }
        Value::Number(number) => Err(shown(*number)),
        other => Err(type_name(other).to_owned()),
    }
}

/// Reads a count from `least` to [`MAX_COUNT`].
pub fn count(value: &Value, what: &str, least: usize) -> Result<usize, Raise> {
    let least = i64::try_from(least).unwrap_or(i64::MAX);
    let number = within(value, what, least..=MAX_COUNT.cast_signed())?;
    // Where an address has 32 bits, more than fits into memory is as good as no limit.
    Ok(usize::try_from(number).unwrap_or(usize::MAX))
}

/// Reads an integer of a short range.
pub fn small(value: &Value, what: &str, range: &RangeInclusive<u8>) -> Result<u8, Raise> {
    let number = within(value, what, i64::from(*range.start())..=i64::from(*range.end()))?;
    Ok(u8::try_from(number).unwrap_or(*range.end()))
}

fn within(value: &Value, what: &str, range: RangeInclusive<i64>) -> Result<i64, Raise> {
    let got = match integer(value) {
        Ok(number) if range.contains(&number) => return Ok(number),
        Ok(number) => number.to_string(),
        Err(got) => got,
    };
    raise(format!("{what} must be an integer from {} to {}, got {got}", range.start(), range.end()))
}

/// Reads a number of a range.
pub fn fraction(value: &Value, what: &str, range: &RangeInclusive<f64>) -> Result<f64, Raise> {
    let wanted = format!("a number from {} to {}", range.start(), range.end());
    match number(value, what, &wanted)? {
        number if range.contains(&number) => Ok(number),
        number => raise(format!("{what} must be {wanted}, got {}", shown(number))),
    }
}

/// Reads a time above 0 and up to [`MAX_SECONDS`].
pub fn duration(value: &Value, what: &str) -> Result<Duration, Raise> {
    timeout(number(value, what, "a number of seconds")?, what)
}

/// Reads a time as [`duration`] does, or false for none.
pub fn duration_or_false(value: &Value, what: &str) -> Result<Option<Duration>, Raise> {
    match value {
        Value::Boolean(false) => Ok(None),
        value => timeout(number(value, what, "a number of seconds or false")?, what).map(Some),
    }
}

fn number(value: &Value, what: &str, wanted: &str) -> Result<f64, Raise> {
    match value {
        // i32 in a build for a Lua without integers.
        #[allow(clippy::unnecessary_cast)]
        Value::Integer(number) => Ok(*number as f64),
        Value::Number(number) => Ok(*number),
        other => raise(format!("{what} must be {wanted}, got {}", type_name(other))),
    }
}

fn timeout(number: f64, what: &str) -> Result<Duration, Raise> {
    if number > 0.0
        && number <= MAX_SECONDS
        && let Ok(duration) = Duration::try_from_secs_f64(number)
    {
        // A time too short for a Duration is still above 0.
        return Ok(duration.max(Duration::from_nanos(1)));
    }
    raise(format!("{what} must be above 0 and at most {MAX_SECONDS} seconds, got {}", shown(number)))
}
