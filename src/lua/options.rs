//! Reads the option tables of `websocket.new` and `send` by the table of all options.
//!
//! Comes in: what a script passed. Goes out: checked options, or an error to raise that names the option. Knows no
//! option by name. The tables are read as they are stored; one whose metatable would answer for missing entries is
//! refused, because what it holds would be ignored silently.

use mlua::{Table, Value};

use super::answer::{Raise, raise};
use super::arguments::{boolean, count, duration, duration_or_false, fraction, shown, small, string, type_name, utf8};
use crate::error::InvalidInput;
use crate::options::kind::{Group, Kind, Presence};
use crate::options::table::{CONNECTION, SEND};
use crate::options::{Options, SendOptions};
use crate::quote::quoted;

/// Reads the options of `websocket.new`; nil gives the defaults.
pub fn read(value: &Value) -> Result<Options, Raise> {
    let mut options = Options::default();
    read_argument(value, &CONNECTION, Place { kind: "option", within: "" }, &mut options)?;
    options.check()?;
    Ok(options)
}

/// Reads the options of `send`, and returns whether the message may be compressed.
pub fn read_send(value: &Value) -> Result<bool, Raise> {
    let mut options = SendOptions::default();
    read_argument(value, &SEND, Place { kind: "send option", within: "" }, &mut options)?;
    Ok(options.compress)
}

/// Reads request headers in place of those that the options hold.
pub fn read_headers_anew(value: &Value, options: &mut Options) -> Result<(), Raise> {
    options.clear_headers();
    read_headers(value, (Options::add_header, Options::remove_header), "headers", options)
}

/// The most entries of a list or a map. mlua keeps each value that Rust holds on a stack, which has 8,000 places
/// in Lua 5.1, so keys and values are not held together.
const MAX_ENTRIES: usize = 4096;

/// Where a table of options stands, for error texts.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// What an entry is called: "option" or "send option".
    kind: &'a str,
    /// The name of the option that holds the table; empty for the argument itself.
    within: &'a str,
}

impl Place<'_> {
    /// Names the table: "options" or "option tls".
    fn table(self) -> String {
        if self.within.is_empty() { format!("{}s", self.kind) } else { format!("{} {}", self.kind, self.within) }
    }

    /// Returns the name of an entry with those of the tables around it: "open_timeout" or "tls.ca_file".
    fn path(self, name: &str) -> String {
        if self.within.is_empty() { name.to_owned() } else { format!("{}.{name}", self.within) }
    }
}

fn read_argument<T>(value: &Value, group: &Group<T>, place: Place, into: &mut T) -> Result<(), Raise> {
    match value {
        Value::Nil => Ok(()),
        Value::Table(table) => read_group(table, group, place, into),
        other => raise(format!("{} must be a table, got {}", place.table(), type_name(other))),
    }
}

fn read_group<T>(table: &Table, group: &Group<T>, place: Place, into: &mut T) -> Result<(), Raise> {
    let kind = place.kind;
    (group.start)(into);
    let mut found = Vec::new();
    for key in keys(table, &place.table())? {
        let Value::String(name) = &key else {
            let got = type_name(&key);
            return raise(format!("a name in {} must be a string, got {got}", place.table()));
        };
        let name = name.to_string_lossy();
        let path = place.path(&name);
        let Some(entry) = group.entries.iter().find(|entry| entry.name == name) else {
            let nearest = nearest(&name, group.entries.iter().map(|entry| entry.name));
            let nearest = place.path(nearest);
            return raise(format!("unknown {kind} {}, the nearest known is {}", quoted(path), quoted(nearest)));
        };
        let inner = Place { kind, within: &path };
        read_value(&table.raw_get(key)?, &entry.kind, inner, into)?;
        found.push(entry.name);
    }
    match group.entries.iter().find(|entry| entry.presence == Presence::Required && !found.contains(&entry.name)) {
        Some(missing) => raise(format!("{kind} {} is missing", place.path(missing.name))),
        None => Ok(()),
    }
}

/// Reads the value of one option. `place` is that of the tables that such a value may be.
fn read_value<T>(value: &Value, kind: &Kind<T>, place: Place, into: &mut T) -> Result<(), Raise> {
    let what = &*place.table();
    match kind {
        Kind::Boolean(field) => *field(into) = boolean(value, what)?,
        Kind::Count { field, least, .. } => *field(into) = count(value, what, *least)?,
        Kind::OptionalCount(field, _) => *field(into) = Some(count(value, what, 0)?),
        Kind::Number(field, range) => *field(into) = fraction(value, what, range)?,
        // Whoever calls it looks at the value.
        Kind::Function(field) => *field(into) = true,
        Kind::Small(field, range) => *field(into) = small(value, what, range)?,
        Kind::OptionalSmall(field, range) => *field(into) = Some(small(value, what, range)?),
        Kind::SmallOrFalse(field, range) => {
            *field(into) = match value {
                Value::Boolean(false) => None,
                Value::Integer(_) | Value::Number(_) => Some(small(value, what, range)?),
                other => {
                    let (least, most) = (range.start(), range.end());
                    let got = type_name(other);
                    return raise(format!("{what} must be an integer from {least} to {most} or false, got {got}"));
                }
            }
        }
        Kind::Seconds(field) => *field(into) = duration(value, what)?,
        Kind::SecondsOrFalse(field) => *field(into) = duration_or_false(value, what)?,
        Kind::Text(field) => *field(into) = Some(utf8(value, what)?),
        Kind::Bytes(field) => *field(into) = Some(string(value, what)?.as_bytes().to_vec()),
        Kind::HeaderValue(set) => set(into, &string(value, what)?.as_bytes())?,
        Kind::List(add) => read_list(value, *add, what, into)?,
        Kind::NonEmptyList(add) => {
            if let Value::Table(list) = value
                && items(list, what)?.is_empty()
            {
                return raise(format!("{what} must not be an empty list"));
            }
            read_list(value, *add, what, into)?;
        }
        Kind::Parsed(set, _) => set(into, &utf8(value, what)?)?,
        Kind::ParsedOrFalse(set, _) => match value {
            Value::Boolean(false) => set(into, None)?,
            Value::String(_) => set(into, Some(&utf8(value, what)?))?,
            other => return raise(format!("{what} must be a string or false, got {}", type_name(other))),
        },
        Kind::HeaderMap { add, remove } => read_headers(value, (*add, *remove), what, into)?,
        Kind::Table(group) => match value {
            Value::Table(table) => read_group(table, group, place, into)?,
            other => return raise(format!("{what} must be a table, got {}", type_name(other))),
        },
        Kind::TableOrBoolean(group) => match value {
            Value::Table(table) => read_group(table, group, place, into)?,
            Value::Boolean(true) => (group.start)(into),
            // As without the option.
            Value::Boolean(false) => {}
            other => return raise(format!("{what} must be a boolean or a table, got {}", type_name(other))),
        },
    }
    Ok(())
}

