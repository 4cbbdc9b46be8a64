//! permessage-deflate (RFC 7692) in the opening handshake: what is offered, and what the server's answer makes of it.
//!
//! Comes in: a script's choice, and the lines of the response's Sec-WebSocket-Extensions. Goes out: the offer for the
//! request and what was [`Agreed`], or why the answer must be refused. Compresses nothing.

mod grammar;

use std::fmt::Write;
use std::ops::RangeInclusive;

use self::grammar::{Extension, Parameter, parse};

/// The name of the only extension there is (RFC 7692 section 7).
pub const PERMESSAGE_DEFLATE: &str = "permessage-deflate";

/// The base-2 logarithms of window sizes that the extension knows (RFC 7692 section 7.1.2).
pub const WINDOW_BITS: RangeInclusive<u8> = 8..=15;

/// The levels of compression.
pub const LEVELS: RangeInclusive<u8> = 1..=9;

/// What a script chooses of compression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compression {
    /// Promises to compress each message by itself (RFC 7692 section 7.1.1.2); default false.
    pub client_no_context_takeover: bool,
    /// Demands that the server compresses each message by itself (RFC 7692 section 7.1.1.1); default false.
    pub server_no_context_takeover: bool,
    /// The largest window to compress with, 8 to 15 (RFC 7692 section 7.1.2.2); default 15.
    pub client_max_window_bits: u8,
    /// Demands that the server's window be at most this, 8 to 15 (RFC 7692 section 7.1.2.1); default `None`, its choice.
    pub server_max_window_bits: Option<u8>,
    /// Bytes below which a message goes uncompressed; default 64.
    pub threshold: usize,
    /// 1, the fastest, to 9, the smallest; default 6.
    pub level: u8,
}

impl Default for Compression {
    fn default() -> Self {
        Compression {
            client_no_context_takeover: false,
            server_no_context_takeover: false,
            client_max_window_bits: *WINDOW_BITS.end(),
            server_max_window_bits: None,
            threshold: 64,
            level: 6,
        }
    }
}

/// What both ends keep to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// We compress each message by itself.
    pub client_no_context_takeover: bool,
    /// The server compresses each message by itself.
    pub server_no_context_takeover: bool,
    /// The largest window that we may compress with, 8 to 15.
    pub client_max_window_bits: u8,
    /// The largest window that the server compresses with, 8 to 15.
    pub server_max_window_bits: u8,
    /// The answer, in the words of the RFC: `permessage-deflate; client_max_window_bits=12`.
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
        offer.push_str("; client_max_window_bits");
        if self.client_max_window_bits < *WINDOW_BITS.end() {
            let _ = write!(offer, "={}", self.client_max_window_bits);
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
        if let Some(bits) = answered.client_max_window_bits
            && bits > self.client_max_window_bits
        {
            let offered = self.client_max_window_bits;
            return Err(refuse(&format!("client_max_window_bits={bits} is above the offered {offered}")));
        }
        Ok(Agreed {
            client_no_context_takeover: self.client_no_context_takeover || answered.client_no_context_takeover,
            server_no_context_takeover: answered.server_no_context_takeover,
            client_max_window_bits: answered.client_max_window_bits.unwrap_or(self.client_max_window_bits),
            server_max_window_bits: answered.server_max_window_bits.unwrap_or(*WINDOW_BITS.end()),
            answer: answered.to_text(),
        })
    }
}

/// Checks the lines of the response's Sec-WebSocket-Extensions against the offer; `None` where nothing is in use.
///
/// # Errors
/// Why the connection must fail (RFC 6455 section 4.1, RFC 7692 section 7.1), with the parameter named: an answer that is
/// malformed, an extension that was not offered or that comes twice, a parameter that is unknown, repeated, out of
/// range, not allowed by the offer, or missing.
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

/// The parameters of an answer, each within its own rules.
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
        Some(_) => Err(refuse(&format!("{name} has a value, and may have none"))),
    }
}

/// Reads a decimal number without leading zeros (RFC 7692 section 7.1.2).
fn window_bits(name: &str, value: Option<&str>) -> Result<u8, String> {
    let Some(value) = value else { return Err(refuse(&format!("{name} has no value"))) };
    let number = value.parse().ok().filter(|_| value.starts_with(|first| matches!(first, '1'..='9')));
    number.filter(|bits| WINDOW_BITS.contains(bits)).ok_or_else(|| {
        refuse(&format!("{name}={} is no number from {} to {}", shown(value), WINDOW_BITS.start(), WINDOW_BITS.end()))
    })
}

fn refuse(cause: &str) -> String {
    format!("the server's {PERMESSAGE_DEFLATE} cannot be accepted: {cause}")
}

/// What the peer wrote, at a length that a text for people bears.
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
    fn offers_what_was_chosen_in_the_order_of_the_rfc() {
        assert_eq!(Compression::default().offer(), "permessage-deflate; client_max_window_bits");
        let all = Compression {
            client_no_context_takeover: true,
            server_no_context_takeover: true,
            client_max_window_bits: 9,
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
    fn obeys_what_the_server_asks_without_being_asked() {
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
    fn keeps_its_own_word_where_the_server_says_nothing() {
        let offer =
            Compression { client_no_context_takeover: true, client_max_window_bits: 11, ..Compression::default() };
        let agreed = answer(&offer, "permessage-deflate").unwrap();
        assert!(agreed.client_no_context_takeover && !agreed.server_no_context_takeover);
        assert_eq!((agreed.client_max_window_bits, agreed.server_max_window_bits), (11, 15));
        assert_eq!(agreed.answer, "permessage-deflate");
    }

    #[test]
    fn refuses_what_the_rfc_forbids_and_names_the_parameter() {
        let demands = Compression {
            server_no_context_takeover: true,
            server_max_window_bits: Some(10),
            client_max_window_bits: 12,
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
    fn refuses_what_was_not_offered_and_what_comes_twice() {
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
