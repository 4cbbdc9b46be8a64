//! How a call ends: with results, with `nil, text, code` for a condition that is no mistake of the script, or with an error
//! to raise.

use mlua::{IntoLua, Lua, MultiValue, Value};

use crate::error::{ErrorCode, InvalidInput};

/// Why a call raises.
pub enum Raise {
    /// A text for the caller.
    Text(String),
    /// An error of Lua itself: it is out of memory, or a hook raised.
    Lua(mlua::Error),
}

/// The results of a call, or what it raises.
pub type Answer = Result<Results, Raise>;

/// Up to four results.
pub struct Results(Value, Value, Value, Value);

/// Answers nothing.
pub fn nothing() -> Answer {
    Ok(Results(Value::Nil, Value::Nil, Value::Nil, Value::Nil))
}

/// Answers one value.
pub fn one(lua: &Lua, value: impl IntoLua) -> Answer {
    Ok(Results(value.into_lua(lua)?, Value::Nil, Value::Nil, Value::Nil))
}

/// Answers two values.
pub fn two(lua: &Lua, first: impl IntoLua, second: impl IntoLua) -> Answer {
    Ok(Results(first.into_lua(lua)?, second.into_lua(lua)?, Value::Nil, Value::Nil))
}

/// Answers three values.
pub fn three(lua: &Lua, first: impl IntoLua, second: impl IntoLua, third: impl IntoLua) -> Answer {
    Ok(Results(first.into_lua(lua)?, second.into_lua(lua)?, third.into_lua(lua)?, Value::Nil))
}

/// Answers `nil, text, code`, for a condition that is no mistake of the script.
pub fn refused(lua: &Lua, text: &str, code: ErrorCode) -> Answer {
    Ok(Results(Value::Nil, text.into_lua(lua)?, code.as_str().into_lua(lua)?, Value::Nil))
}

/// Answers four values.
pub fn four(lua: &Lua, first: impl IntoLua, second: impl IntoLua, third: impl IntoLua, fourth: impl IntoLua) -> Answer {
    Ok(Results(first.into_lua(lua)?, second.into_lua(lua)?, third.into_lua(lua)?, fourth.into_lua(lua)?))
}

/// Raises a text.
pub fn raise<T>(text: impl Into<String>) -> Result<T, Raise> {
    Err(Raise::Text(text.into()))
}

/// Turns an answer into what the guard in prelude.lua expects.
pub fn returned(lua: &Lua, answer: Answer) -> mlua::Result<MultiValue> {
    match answer {
        Ok(Results(first, second, third, fourth)) => {
            Ok(MultiValue::from_iter([Value::Boolean(true), first, second, third, fourth]))
        }
        Err(Raise::Text(text)) => refusal(lua, text),
        Err(Raise::Lua(error)) => refusal(lua, text_of(&error)),
    }
}

fn refusal(lua: &Lua, text: String) -> mlua::Result<MultiValue> {
    Ok(MultiValue::from_iter([Value::Boolean(false), text.into_lua(lua)?]))
}

/// Returns the text of an error as Lua had it, without mlua's additions, so that an interrupt ends in `interrupted!`.
fn text_of(error: &mlua::Error) -> String {
    let text = match error {
        mlua::Error::RuntimeError(text) => text.clone(),
        mlua::Error::CallbackError { cause, .. } => text_of(cause),
        other => other.to_string(),
    };
    text.split("\nstack traceback:").next().unwrap_or_default().to_owned()
}

impl From<mlua::Error> for Raise {
    fn from(error: mlua::Error) -> Self {
        Raise::Lua(error)
    }
}

impl From<InvalidInput> for Raise {
    fn from(error: InvalidInput) -> Self {
        Raise::Text(error.to_string())
    }
}