/// The function of [`Kind::List`].
type AddItem<T> = fn(&mut T, &str) -> Result<(), InvalidInput>;

fn read_list<T>(value: &Value, add: AddItem<T>, what: &str, into: &mut T) -> Result<(), Raise> {
    match value {
        Value::Table(list) => {
            let what_item = format!("an item of {what}");
            for item in items(list, what)? {
                add(into, &utf8(&item, &what_item)?)?;
            }
            Ok(())
        }
        Value::String(_) => Ok(add(into, &utf8(value, what)?)?),
        other => raise(format!("{what} must be a string or a list of strings, got {}", type_name(other))),
    }
}

/// The functions of [`Kind::HeaderMap`].
type AddHeader<T> = fn(&mut T, &str, &[u8]) -> Result<(), InvalidInput>;
type RemoveHeader<T> = fn(&mut T, &str) -> Result<(), InvalidInput>;

fn read_headers<T>(
    value: &Value,
    (add, remove): (AddHeader<T>, RemoveHeader<T>),
    what: &str,
    into: &mut T,
) -> Result<(), Raise> {
    let Value::Table(headers) = value else {
        return raise(format!("{what} must be a table, got {}", type_name(value)));
    };
    let mut names = Vec::new();
    for name in keys(headers, what)? {
        if !matches!(name, Value::String(_)) {
            return raise(format!("{what} must be a map from names to values; a key is a {}", type_name(&name)));
        }
        names.push(utf8(&name, "header name")?);
    }
    // Lua visits the entries of a table in an arbitrary order; the same options must give the same request.
    names.sort();
    for name in names {
        let what = format!("value of header {}", quoted(&name));
        match headers.raw_get(&*name)? {
            Value::Table(list) => {
                for item in items(&list, &what)? {
                    add(into, &name, &string(&item, &what)?.as_bytes())?;
                }
            }
            Value::Boolean(false) => remove(into, &name)?,
            value => add(into, &name, &string(&value, &what)?.as_bytes())?,
        }
    }
    Ok(())
}

/// Returns the items of a list: a table whose keys are 1 to the number of its entries. Its length in Lua does not tell
/// that, because with a hole in it the length may be any border (Lua 5.4 manual, section 3.4.7).
fn items(list: &Table, what: &str) -> Result<Vec<Value>, Raise> {
    let keys = keys(list, what)?;
    let count = keys.len();
    for key in keys {
        let (is_place, key) = match key {
            Value::Integer(key) => (usize::try_from(key).is_ok_and(|key| (1..=count).contains(&key)), key.to_string()),
            Value::Number(key) => (false, shown(key)),
            other => return raise(format!("{what} must be a list; a key is a {}", type_name(&other))),
        };
        if !is_place {
            return raise(format!("{what} must be a list without holes; it has {count} entries, one at the key {key}"));
        }
    }
    Ok((1..=count).map(|place| list.raw_get(place)).collect::<mlua::Result<_>>()?)
}

/// Returns the keys of a table as they are stored, if they are not too many.
fn keys(table: &Table, what: &str) -> Result<Vec<Value>, Raise> {
    if let Some(metatable) = table.metatable() {
        for event in ["__index", "__pairs"] {
            if !metatable.raw_get::<Value>(event)?.is_nil() {
                return raise(format!(
                    "{what} must be a plain table; its metatable has {event}, which is not used here"
                ));
            }
        }
    }
    let mut keys = Vec::new();
    let mut count = 0;
    for entry in table.pairs::<Value, Value>() {
        let (key, _) = entry?;
        count += 1;
        if count <= MAX_ENTRIES {
            keys.push(key);
        }
    }
    if count > MAX_ENTRIES {
        return raise(format!("{what} must have at most {MAX_ENTRIES} entries, got {count}"));
    }
    Ok(keys)
}

fn nearest(name: &str, known: impl Iterator<Item = &'static str>) -> &'static str {
    known.min_by_key(|known| distance(name, known)).unwrap_or_default()
}

/// Returns how many characters must be inserted, deleted or replaced to turn one name into the other (Levenshtein).
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
