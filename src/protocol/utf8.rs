//! Validation of UTF-8 (RFC 3629) that arrives in pieces.
//!
//! Comes in: the bytes of one text as they arrive, cut anywhere, also inside a character. Goes out: the position of the
//! character that can no longer become valid, as soon as its first bad byte is seen. Keeps at most 3 bytes.

use std::str;

/// Where a text stops being UTF-8: the position of the first byte of the bad character.
pub(super) type Position = usize;

/// Tells whether a whole text is UTF-8.
#[inline]
pub fn is_valid(text: &[u8]) -> bool {
    // Short text is usually ASCII, and this check is the fastest.
    (text.len() < 128 && text.is_ascii()) || simdutf8::basic::from_utf8(text).is_ok()
}

/// Checks a whole text.
///
/// # Errors
/// The position of the first bad or unfinished character.
pub(super) fn check(text: &[u8]) -> Result<(), Position> {
    if is_valid(text) {
        return Ok(());
    }
    str::from_utf8(text).map(|_| ()).map_err(|error| error.valid_up_to())
}

/// Checks one text piece by piece.
#[derive(Debug, Default)]
pub(super) struct Validator {
    /// Bytes of whole, valid characters so far.
    checked: usize,
    /// The bytes so far of a character that has not ended yet; a valid beginning.
    unfinished: [u8; 4],
    unfinished_len: usize,
}

impl Validator {
    /// Checks the next piece.
    ///
    /// # Errors
    /// The position, counted from the start of the text, of the first bad character.
    pub(super) fn feed(&mut self, piece: &[u8]) -> Result<(), Position> {
        let piece = self.finish_character(piece)?;
        let Err(error) = simdutf8::compat::from_utf8(piece) else {
            self.checked += piece.len();
            return Ok(());
        };
        self.checked += error.valid_up_to();
        if error.error_len().is_some() {
            return Err(self.checked);
        }
        let tail = &piece[error.valid_up_to()..];
        self.unfinished[..tail.len()].copy_from_slice(tail);
        self.unfinished_len = tail.len();
        Ok(())
    }

    /// Checks that the text may end here.
    ///
    /// # Errors
    /// The position of a character that has not ended.
    pub(super) fn finish(&self) -> Result<(), Position> {
        if self.unfinished_len == 0 { Ok(()) } else { Err(self.checked) }
    }

    /// Adds bytes to the unfinished character until it ends, and returns the rest of the piece.
    fn finish_character<'a>(&mut self, mut piece: &'a [u8]) -> Result<&'a [u8], Position> {
        while self.unfinished_len > 0
            && let [byte, rest @ ..] = piece
        {
            self.unfinished[self.unfinished_len] = *byte;
            self.unfinished_len += 1;
            piece = rest;
            match str::from_utf8(&self.unfinished[..self.unfinished_len]) {
                Ok(_) => {
                    self.checked += self.unfinished_len;
                    self.unfinished_len = 0;
                }
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(self.checked),
            }
        }
        Ok(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds one byte at a time; returns the bytes that were taken before the failure, and the position that it names.
    fn fails_after(text: &[u8]) -> Option<(usize, Position)> {
        let mut validator = Validator::default();
        for (taken, byte) in text.iter().enumerate() {
            if let Err(position) = validator.feed(&[*byte]) {
                return Some((taken, position));
            }
        }
        None
    }

    #[test]
    fn fails_at_the_first_byte_that_no_later_byte_can_make_valid() {
        assert_eq!(fails_after(b"ab\x80"), Some((2, 2)), "continuation without a start");
        assert_eq!(fails_after(b"ab\xc0"), Some((2, 2)), "overlong in two bytes");
        assert_eq!(fails_after(b"a\xe0\x9f"), Some((2, 1)), "overlong in three bytes");
        assert_eq!(fails_after(b"a\xf0\x8f"), Some((2, 1)), "overlong in four bytes");
        assert_eq!(fails_after(b"a\xed\xa0"), Some((2, 1)), "surrogate");
        assert_eq!(fails_after(b"a\xf4\x90"), Some((2, 1)), "above U+10FFFF");
        assert_eq!(fails_after(b"\xf5"), Some((0, 0)), "no such start");
        assert_eq!(fails_after(b"\xe2\x82a"), Some((2, 0)), "character cut short");
    }

    #[test]
    fn agrees_with_the_standard_library_wherever_a_text_is_cut() {
        let texts: [&[u8]; 7] = [
            "κόσμε — 𝄞 \u{10ffff}\u{0}".as_bytes(),
            b"plain",
            b"",
            b"cut \xf0\x9f\x98",
            b"cut \xe2",
            b"bad \xf0\x9f\x28 good",
            b"bad \xed\xbf\xbf",
        ];
        for text in texts {
            let expected = str::from_utf8(text).map(|_| ()).map_err(|error| error.valid_up_to());
            assert_eq!(check(text), expected);
            for first in 0..=text.len() {
                for second in first..=text.len() {
                    let mut validator = Validator::default();
                    let result = validator
                        .feed(&text[..first])
                        .and_then(|()| validator.feed(&text[first..second]))
                        .and_then(|()| validator.feed(&text[second..]))
                        .and_then(|()| validator.finish());
                    assert_eq!(result, expected, "{text:?} cut at {first} and {second}");
                }
            }
        }
    }
}
