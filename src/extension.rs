//! The negotiation of permessage-deflate (RFC 7692) in the opening handshake.
//!
//! Comes in: what a script chose, and the lines of the response's Sec-WebSocket-Extensions. Goes out: the offer for the
//! request, and what was [`Agreed`] or why the answer must be refused. Compresses nothing.

mod grammar;

use std::fmt::Write;
use std::ops::RangeInclusive;

use self::grammar::{Extension, Parameter, parse};

/// The name of the only extension that is offered (RFC 7692 section 7).
const PERMESSAGE_DEFLATE: &str = "permessage-deflate";

/// The window sizes that may be negotiated, as base-2 logarithms of bytes (RFC 7692 section 7.1.2).
pub const WINDOW_BITS: RangeInclusive<u8> = 8..=15;

/// The window of a side for which nothing was negotiated (RFC 7692 section 7.1.2).
const LARGEST_WINDOW: u8 = *WINDOW_BITS.end();

/// The compression levels of zlib, from the fastest to the one that makes the smallest messages.
pub const LEVELS: RangeInclusive<u8> = 1..=9;

/// What a script chooses about compression; `options::table` says what each field does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compression {
    /// Promises to compress each message by itself (RFC 7692 section 7.1.1.2).
    pub client_no_context_takeover: bool,
    /// Demands that the server compresses each message by itself (RFC 7692 section 7.1.1.1).
    pub server_no_context_takeover: bool,
    /// The largest window to compress with (RFC 7692 section 7.1.2.2); `None` leaves the parameter out of the offer.
    pub client_max_window_bits: Option<u8>,
    /// Demands that the server's window is at most this (RFC 7692 section 7.1.2.1); `None` leaves it to the server.
    pub server_max_window_bits: Option<u8>,
    /// The size in bytes below which a message goes uncompressed.
    pub threshold: usize,
    /// The compression level, one of [`LEVELS`].
    pub level: u8,
}

impl Default for Compression {
    fn default() -> Self {
        Compression {
            client_no_context_takeover: false,
            server_no_context_takeover: false,
            client_max_window_bits: Some(LARGEST_WINDOW),
            server_max_window_bits: None,
            threshold: 64,
            level: 6,
        }
    }
}

/// What client and server have agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The client compresses each message by itself.
    pub client_no_context_takeover: bool,
    /// The server compresses each message by itself.
    pub server_no_context_takeover: bool,
    /// The largest window that the client may compress with, one of [`WINDOW_BITS`].
    pub client_max_window_bits: u8,
    /// The largest window that the server compresses with, one of [`WINDOW_BITS`].
    pub server_max_window_bits: u8,
    /// The answer as RFC 7692 writes it, for instance `permessage-deflate; client_max_window_bits=12`.
    pub answer: String,
}

impl Compression {
    /// Returns the value of the request's Sec-WebSocket-Extensions.
    pub fn offer(&self) -> String {
        let mut offer = PERMESSAGE_DEFLATE.to_owned();
        if self.server_no_context_takeover {
            offer.push_str("; server_no_context_takeover");
        }
        if self.client_no_context_takeover {
            offer.push_str("; client_no_context_takeover");
        }
        if let Some(bits) = self.server_max_window_bits {
            // Writing to a String cannot fail.
            let _ = write!(offer, "; server_max_window_bits={bits}");
        }
        match self.client_max_window_bits {
            None => {}
            // Without a value it allows the server to choose a window (RFC 7692 section 7.1.2.2).
            Some(LARGEST_WINDOW) => offer.push_str("; client_max_window_bits"),
            Some(bits) => {
                let _ = write!(offer, "; client_max_window_bits={bits}");
            }
        }
        offer
    }

    /// Compares the answer's parameters with the offer (RFC 7692 section 7.1).
    fn agree(&self, parameters: &[Parameter]) -> Result<Agreed, String> {
        let answered = Answered::read(parameters)?;
        if self.server_no_context_takeover && !answered.server_no_context_takeover {
            return Err(refuse("server_no_context_takeover is missing, which was offered"));
        }
        match (self.server_max_window_bits, answered.server_max_window_bits) {
            (Some(_), None) => return Err(refuse("server_max_window_bits is missing, which was offered")),
            (Some(offered), Some(bits)) if bits > offered => {
                return Err(refuse(&format!("server_max_window_bits={bits} is above the offered {offered}")));
            }
            _ => {}
        }
        match (self.client_max_window_bits, answered.client_max_window_bits) {
            // A server may send it only if it was offered (RFC 7692 section 7.1.2.2).
            (None, Some(bits)) => {
                return Err(refuse(&format!("client_max_window_bits={bits} was not offered")));
            }
            (Some(offered), Some(bits)) if bits > offered => {
                return Err(refuse(&format!("client_max_window_bits={bits} is above the offered {offered}")));
            }
            _ => {}
        }
        let client_window = answered.client_max_window_bits.or(self.client_max_window_bits);
        Ok(Agreed {
            client_no_context_takeover: self.client_no_context_takeover || answered.client_no_context_takeover,
            server_no_context_takeover: answered.server_no_context_takeover,
            client_max_window_bits: client_window.unwrap_or(LARGEST_WINDOW),
            server_max_window_bits: answered.server_max_window_bits.unwrap_or(LARGEST_WINDOW),
            answer: answered.to_text(),
        })
    }
}

