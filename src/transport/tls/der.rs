//! Parses elements of DER (ITU-T X.690), as far as certificates and the texts about them need it.
//!
//! Comes in: bytes. Goes out: the elements in them, or nothing if the bytes are not DER. Knows nothing of
//! what the elements mean.

/// The tag of INTEGER.
pub(super) const INTEGER: u8 = 0x02;
/// The tag of BIT STRING.
pub(super) const BIT_STRING: u8 = 0x03;
/// The tag of OBJECT IDENTIFIER.
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
/// The tag of SEQUENCE.
pub(super) const SEQUENCE: u8 = 0x30;

/// One element.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub tag: u8,
    pub contents: &'a [u8],
    /// Tag, length and contents.
    pub whole: &'a [u8],
}

/// The elements of a byte sequence, one after another, until the first that is not DER.
pub(super) struct Elements<'a>(pub &'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let (header, length) = match *self.0 {
            [_, length @ 0..=0x7f, ..] => (2, usize::from(length)),
            [_, 0x81, length, ..] => (3, usize::from(length)),
            [_, 0x82, high, low, ..] => (4, usize::from(high) << 8 | usize::from(low)),
            [_, 0x83, high, mid, low, ..] => (5, usize::from(high) << 16 | usize::from(mid) << 8 | usize::from(low)),
            _ => return None,
        };
        let whole = self.0.get(..header + length)?;
        self.0 = &self.0[whole.len()..];
        Some(Element { tag: whole[0], contents: &whole[header..], whole })
    }
}

/// Returns the contents of the first element if it has a given tag.
pub(super) fn contents(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    Elements(bytes).next().filter(|element| element.tag == tag).map(|element| element.contents)
}

/// The bytes of an object identifier that are shown: several times those of the longest in use.
const MAX_IDENTIFIER: usize = 64;

/// Writes the contents of an object identifier with dots, as `1.2.840.113549`. One that is too long for a text is cut.
pub(super) fn dotted(identifier: &[u8]) -> String {
    let mut numbers = Vec::new();
    let mut number: u64 = 0;
    for byte in identifier.iter().take(MAX_IDENTIFIER) {
        number = number.wrapping_mul(128).wrapping_add(u64::from(byte & 0x7f));
        if byte & 0x80 == 0 {
            // The first number stands for two (X.690 section 8.19.4).
            if numbers.is_empty() {
                let first = (number / 40).min(2);
                numbers.push(first);
                number -= 40 * first;
            }
            numbers.push(number);
            number = 0;
        }
    }
    let mut text = numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
    if identifier.len() > MAX_IDENTIFIER {
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_object_identifiers_with_dots() {
        assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05]), "1.2.840.113549.1.1.5");
        assert_eq!(dotted(&[0x55, 0x1d, 0x25, 0x00]), "2.5.29.37.0");
        assert_eq!(dotted(&[]), "");
        assert_eq!(dotted(&[1; 1000]), format!("0{}...", ".1".repeat(64)));
    }

    #[test]
    fn stops_at_an_incomplete_element() {
        for bytes in [&[][..], &[0x30], &[0x30, 0x02, 0x00], &[0x30, 0x80, 0x00, 0x00], &[0x30, 0x82, 0x01]] {
            assert!(Elements(bytes).next().is_none(), "{bytes:?}");
        }
        assert_eq!(contents(&[0x30, 0x81, 0x01, 0x05, 0x05], SEQUENCE), Some(&[5][..]));
        assert_eq!(contents(&[0x31, 0x01, 0x05], SEQUENCE), None);
    }
}
