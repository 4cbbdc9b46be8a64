//! What an option gives as PEM text or as the path of a file.
//!
//! Comes in: both, of which at most one is there. Goes out: the bytes, and how to name the option in an error. Knows
//! nothing of what the bytes mean.

use std::path::Path;

use super::file;
use crate::error::InvalidInput;
use crate::quote::quoted_unless_key;

/// The bytes of an option, or of the file that it names.
pub(super) struct Source {
    /// The option's name, with the path if there is one.
    pub option: String,
    pub bytes: Vec<u8>,
}

impl Source {
    /// Returns the text of the option `name`, or reads the file of the option `name_file`.
    ///
    /// # Errors
    /// A file that cannot be read. A path that is PEM text, which may be a private key and must not be shown.
    pub fn of(name: &str, text: Option<&[u8]>, path: Option<&str>) -> Result<Option<Source>, InvalidInput> {
        if let Some(bytes) = text {
            return Ok(Some(Source { option: format!("option {name}"), bytes: bytes.to_vec() }));
        }
        let Some(path) = path else { return Ok(None) };
        if path.to_ascii_uppercase().contains("--BEGIN ") {
            return Err(InvalidInput::new(format!(
                "option {name}_file is PEM text, must be the path of a file: option {name} takes the text"
            )));
        }
        let mut source =
            Source { option: format!("option {name}_file {}", quoted_unless_key(path)), bytes: Vec::new() };
        match file::read(Path::new(path)) {
            Ok(bytes) => source.bytes = bytes,
            Err(cause) => return Err(source.refuse(format!("cannot be read: {cause}"))),
        }
        Ok(Some(source))
    }

    /// Creates an error from a text that continues the option's name.
    pub fn refuse(&self, cause: String) -> InvalidInput {
        InvalidInput::new(format!("{} {cause}", self.option))
    }
}
