//! The texts of I/O errors, in the style of our own texts.

use std::io;

/// Returns the system's words for an error: lower case, without the number.
pub(super) fn describe(error: &io::Error) -> String {
    let mut text = error.to_string();
    if let Some(at) = text.find(" (os error ") {
        text.truncate(at);
    }
    lower_first(&text)
}

/// Returns a text with its first letter in lower case.
pub(super) fn lower_first(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    text
}