/// Checks the lines of the response's Sec-WebSocket-Extensions against the offer, and returns what was agreed on; `None`
/// if the server chose no extension.
///
/// # Errors
/// The reason why the connection must fail (RFC 6455 section 4.1, RFC 7692 section 7.1), with the name of the parameter:
/// the answer is malformed; an extension was not offered or comes twice; a parameter is unknown, comes twice, is out of
/// range, was not offered, or is missing.
pub fn agree<'a>(offer: Option<&Compression>, lines: impl Iterator<Item = &'a [u8]>) -> Result<Option<Agreed>, String> {
    let mut agreed = None;
    for line in lines {
        let extensions = parse(line).ok_or("the response's Sec-WebSocket-Extensions is malformed")?;
        for Extension { name, parameters } in extensions {
            match offer {
                Some(offer) if name == PERMESSAGE_DEFLATE => {
                    if agreed.is_some() {
                        return Err(format!("the server chose {PERMESSAGE_DEFLATE} twice"));
                    }
                    agreed = Some(offer.agree(&parameters)?);
                }
                _ => return Err(format!("the server chose an extension that was not offered: {}", shown(&name))),
            }
        }
    }
    Ok(agreed)
}

/// The parameters of an answer, each of them valid by itself.
#[derive(Default)]
struct Answered {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    client_max_window_bits: Option<u8>,
}

impl Answered {
    fn read(parameters: &[Parameter]) -> Result<Answered, String> {
        let mut answered = Answered::default();
        for (at, (name, value)) in parameters.iter().enumerate() {
            if parameters[..at].iter().any(|(earlier, _)| earlier == name) {
                return Err(refuse(&format!("{} comes twice", shown(name))));
            }
            let value = value.as_deref();
            match &**name {
                "server_no_context_takeover" => answered.server_no_context_takeover = flag(name, value)?,
                "client_no_context_takeover" => answered.client_no_context_takeover = flag(name, value)?,
                "server_max_window_bits" => answered.server_max_window_bits = Some(window_bits(name, value)?),
                "client_max_window_bits" => answered.client_max_window_bits = Some(window_bits(name, value)?),
                _ => return Err(refuse(&format!("the parameter {} is unknown", shown(name)))),
            }
        }
        Ok(answered)
    }

    fn to_text(&self) -> String {
        let mut text = PERMESSAGE_DEFLATE.to_owned();
        if self.server_no_context_takeover {
            text.push_str("; server_no_context_takeover");
        }
        if self.client_no_context_takeover {
            text.push_str("; client_no_context_takeover");
        }
        for (name, bits) in [
            ("server_max_window_bits", self.server_max_window_bits),
            ("client_max_window_bits", self.client_max_window_bits),
        ] {
            if let Some(bits) = bits {
                let _ = write!(text, "; {name}={bits}");
            }
        }
        text
    }
}

fn flag(name: &str, value: Option<&str>) -> Result<bool, String> {
    match value {
        None => Ok(true),
        Some(_) => Err(refuse(&format!("{name} has a value, which it must not have"))),
    }
}

/// Reads a decimal number without leading zeros (RFC 7692 section 7.1.2).
fn window_bits(name: &str, value: Option<&str>) -> Result<u8, String> {
    let Some(value) = value else { return Err(refuse(&format!("{name} has no value"))) };
    let number = value.parse().ok().filter(|_| value.starts_with(|first| matches!(first, '1'..='9')));
    number.filter(|bits| WINDOW_BITS.contains(bits)).ok_or_else(|| {
        refuse(&format!(
            "{name}={} is not a number from {} to {}",
            shown(value),
            WINDOW_BITS.start(),
            WINDOW_BITS.end()
        ))
    })
}

fn refuse(cause: &str) -> String {
    format!("the server's {PERMESSAGE_DEFLATE} cannot be accepted: {cause}")
}

