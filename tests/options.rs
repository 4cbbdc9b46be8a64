//! The documents of the options: the classes in lua/websocket/types.lua and the tables in docs/options.md are written
//! from the table of all options. With UPDATE_OPTIONS=1 in the environment these tests write the files anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;
use std::{env, fs};

use websocket_core::close::{CloseCode, MAX_REASON, NO_STATUS};
use websocket_core::options::Options;
use websocket_core::options::kind::{Entry, Group, Kind, MAX_COUNT, MAX_SECONDS, Presence, Unit};
use websocket_core::options::table::{BASIC_AUTH, COMPRESSION, CONNECTION, RECONNECT, SEND, TLS};

const TYPES: &str = "lua/websocket/types.lua";
const PAGE: &str = "docs/options.md";
const UPDATE: &str = "UPDATE_OPTIONS";

#[test]
fn the_classes_for_language_servers_are_those_of_the_table() {
    let classes = [&BASIC_AUTH, &TLS, &COMPRESSION, &RECONNECT, &CONNECTION].map(class);
    let classes = [&classes[..], &[class(&SEND)]].concat();
    let begin = "-- Written by `UPDATE_OPTIONS=1 cargo test --test options`, up to the end mark.\n";
    hold(TYPES, &[(begin.to_owned(), classes.join("\n"))], "-- End mark.");
}

#[test]
fn the_tables_of_the_page_are_those_of_the_table() {
    let sections = [&CONNECTION, &BASIC_AUTH, &TLS, &COMPRESSION, &RECONNECT].map(section);
    let sections = [&sections[..], &[section(&SEND)]].concat();
    hold(PAGE, &sections, "<!-- end -->");
}

#[test]
fn options_that_the_table_shows_without_a_default_have_none() {
    let options = Options::default();
    assert!(options.headers.is_empty() && options.protocols.is_empty());
    assert!(options.origin.is_none() && options.basic_auth.is_none() && options.compression.is_none());
    assert!(BASIC_AUTH.entries.iter().all(|entry| default(&BASIC_AUTH, entry).is_none()));
}

#[test]
fn every_option_has_a_name_of_its_own_and_a_sentence() {
    fn check<T>(group: &Group<T>) {
        for (at, entry) in group.entries.iter().enumerate() {
            let name = entry.name;
            assert!(group.entries[..at].iter().all(|earlier| earlier.name != name), "{name} twice");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert!(entry.about.ends_with('.') && !entry.about.contains(['|', '\n']), "{name}: {}", entry.about);
        }
    }
    for group in [&CONNECTION, &BASIC_AUTH, &TLS, &COMPRESSION, &RECONNECT] {
        check(group);
    }
    check(&SEND);
}

