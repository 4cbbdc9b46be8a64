//! Makes the Lua tables of responses and ends.

use mlua::{Lua, Table};

use crate::error::ErrorCode;
use crate::event::End;
use crate::response::Response;

/// Makes the table of `ws:response()`: status, headers by lower-case name, body.
///
/// Repeated headers are joined by ", " (RFC 9110 section 5.3), except Set-Cookie, which is always a list.
pub fn response(lua: &Lua, response: &Response) -> mlua::Result<Table> {
    let headers = lua.create_table()?;
    for (index, (name, value)) in response.headers.iter().enumerate() {
        if response.headers[..index].iter().any(|(earlier, _)| earlier == name) {
            continue;
        }
        let all = response.headers[index..].iter().filter(|(other, _)| other == name).map(|(_, value)| &value[..]);
        if name == "set-cookie" {
            let list = lua.create_table()?;
            for value in all {
                list.raw_push(lua.create_string(value)?)?;
            }
            headers.raw_set(&**name, list)?;
        } else if all.clone().count() == 1 {
            headers.raw_set(&**name, lua.create_string(value)?)?;
        } else {
            headers.raw_set(&**name, lua.create_string(all.collect::<Vec<_>>().join(&b", "[..]))?)?;
        }
    }
    let table = lua.create_table()?;
    table.raw_set("status", response.status)?;
    table.raw_set("headers", headers)?;
    table.raw_set("body", lua.create_string(&response.body)?)?;
    Ok(table)
}

/// Makes the table of `ws:end_info()`.
pub fn end(lua: &Lua, end: &End, response: Option<&Response>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("failed", end.error.is_some())?;
    table.raw_set("violation", end.violation)?;
    table.raw_set("clean", end.clean)?;
    table.raw_set("by", end.by.as_str())?;
    table.raw_set("code", end.code)?;
    table.raw_set("reason", &*end.reason)?;
    table.raw_set("error", end.error.map(|error| error.as_str()))?;
    table.raw_set("text", &*end.text)?;
    table.raw_set("header", end.header)?;
    table.raw_set("sent_code", end.sent_code)?;
    table.raw_set("received_code", end.received_code)?;
    let refused = matches!(end.error, Some(ErrorCode::Handshake | ErrorCode::HttpStatus));
    table.raw_set("status", response.filter(|_| refused).map(|response| response.status))?;
    Ok(table)
}
