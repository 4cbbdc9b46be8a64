//! `websocket.to_utf8` and `websocket.parse_url`: the rules of the Encoding and URL standards, for scripts that need them.

use mlua::{Table, Value};

use super::answer::{one, two};
use super::arguments::string;
use super::builder::Builder;
use crate::url::Parts;

/// Adds `to_utf8` and `parse_url`.
pub fn add_functions(builder: &Builder, core: &Table) -> mlua::Result<()> {
    builder.add(core, "to_utf8", |lua, _, text: Value| {
        let bytes = string(&text, "text")?.as_bytes();
        // Each maximal ill-formed part becomes one U+FFFD (Encoding standard, UTF-8 decoder).
        match String::from_utf8_lossy(&bytes) {
            std::borrow::Cow::Borrowed(_) => one(lua, &text),
            std::borrow::Cow::Owned(mended) => one(lua, mended),
        }
    })?;
    builder.add(core, "parse_url", |lua, _, text: Value| {
        let bytes = string(&text, "text")?.as_bytes();
        let parts = match Parts::parse(&String::from_utf8_lossy(&bytes)) {
            Ok(parts) => parts,
            Err(error) => return two(lua, Value::Nil, error.to_string()),
        };
        let table = lua.create_table()?;
        table.raw_set("href", parts.href)?;
        table.raw_set("scheme", parts.scheme)?;
        table.raw_set("username", parts.username)?;
        table.raw_set("password", parts.password)?;
        table.raw_set("host", parts.host)?;
        table.raw_set("port", parts.port)?;
        table.raw_set("path", parts.path)?;
        table.raw_set("query", parts.query)?;
        table.raw_set("fragment", parts.fragment)?;
        table.raw_set("origin", parts.origin)?;
        one(lua, table)
    })
}