#[test]
fn the_arguments_of_close_and_close_all_in_the_types_are_those_that_the_engine_sends() {
    let text = read(TYPES);
    let facts = [
        CloseCode::ranges(),
        format!("default {}", CloseCode::NORMAL.get()),
        NO_STATUS.to_string(),
        format!("{MAX_REASON} bytes"),
    ];
    for function in ["connection:close", "websocket.close_all"] {
        let (above, _) = text.split_once(&format!("function {function}(")).expect(function);
        let comment = above.rsplit("\n\n").next().unwrap_or_default();
        for fact in &facts {
            assert!(comment.contains(fact), "{TYPES} does not say {fact:?} of {function}:\n{comment}");
        }
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Compares the sections of a file with what they should hold, or writes them. A section stands between the mark that
/// begins it, which is the first of a pair, and the next mark that ends one.
fn hold(path: &str, sections: &[(String, String)], end: &str) {
    let found = read(path);
    let mut wanted = found.clone();
    for (begin, text) in sections {
        let from = wanted.find(begin).unwrap_or_else(|| panic!("{path} lacks the mark {begin:?}")) + begin.len();
        let to = from + wanted[from..].find(end).unwrap_or_else(|| panic!("{path} lacks {end:?} behind {begin:?}"));
        wanted.replace_range(from..to, &format!("\n{text}\n"));
    }
    if found == wanted {
        return;
    }
    if env::var_os(UPDATE).is_some() {
        // At once, for the test that reads the same file.
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let new = path.with_extension("new");
        fs::write(&new, wanted).unwrap();
        return fs::rename(&new, &path).unwrap();
    }
    let line = found.lines().zip(wanted.lines()).find(|(found, wanted)| found != wanted);
    panic!(
        "{path} differs from src/options/table.rs; write it anew by {UPDATE}=1 cargo test --test options\n\
         first line (found, wanted): {line:#?}"
    );
}

fn class<T: Default>(group: &Group<T>) -> String {
    let mut text = format!("--- {}\n--- @class websocket.{}\n", group.about, group.class);
    for entry in group.entries {
        let mark = if entry.presence == Presence::Required { "" } else { "?" };
        let facts: Vec<String> =
            [unit_and_range(&entry.kind), default(group, entry).map(|text| format!("default {text}"))]
                .into_iter()
                .flatten()
                .collect();
        let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join("; ")) };
        text += &format!("--- @field {}{mark} {} {}{facts}\n", entry.name, lua_type(&entry.kind), entry.about);
    }
    text
}

/// Returns the mark that begins a table of the page, and the table.
fn section<T: Default>(group: &Group<T>) -> (String, String) {
    let row = |entry: &Entry<T>| {
        let default = match entry.presence {
            Presence::Required => "must be given".to_owned(),
            Presence::Optional => default(group, entry).unwrap_or_default(),
        };
        format!("| `{}` | {} | {default} | {} |\n", entry.name, values(entry), entry.about)
    };
    let header = "| option | values | default | meaning |\n|---|---|---|---|\n";
    let begin = format!("<!-- {}: written by `{UPDATE}=1 cargo test --test options` -->\n", group.class);
    (begin, header.to_owned() + &group.entries.iter().map(row).collect::<String>())
}

fn lua_type<T>(kind: &Kind<T>) -> String {
    match kind {
        Kind::Boolean(_) => "boolean".to_owned(),
        Kind::Count { .. } | Kind::OptionalCount(..) | Kind::Small(..) | Kind::OptionalSmall(..) => {
            "integer".to_owned()
        }
        Kind::SmallOrFalse(..) => "integer|false".to_owned(),
        Kind::Seconds(_) | Kind::Number(..) => "number".to_owned(),
        Kind::SecondsOrFalse(_) => "number|false".to_owned(),
        Kind::Text(_) | Kind::Bytes(_) | Kind::HeaderValue(_) => "string".to_owned(),
        Kind::List(_) | Kind::NonEmptyList(_) => "string|string[]".to_owned(),
        Kind::HeaderMap { .. } => "table<string, string|string[]|false>".to_owned(),
        Kind::Parsed(..) => "string".to_owned(),
        Kind::ParsedOrFalse(..) => "string|false".to_owned(),
        // The only one so far; the reader checks no signature.
        Kind::Function(_) => "fun(attempt: integer): string?, table<string, string|string[]|false>?".to_owned(),
        Kind::Table(group) => format!("websocket.{}", group.class),
        Kind::TableOrBoolean(group) => format!("boolean|websocket.{}", group.class),
    }
}

fn unit_and_range<T>(kind: &Kind<T>) -> Option<String> {
    match kind {
        Kind::Count { least, unit, .. } => Some(counts(*least, *unit)),
        Kind::OptionalCount(_, unit) => Some(counts(0, *unit)),
        Kind::Number(_, range) => Some(format!("{} to {}", range.start(), range.end())),
        Kind::Small(_, range) | Kind::OptionalSmall(_, range) | Kind::SmallOrFalse(_, range) => Some(numbers(range)),
        Kind::Seconds(_) | Kind::SecondsOrFalse(_) => Some(format!("above 0, up to {MAX_SECONDS:e} seconds")),
        _ => None,
    }
}

