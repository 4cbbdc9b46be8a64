//! Writes what arrives to stdout, and everything else to stderr.
//!
//! Comes in: messages, and lines about the connection. Goes out: lines of text. Control characters are escaped on their
//! way to a terminal, so that no server can steer it. To a file or a pipe a message goes as it is.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use data_encoding::HEXLOWER;
use websocket_core::event::Kind;

use crate::json::Json;

/// How texts are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// As they arrive.
    Plain,
    /// Laid out if they are JSON.
    Json,
}

/// How many bytes are encoded at once.
const PIECE: usize = 16 * 1024;

/// Where messages are shown.
pub struct Screen {
    stdout: BufWriter<Stdout>,
    is_terminal: bool,
    layout: Layout,
}

impl Screen {
    /// Makes the screen of this process.
    pub fn new(layout: Layout) -> Screen {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        Screen { stdout: BufWriter::with_capacity(64 * 1024, stdout), is_terminal, layout }
    }

    /// Shows a message: a text as it is, or laid out; a binary message as hexadecimal digits. A line break follows.
    ///
    /// # Errors
    /// Those of stdout.
    pub fn show(&mut self, kind: Kind, payload: &[u8]) -> io::Result<()> {
        match kind {
            Kind::Text => self.show_text(&String::from_utf8_lossy(payload))?,
            Kind::Binary => {
                for piece in payload.chunks(PIECE) {
                    self.stdout.write_all(HEXLOWER.encode(piece).as_bytes())?;
                }
            }
        }
        self.stdout.write_all(b"\n")
    }

    fn show_text(&mut self, text: &str) -> io::Result<()> {
        match self.layout {
            Layout::Json => match Json::parse(text) {
                Some(json) => json.write(|piece| self.write(piece)),
                None => self.write(text),
            },
            Layout::Plain => self.write(text),
        }
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        if !self.is_terminal {
            return self.stdout.write_all(text.as_bytes());
        }
        // Line by line, so that a long text is not copied whole.
        for line in text.split_inclusive('\n') {
            self.stdout.write_all(harmless(line).as_bytes())?;
        }
        Ok(())
    }

    /// Writes what was shown and is not written yet.
    ///
    /// # Errors
    /// Those of stdout.
    pub fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()
    }
}

/// Writes a line about the connection to stderr. If nobody can read it, nothing is left to do.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr(), "websocket: {}", harmless(text));
}

/// Escapes the control characters of a text, but for tabs and line breaks.
fn harmless(text: &str) -> Cow<'_, str> {
    let is_harmful = |char: char| char.is_control() && !matches!(char, '\t' | '\n');
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        if is_harmful(char) {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "\\x{:02x}", u32::from(char));
        } else {
            escaped.push(char);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_steers_a_terminal_and_keeps_the_rest() {
        for (text, expected) in [
            ("J\u{fc}rgen \u{1f980}\tx\ny", "J\u{fc}rgen \u{1f980}\tx\ny"),
            ("\u{1b}]0;title\u{7}", "\\x1b]0;title\\x07"),
            ("over\rwritten\u{8}", "over\\x0dwritten\\x08"),
            ("\u{9b}31m\u{7f}\0", "\\x9b31m\\x7f\\x00"),
        ] {
            assert_eq!(harmless(text), expected);
        }
    }
}
