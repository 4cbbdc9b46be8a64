//! The texts of I/O errors, in the style of our own texts.

use std::io;

/// Returns the system's words for an error: lower case, without the number, and without the full stop of Windows.
pub(super) fn describe(error: &io::Error) -> String {
    let mut text = error.to_string();
    if let Some(at) = text.find(" (os error ") {
        text.truncate(at);
    }
    lower_first(text.trim_end_matches('.'))
}

/// Returns a text with its first letter in lower case.
pub(super) fn lower_first(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_out_the_number_and_the_full_stop() {
        let error = io::Error::other("The target refused it. (os error 10061)");
        assert_eq!(describe(&error), "the target refused it");
        assert_eq!(describe(&io::Error::other("Timed out")), "timed out");
    }
}