fn counts(least: usize, unit: Unit) -> String {
    let most = MAX_COUNT.trailing_zeros();
    assert_eq!(MAX_COUNT, 1 << most, "a power of 2");
    let unit = match unit {
        Unit::Bytes => "bytes",
        Unit::Frames => "frames",
        Unit::Attempts => "attempts",
    };
    format!("{least} to 2^{most} {unit}")
}

fn numbers(range: &RangeInclusive<u8>) -> String {
    format!("{} to {}", range.start(), range.end())
}

/// What a script may write, for people.
fn values<T>(entry: &Entry<T>) -> String {
    match (&entry.kind, unit_and_range(&entry.kind)) {
        (Kind::SmallOrFalse(..) | Kind::SecondsOrFalse(_), Some(range)) => format!("{range}, or false"),
        (_, Some(range)) => range,
        (Kind::Boolean(_), _) => "boolean".to_owned(),
        (Kind::Text(_), _) => "string of UTF-8".to_owned(),
        (Kind::HeaderValue(_), _) => "string without control characters".to_owned(),
        (Kind::List(_), _) => "string, or list of strings".to_owned(),
        (Kind::NonEmptyList(_), _) => "string, or list of at least one string".to_owned(),
        (Kind::HeaderMap { .. }, _) => "map from names to a string, a list of strings, or false".to_owned(),
        (Kind::Parsed(_, values), _) => (*values).to_owned(),
        (Kind::ParsedOrFalse(_, values), _) => format!("{values}, or false"),
        (Kind::Function(_), _) => "function or callable".to_owned(),
        (Kind::Table(_), _) => format!("table, see [below](#{})", entry.name),
        (Kind::TableOrBoolean(_), _) => format!("boolean, or table, see [below](#{})", entry.name),
        _ => "string".to_owned(),
    }
}

/// The default as a script would write it; `None` where there is none.
fn default<T: Default>(group: &Group<T>, entry: &Entry<T>) -> Option<String> {
    let mut values = T::default();
    if let Kind::TableOrBoolean(_) = entry.kind {
        return Some("false".to_owned());
    }
    (group.start)(&mut values);
    match &entry.kind {
        Kind::Boolean(field) => Some(field(&mut values).to_string()),
        Kind::Count { field, unit, .. } => Some(match (*field(&mut values), unit) {
            (count, Unit::Bytes) if count % (1 << 20) == 0 => format!("{} MiB", count >> 20),
            (count, _) => count.to_string(),
        }),
        Kind::OptionalCount(field, _) => field(&mut values).map(|count| count.to_string()),
        Kind::Number(field, _) => Some(field(&mut values).to_string()),
        Kind::Small(field, _) => Some(field(&mut values).to_string()),
        Kind::OptionalSmall(field, _) => field(&mut values).map(|number| number.to_string()),
        Kind::SmallOrFalse(field, _) => {
            Some(field(&mut values).map_or("false".to_owned(), |number| number.to_string()))
        }
        Kind::Seconds(field) => Some(seconds(*field(&mut values))),
        Kind::SecondsOrFalse(field) => Some(field(&mut values).map_or("false".to_owned(), seconds)),
        Kind::Text(field) => field(&mut values).clone(),
        Kind::Bytes(field) => field(&mut values).as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned()),
        Kind::HeaderValue(_) | Kind::List(_) | Kind::NonEmptyList(_) | Kind::HeaderMap { .. } => None,
        Kind::Parsed(..) | Kind::ParsedOrFalse(..) | Kind::Function(_) => None,
        Kind::Table(_) | Kind::TableOrBoolean(_) => None,
    }
}

fn seconds(duration: Duration) -> String {
    duration.as_secs_f64().to_string()
}
