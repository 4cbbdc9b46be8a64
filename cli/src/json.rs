//! Lays out JSON for people.
//!
//! Comes in: a text. Goes out: the same tokens, with line breaks and two spaces for each level. Keys keep their order,
//! and numbers and strings are written as they arrived.

use std::io;

use serde_json::value::RawValue;

/// The deepest nesting that is laid out. Without a limit a text of brackets would be written with indentations that grow
/// with the square of its length.
const DEEPEST: usize = 64;

const INDENTATION: &str = "  ";

/// Checked JSON.
pub struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// Checks a text; nothing if it is no JSON (RFC 8259), or is nested more than 64 levels deep.
    pub fn parse(text: &'a str) -> Option<Json<'a>> {
        let json: &RawValue = serde_json::from_str(text).ok()?;
        let json = Json(json.get());
        (json.depth() <= DEEPEST).then_some(json)
    }

    fn depth(&self) -> usize {
        let (mut deepest, mut depth) = (0_usize, 0_usize);
        for token in Tokens(self.0) {
            match token {
                "{" | "[" => depth += 1,
                "}" | "]" => depth = depth.saturating_sub(1),
                _ => {}
            }
            deepest = deepest.max(depth);
        }
        deepest
    }

    /// Writes it, piece by piece, without a line break at the end.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn write(&self, mut write: impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
        let mut tokens = Tokens(self.0).peekable();
        let mut depth = 0_usize;
        while let Some(token) = tokens.next() {
            match token {
                "{" | "[" => {
                    write(token)?;
                    if let Some(end) = tokens.next_if(|next| matches!(*next, "}" | "]")) {
                        write(end)?;
                    } else {
                        depth += 1;
                        break_line(depth, &mut write)?;
                    }
                }
                "}" | "]" => {
                    depth = depth.saturating_sub(1);
                    break_line(depth, &mut write)?;
                    write(token)?;
                }
                "," => {
                    write(token)?;
                    break_line(depth, &mut write)?;
                }
                ":" => write(": ")?,
                scalar => write(scalar)?,
            }
        }
        Ok(())
    }
}

fn break_line(depth: usize, write: &mut impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
    write("\n")?;
    write(&INDENTATION.repeat(depth))
}

/// The tokens of a text that is known to be JSON.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.0.trim_start_matches([' ', '\t', '\n', '\r']);
        let end = match text.as_bytes().first()? {
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            b'"' => string_end(text),
            _ => text.find(['}', ']', ',', ' ', '\t', '\n', '\r']).unwrap_or(text.len()),
        };
        let (token, rest) = text.split_at(end);
        self.0 = rest;
        Some(token)
    }
}

/// Returns where the string ends with which the text begins.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid_out(text: &str) -> Option<String> {
        let mut all = String::new();
        Json::parse(text)?
            .write(|piece| {
                all.push_str(piece);
                Ok(())
            })
            .unwrap();
        Some(all)
    }

    #[test]
    fn breaks_lines_and_keeps_every_token_and_its_place() {
        let text = r#" {"b":[1, 2.50,{"x" :null}],"a":{},"c":[ ],"d":"a\"},[:\\","a":12345678901234567890.10e+400} "#;
        let expected = r#"{
  "b": [
    1,
    2.50,
    {
      "x": null
    }
  ],
  "a": {},
  "c": [],
  "d": "a\"},[:\\",
  "a": 12345678901234567890.10e+400
}"#;
        assert_eq!(laid_out(text).as_deref(), Some(expected));
        for scalar in ["1", "true", "\"\u{fc}\"", "[]", "{}", "-0.0"] {
            assert_eq!(laid_out(&format!("\n{scalar}\t")).as_deref(), Some(scalar));
        }
    }

    #[test]
    fn what_it_writes_means_the_same() {
        let text = r#"[{"a":[[],{},[1,[2,[3]]]]},"\u00fc\"",[{"b":{"c":{}}}]]"#;
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&laid_out(text).unwrap()), value(text));
    }

    #[test]
    fn leaves_alone_what_is_no_json_or_is_nested_too_deeply() {
        for text in ["", "hello", "{", "{\"a\":1}x", "[1,]", "{'a':1}", "\u{feff}{}", "nul"] {
            assert_eq!(laid_out(text), None, "{text:?}");
        }
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(laid_out(&nested(DEEPEST)).is_some());
        assert_eq!(laid_out(&nested(DEEPEST + 1)), None);
        assert_eq!(laid_out(&nested(1 << 20)), None);
    }
}
