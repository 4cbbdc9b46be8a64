//! The grammar of Sec-WebSocket-Extensions (RFC 6455 section 9.1).
//!
//! Comes in: one line of the header. Goes out: the extensions that it lists. Knows no extension by name.

use crate::header::is_token;

/// A parameter's name, and its value if it has one.
pub(super) type Parameter = (String, Option<String>);

/// One extension of the list.
pub(super) struct Extension {
    pub(super) name: String,
    pub(super) parameters: Vec<Parameter>,
}

/// Reads a list of extensions; returns `None` if it is malformed or empty.
pub(super) fn parse(line: &[u8]) -> Option<Vec<Extension>> {
    let mut rest = Rest(std::str::from_utf8(line).ok()?);
    let mut extensions = Vec::new();
    loop {
        rest.skip_space();
        // A list may have empty elements (RFC 9110 section 5.6.1).
        if !rest.starts_with(',') && !rest.0.is_empty() {
            extensions.push(rest.extension()?);
        }
        if rest.0.is_empty() {
            return Some(extensions).filter(|extensions| !extensions.is_empty());
        }
        rest.take(',')?;
    }
}

/// The part of the line that is not read yet. Reading an element also skips the spaces behind it.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn extension(&mut self) -> Option<Extension> {
        let name = self.token()?;
        let mut parameters = Vec::new();
        while self.take(';').is_some() {
            let name = self.token()?;
            let value = if self.take('=').is_some() { Some(self.value()?) } else { None };
            parameters.push((name, value));
        }
        Some(Extension { name, parameters })
    }

    fn value(&mut self) -> Option<String> {
        if self.starts_with('"') { self.quoted() } else { self.token() }
    }

    fn token(&mut self) -> Option<String> {
        let end = self.0.find([' ', '\t', ',', ';', '=', '"']).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        self.skip_space();
        is_token(token).then(|| token.to_owned())
    }

    /// Reads a quoted string, which must hold a token.
    fn quoted(&mut self) -> Option<String> {
        let mut characters = self.0.strip_prefix('"')?.chars();
        let mut value = String::new();
        loop {
            match characters.next()? {
                '"' => break,
                '\\' => value.push(characters.next()?),
                character => value.push(character),
            }
        }
        self.0 = characters.as_str();
        self.skip_space();
        is_token(&value).then_some(value)
    }

    /// Reads `mark` and skips the spaces behind it.
    fn take(&mut self, mark: char) -> Option<()> {
        self.0 = self.0.strip_prefix(mark)?;
        self.skip_space();
        Some(())
    }

    fn starts_with(&self, mark: char) -> bool {
        self.0.starts_with(mark)
    }

    fn skip_space(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_parameters_and_values() {
        let list = parse(b" , a ;\tb = \"1\\5\" ;c, , d-e;f=g,").unwrap();
        let read: Vec<_> = list.iter().map(|one| (one.name.as_str(), one.parameters.clone())).collect();
        let parameter = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
        assert_eq!(read[0], ("a", vec![parameter("b", Some("15")), parameter("c", None)]));
        assert_eq!(read[1], ("d-e", vec![parameter("f", Some("g"))]));
        assert_eq!(read.len(), 2);
    }

    #[test]
    fn refuses_malformed_lists() {
        let lines: [&[u8]; 16] = [
            b"",
            b" ",
            b",",
            b";=,",
            b"a;",
            b"a; =1",
            b"a; b=",
            b"a; b=\"10",
            b"a; b=\"10\\",
            b"a; b=\"\"",
            b"a; b=\"1 0\"",
            b"a; b=\"10\"0",
            b"a; b=10=10",
            b"a b",
            b"a\xc3\xa9",
            b"a\xff",
        ];
        for line in lines {
            assert!(parse(line).is_none(), "{}", String::from_utf8_lossy(line));
        }
    }
}
