//! The options tables of `websocket.new` and of `send`, name by name.

use mlua::{Table, Value};

use super::answer::{Raise, raise};
use super::arguments::{boolean, duration, optional_duration, size, size_or_zero, small, string, type_name, utf8};
use crate::extension::{Compression, LEVELS, WINDOW_BITS};
use crate::options::{Options, TlsOptions};

const NAMES: [&str; 17] = [
    "headers",
    "protocols",
    "require_protocol",
    "origin",
    "basic_auth",
    "open_timeout",
    "close_timeout",
    "ping_interval",
    "ping_timeout",
    "max_message_size",
    "max_fragments",
    "max_queue",
    "max_buffered",
    "report_pings",
    "report_closing",
    "compression",
    "tls",
];

const COMPRESSION_NAMES: [&str; 6] = [
    "client_no_context_takeover",
    "server_no_context_takeover",
    "client_max_window_bits",
    "server_max_window_bits",
    "threshold",
    "level",
];

const SEND_NAMES: [&str; 1] = ["compress"];

const TLS_NAMES: [&str; 6] = ["ca_file", "ca", "cert_file", "key_file", "server_name", "insecure"];

const AUTH_NAMES: [&str; 2] = ["user", "password"];

/// Reads the options; nil gives the defaults.
pub fn read(value: &Value) -> Result<Options, Raise> {
    let mut options = Options::default();
    let table = match value {
        Value::Nil => return Ok(options),
        Value::Table(table) => table,
        other => return raise(format!("options must be a table, got {}", type_name(other))),
    };
    for (name, value) in entries(table, "option", &NAMES)? {
        read_one(&mut options, &name, &value)?;
    }
    options.check()?;
    Ok(options)
}

fn read_one(options: &mut Options, name: &str, value: &Value) -> Result<(), Raise> {
    let what = format!("option {name}");
    match name {
        "headers" => read_headers(options, value)?,
        "protocols" => read_protocols(options, value)?,
        "require_protocol" => options.require_protocol = boolean(value, &what)?,
        "origin" => options.set_origin(&string(value, &what)?.as_bytes())?,
        "basic_auth" => read_auth(options, value)?,
        "open_timeout" => options.open_timeout = duration(value, &what)?,
        "close_timeout" => options.close_timeout = duration(value, &what)?,
        "ping_interval" => options.ping_interval = optional_duration(value, &what)?,
        "ping_timeout" => options.ping_timeout = optional_duration(value, &what)?,
        "max_message_size" => options.max_message_size = size(value, &what)?,
        "max_fragments" => options.max_fragments = size(value, &what)?,
        "max_queue" => options.max_queue = size(value, &what)?,
        "max_buffered" => options.max_buffered = size(value, &what)?,
        "report_pings" => options.report_pings = boolean(value, &what)?,
        "report_closing" => options.report_closing = boolean(value, &what)?,
        "compression" => options.compression = read_compression(value)?,
        "tls" => options.tls = read_tls(value)?,
        other => return raise(format!("unknown option {other}")),
    }
    Ok(())
}

fn read_headers(options: &mut Options, value: &Value) -> Result<(), Raise> {
    let Value::Table(headers) = value else {
        return raise(format!("option headers must be a table, got {}", type_name(value)));
    };
    let mut sorted = Vec::new();
    for pair in headers.pairs::<Value, Value>() {
        let (name, value) = pair?;
        if !matches!(name, Value::String(_)) {
            return raise(format!(
                "option headers must be a map from names to values; a key is a {}",
                type_name(&name)
            ));
        }
        sorted.push((utf8(&name, "header name")?, value));
    }
    // The order of a Lua table is chance; requests should not be.
    sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (name, value) in sorted {
        let what = format!("value of header {name:?}");
        match value {
            Value::Table(list) => {
                for item in items(&list, &what)? {
                    options.add_header(&name, &string(&item, &what)?.as_bytes())?;
                }
            }
            value => options.add_header(&name, &string(&value, &what)?.as_bytes())?,
        }
    }
    Ok(())
}

fn read_protocols(options: &mut Options, value: &Value) -> Result<(), Raise> {
    match value {
        Value::Table(list) => {
            for item in items(list, "option protocols")? {
                options.add_protocol(&utf8(&item, "subprotocol")?)?;
            }
        }
        Value::String(_) => options.add_protocol(&utf8(value, "subprotocol")?)?,
        other => return raise(format!("option protocols must be a string or a list, got {}", type_name(other))),
    }
    Ok(())
}

