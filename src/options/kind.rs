//! The kinds of options: which values each takes, and where the value is stored.
//!
//! Knows neither Lua nor a single option. `T` is what the values are stored in.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::error::InvalidInput;

/// The longest time that a script may ask for, in seconds: some thirty years.
pub const MAX_SECONDS: f64 = 1e9;

/// The largest count that a script may ask for: up to here a float holds every whole number.
pub const MAX_COUNT: u64 = 1 << 53;

/// A set of options that stand in one Lua table.
pub struct Group<T: 'static> {
    /// The LuaCATS class of the table, without the module's name.
    pub class: &'static str,
    /// One sentence about the table as a whole.
    pub about: &'static str,
    /// Called before the first option of the table is stored, so that an empty table counts as given.
    pub start: fn(&mut T),
    /// The options, in the order in which the documents list them.
    pub entries: &'static [Entry<T>],
}

/// One option.
pub struct Entry<T: 'static> {
    /// The name, as scripts write it.
    pub name: &'static str,
    /// Which values it takes.
    pub kind: Kind<T>,
    /// Whether it may be left out.
    pub presence: Presence,
    /// One or two sentences for the documents. The default, the unit and the range follow from the kind.
    pub about: &'static str,
}

/// Whether an option may be left out of its table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It may; then the default holds.
    Optional,
    /// It must be there.
    Required,
}

/// What a [`Kind::Count`] counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Frames of one message.
    Frames,
    /// Attempts in a row.
    Attempts,
}

/// Which values an option takes, and where it stores them: most kinds name the field, the others a function that checks
/// the value and stores it.
pub enum Kind<T: 'static> {
    /// True or false.
    Boolean(fn(&mut T) -> &mut bool),
    /// A whole number from `least` to [`MAX_COUNT`].
    Count {
        /// Where it is stored.
        field: fn(&mut T) -> &mut usize,
        /// The smallest that is accepted.
        least: usize,
        /// What is counted.
        unit: Unit,
    },
    /// A whole number from 0 to [`MAX_COUNT`], or nothing.
    OptionalCount(fn(&mut T) -> &mut Option<usize>, Unit),
    /// A number, with its fraction, of a range.
    Number(fn(&mut T) -> &mut f64, RangeInclusive<f64>),
    /// A function, or another value that can be called. Only whether there is one is stored.
    Function(fn(&mut T) -> &mut bool),
    /// A whole number of a short range.
    Small(fn(&mut T) -> &mut u8, RangeInclusive<u8>),
    /// A whole number of a short range, or nothing.
    OptionalSmall(fn(&mut T) -> &mut Option<u8>, RangeInclusive<u8>),
    /// A whole number of a short range, or false for nothing.
    SmallOrFalse(fn(&mut T) -> &mut Option<u8>, RangeInclusive<u8>),
    /// A time above 0 and up to [`MAX_SECONDS`].
    Seconds(fn(&mut T) -> &mut Duration),
    /// A time as in `Seconds`, or false for none.
    SecondsOrFalse(fn(&mut T) -> &mut Option<Duration>),
    /// A string that is valid UTF-8.
    Text(fn(&mut T) -> &mut Option<String>),
    /// Any string.
    Bytes(fn(&mut T) -> &mut Option<Vec<u8>>),
    /// A string that stands in a request header.
    HeaderValue(fn(&mut T, &[u8]) -> Result<(), InvalidInput>),
    /// A string, or a list of strings.
    List(fn(&mut T, &str) -> Result<(), InvalidInput>),
    /// A string, or a list of at least one string.
    NonEmptyList(fn(&mut T, &str) -> Result<(), InvalidInput>),
    /// A string that is parsed. The text says which strings it takes, for the documents.
    Parsed(fn(&mut T, &str) -> Result<(), InvalidInput>, &'static str),
    /// A string as in `Parsed`, or false for none. No error shows the string, because it may hold a password.
    ParsedOrFalse(fn(&mut T, Option<&str>) -> Result<(), InvalidInput>, &'static str),
    /// A map from header names to a string or a list of strings each, or to false for a header that is not sent.
    HeaderMap {
        /// Adds a header.
        add: fn(&mut T, &str, &[u8]) -> Result<(), InvalidInput>,
        /// Removes a header that is sent by default.
        remove: fn(&mut T, &str) -> Result<(), InvalidInput>,
    },
    /// A table of further options.
    Table(&'static Group<T>),
    /// A table of further options, true for an empty one, or false for none.
    TableOrBoolean(&'static Group<T>),
}