/// Cuts a token of the peer's to a length that an error text can hold.
fn shown(token: &str) -> &str {
    const LONGEST: usize = 40;
    token.get(..LONGEST).unwrap_or(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(offer: &Compression, line: &str) -> Result<Agreed, String> {
        agree(Some(offer), [line.as_bytes()].into_iter()).map(|agreed| agreed.expect("an extension"))
    }

    #[test]
    fn offers_the_chosen_parameters_in_the_order_of_the_rfc() {
        assert_eq!(Compression::default().offer(), "permessage-deflate; client_max_window_bits");
        let all = Compression {
            client_no_context_takeover: true,
            server_no_context_takeover: true,
            client_max_window_bits: Some(9),
            server_max_window_bits: Some(10),
            ..Compression::default()
        };
        assert_eq!(
            all.offer(),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; \
             client_max_window_bits=9"
        );
    }

    #[test]
    fn accepts_parameters_that_the_server_adds_without_a_demand() {
        let line = "permessage-deflate; client_no_context_takeover; server_no_context_takeover; \
                    server_max_window_bits=9; client_max_window_bits=\"10\"";
        let agreed = answer(&Compression::default(), line).unwrap();
        assert!(agreed.client_no_context_takeover && agreed.server_no_context_takeover);
        assert_eq!((agreed.client_max_window_bits, agreed.server_max_window_bits), (10, 9));
        assert_eq!(
            agreed.answer,
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; \
             client_max_window_bits=10"
        );
    }

    #[test]
    fn keeps_its_own_promises_when_the_answer_is_silent() {
        let offer = Compression {
            client_no_context_takeover: true,
            client_max_window_bits: Some(11),
            ..Compression::default()
        };
        let agreed = answer(&offer, "permessage-deflate").unwrap();
        assert!(agreed.client_no_context_takeover && !agreed.server_no_context_takeover);
        assert_eq!((agreed.client_max_window_bits, agreed.server_max_window_bits), (11, 15));
        assert_eq!(agreed.answer, "permessage-deflate");
    }

    #[test]
    fn refuses_a_client_window_that_was_not_offered() {
        let offer = Compression { client_max_window_bits: None, ..Compression::default() };
        assert_eq!(offer.offer(), "permessage-deflate");
        for bits in WINDOW_BITS {
            let text = answer(&offer, &format!("permessage-deflate; client_max_window_bits={bits}")).unwrap_err();
            assert!(text.contains(&format!("client_max_window_bits={bits} was not offered")), "{text}");
        }
        let agreed = answer(&offer, "permessage-deflate; server_max_window_bits=9").unwrap();
        assert_eq!((agreed.client_max_window_bits, agreed.server_max_window_bits), (15, 9));
    }

    #[test]
    fn refuses_an_answer_that_the_rfc_forbids_and_names_the_parameter() {
        let demands = Compression {
            server_no_context_takeover: true,
            server_max_window_bits: Some(10),
            client_max_window_bits: Some(12),
            ..Compression::default()
        };
        for (parameters, named) in [
            ("foo", "foo"),
            ("client_max_window_bits=10; client_max_window_bits=10", "client_max_window_bits"),
            ("server_max_window_bits", "server_max_window_bits"),
            ("server_max_window_bits=7", "server_max_window_bits=7"),
            ("server_max_window_bits=16", "server_max_window_bits=16"),
            ("server_max_window_bits=08", "server_max_window_bits=08"),
            ("server_max_window_bits=+9", "server_max_window_bits=+9"),
            ("server_max_window_bits=999999999999", "server_max_window_bits=999999999999"),
            ("server_no_context_takeover; server_max_window_bits=11", "server_max_window_bits=11"),
            ("server_no_context_takeover", "server_max_window_bits"),
            ("server_max_window_bits=10", "server_no_context_takeover"),
            ("server_no_context_takeover=1", "server_no_context_takeover"),
            ("client_max_window_bits", "client_max_window_bits"),
            ("server_no_context_takeover; server_max_window_bits=10; client_max_window_bits=13", "bits=13"),
        ] {
            let text = answer(&demands, &format!("permessage-deflate; {parameters}")).unwrap_err();
            assert!(text.contains(named), "{parameters}: {text}");
        }
    }

    #[test]
    fn refuses_extensions_that_were_not_offered_or_come_twice() {
        let lines = |lines: &[&'static str]| lines.iter().map(|line| line.as_bytes()).collect::<Vec<_>>().into_iter();
        let offer = Compression::default();
        assert!(agree(None, lines(&["permessage-deflate"])).is_err());
        assert!(agree(Some(&offer), lines(&["x-webkit-deflate-frame"])).is_err());
        assert!(agree(Some(&offer), lines(&["permessage-deflate, permessage-deflate"])).is_err());
        assert!(agree(Some(&offer), lines(&["permessage-deflate", "permessage-deflate"])).is_err());
        assert_eq!(agree(Some(&offer), lines(&[])), Ok(None));
        assert_eq!(agree(None, lines(&[])), Ok(None));
    }
}
