//! Cuts what was read into lines.
//!
//! Comes in: pieces of any size. Goes out: lines without their ends, which are `\n` or `\r\n`; the last one may have
//! none. Does no I/O.

/// The longest line in bytes, which is as much as the engine lets wait to be sent.
pub const LONGEST: usize = 16 << 20;

/// A line is longer than [`LONGEST`].
#[derive(Debug, PartialEq, Eq)]
pub struct TooLong;

/// Lines of which a part may not have arrived.
#[derive(Default)]
pub struct Lines {
    bytes: Vec<u8>,
    /// Where the first line begins that was not taken.
    start: usize,
    /// Up to here no line ends.
    searched: usize,
    ended: bool,
    taken: usize,
}

impl Lines {
    /// Appends what was read.
    pub fn push(&mut self, piece: &[u8]) {
        self.bytes.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        self.bytes.extend_from_slice(piece);
    }

    /// Notes that nothing follows.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Returns the number of the line that was taken last, counted from 1.
    pub fn number(&self) -> usize {
        self.taken
    }

    /// Takes the next line; nothing where no whole line is left.
    ///
    /// # Errors
    /// The next line is too long, whether or not its end has arrived.
    pub fn take(&mut self) -> Result<Option<&[u8]>, TooLong> {
        let from = self.searched.max(self.start);
        let found = self.bytes[from..].iter().position(|byte| *byte == b'\n').map(|at| from + at);
        let start = self.start;
        let end = match found {
            Some(end) => end,
            None if self.ended && start < self.bytes.len() => self.bytes.len(),
            None => {
                self.searched = self.bytes.len();
                return if self.bytes.len() - start > LONGEST { self.refuse() } else { Ok(None) };
            }
        };
        if end - start > LONGEST {
            return self.refuse();
        }
        self.taken += 1;
        self.start = (end + 1).min(self.bytes.len());
        let line = &self.bytes[start..end];
        Ok(Some(line.strip_suffix(b"\r").unwrap_or(line)))
    }

    fn refuse(&mut self) -> Result<Option<&[u8]>, TooLong> {
        self.taken += 1;
        Err(TooLong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(lines: &mut Lines) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(line) = lines.take().unwrap() {
            all.push(String::from_utf8(line.to_vec()).unwrap());
        }
        all
    }

    #[test]
    fn cuts_the_same_lines_whatever_the_pieces_are() {
        let text = "one\n\r\n\ntwo \r\nth\rree\n\u{fc}\nlast\r";
        for size in 1..=text.len() {
            let mut lines = Lines::default();
            let mut cut = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                lines.push(piece);
                cut.extend(all(&mut lines));
            }
            lines.end();
            cut.extend(all(&mut lines));
            assert_eq!(cut, ["one", "", "", "two ", "th\rree", "\u{fc}", "last"], "pieces of {size}");
            assert_eq!(lines.number(), 7);
        }
    }

    #[test]
    fn has_no_line_after_a_final_line_feed_and_none_in_nothing() {
        let mut lines = Lines::default();
        lines.push(b"one\n");
        lines.end();
        assert_eq!(all(&mut lines), ["one"]);
        let mut nothing = Lines::default();
        nothing.end();
        assert!(all(&mut nothing).is_empty());
    }

    #[test]
    fn refuses_a_line_that_is_too_long_before_its_end_has_arrived() {
        let mut lines = Lines::default();
        lines.push(b"short\n");
        lines.push(&vec![b'x'; LONGEST]);
        assert_eq!(lines.take(), Ok(Some(&b"short"[..])));
        assert_eq!(lines.take(), Ok(None));
        lines.push(b"x");
        assert_eq!(lines.take(), Err(TooLong));
        assert_eq!(lines.number(), 2);
        let mut longest = Lines::default();
        longest.push(&[&vec![b'x'; LONGEST][..], b"\n"].concat());
        assert_eq!(longest.take().map(|line| line.map(<[u8]>::len)), Ok(Some(LONGEST)));
    }
}