fn read_auth(options: &mut Options, value: &Value) -> Result<(), Raise> {
    let Value::Table(table) = value else {
        return raise(format!("option basic_auth must be a table, got {}", type_name(value)));
    };
    let (mut user, mut password) = (None, Vec::new());
    for (name, value) in entries(table, "option basic_auth.", &AUTH_NAMES)? {
        let bytes = string(&value, &format!("option basic_auth.{name}"))?.as_bytes().to_vec();
        match &*name {
            "user" => user = Some(bytes),
            "password" => password = bytes,
            other => return raise(format!("unknown option basic_auth.{other}")),
        }
    }
    let Some(user) = user else { return raise("option basic_auth.user is missing") };
    Ok(options.set_basic_auth(&user, &password)?)
}

fn read_compression(value: &Value) -> Result<Option<Compression>, Raise> {
    let mut compression = Compression::default();
    let table = match value {
        Value::Boolean(false) => return Ok(None),
        Value::Boolean(true) => return Ok(Some(compression)),
        Value::Table(table) => table,
        other => return raise(format!("option compression must be a boolean or a table, got {}", type_name(other))),
    };
    for (name, value) in entries(table, "option compression.", &COMPRESSION_NAMES)? {
        let what = format!("option compression.{name}");
        match &*name {
            "client_no_context_takeover" => compression.client_no_context_takeover = boolean(&value, &what)?,
            "server_no_context_takeover" => compression.server_no_context_takeover = boolean(&value, &what)?,
            "client_max_window_bits" => compression.client_max_window_bits = small(&value, &what, WINDOW_BITS)?,
            "server_max_window_bits" => compression.server_max_window_bits = Some(small(&value, &what, WINDOW_BITS)?),
            "threshold" => compression.threshold = size_or_zero(&value, &what)?,
            "level" => compression.level = small(&value, &what, LEVELS)?,
            other => return raise(format!("unknown option compression.{other}")),
        }
    }
    Ok(Some(compression))
}

/// Reads the options of `send`, and tells whether the message may go compressed.
pub fn read_send(value: &Value) -> Result<bool, Raise> {
    let table = match value {
        Value::Nil => return Ok(true),
        Value::Table(table) => table,
        other => return raise(format!("send options must be a table, got {}", type_name(other))),
    };
    let mut compress = true;
    for (_, value) in entries(table, "send option", &SEND_NAMES)? {
        compress = boolean(&value, "send option compress")?;
    }
    Ok(compress)
}

fn read_tls(value: &Value) -> Result<TlsOptions, Raise> {
    let Value::Table(table) = value else {
        return raise(format!("option tls must be a table, got {}", type_name(value)));
    };
    let mut tls = TlsOptions::default();
    for (name, value) in entries(table, "option tls.", &TLS_NAMES)? {
        let what = format!("option tls.{name}");
        match &*name {
            "ca_file" => tls.ca_file = Some(utf8(&value, &what)?),
            "ca" => tls.ca = Some(string(&value, &what)?.as_bytes().to_vec()),
            "cert_file" => tls.cert_file = Some(utf8(&value, &what)?),
            "key_file" => tls.key_file = Some(utf8(&value, &what)?),
            "server_name" => tls.server_name = Some(utf8(&value, &what)?),
            "insecure" => tls.insecure = boolean(&value, &what)?,
            other => return raise(format!("unknown option tls.{other}")),
        }
    }
    Ok(tls)
}

/// Returns a table's entries, all of which must have one of `names`.
fn entries(table: &Table, what: &str, names: &[&str]) -> Result<Vec<(String, Value)>, Raise> {
    let mut found = Vec::new();
    for pair in table.pairs::<Value, Value>() {
        let (name, value) = pair?;
        let Value::String(name) = name else {
            let what = what.trim_end_matches('.');
            return raise(format!("{what} names must be strings, got a {}", type_name(&name)));
        };
        let name = name.to_string_lossy();
        if !names.contains(&&*name) {
            let separator = if what.ends_with('.') { "" } else { " " };
            let nearest = nearest(&name, names);
            return raise(format!("unknown {what}{separator}{name}, the nearest known is {nearest}"));
        }
        found.push((name, value));
    }
    Ok(found)
}

/// Returns the items of a list, refusing a map.
fn items(list: &Table, what: &str) -> Result<Vec<Value>, Raise> {
    let length = list.raw_len();
    let count = list.pairs::<Value, Value>().count();
    if count != length {
        return raise(format!("{what} must be a list without holes; {count} entries, the last number is {length}"));
    }
    Ok(list.sequence_values::<Value>().collect::<mlua::Result<_>>()?)
}

fn nearest<'a>(name: &str, names: &[&'a str]) -> &'a str {
    names.iter().copied().min_by_key(|known| distance(name, known)).unwrap_or("")
}

/// Returns the number of characters to insert, delete or replace between two names (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().take(100).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
