//! The server's answer to the offer of permessage-deflate: any lines of Sec-WebSocket-Extensions, for any offer.
//!
//! Input: a byte for the offer (0: no offer; otherwise bit 1: server_no_context_takeover, bit 2:
//! client_no_context_takeover), one for our window, one for that of the server, then the lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use websocket_core::extension::{Agreed, Compression, agree};
use websocket_core::header::is_token;
use websocket_fuzz::bounds::bounded;
use websocket_fuzz::input::Input;

const NAME: &str = "permessage-deflate";
const WINDOWS: [Option<u8>; 9] = [Some(15), Some(14), Some(13), Some(12), Some(11), Some(10), Some(9), Some(8), None];
const SERVER_WINDOWS: [Option<u8>; 6] = [None, Some(15), Some(12), Some(10), Some(9), Some(8)];
const LONGEST_TEXT: usize = 200;

fuzz_target!(|data: &[u8]| bounded(|| run(Input::new(data))));

fn run(mut input: Input) {
    let flags = input.byte();
    let compression = Compression {
        server_no_context_takeover: flags & 2 != 0,
        client_no_context_takeover: flags & 4 != 0,
        client_max_window_bits: input.choice(&WINDOWS),
        server_max_window_bits: input.choice(&SERVER_WINDOWS),
        ..Compression::default()
    };
    let offer = Some(&compression).filter(|_| flags != 0);
    let lines: Vec<&[u8]> = input.rest().split(|byte| *byte == b'\n').collect();

    let answer = agree(offer, lines.iter().copied());
    match &answer {
        Ok(Some(agreed)) => check(offer.expect("agreed on what was not offered"), agreed, &lines),
        Ok(None) => panic!("lines without an extension"),
        Err(text) => {
            assert!(text.len() <= LONGEST_TEXT && text.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{text:?}");
        }
    }
    if !lines.iter().any(|line| line.contains(&b'"')) {
        assert_eq!(answer.ok().flatten(), simply(offer, &lines));
    }
}

/// Checks the rules of RFC 7692 section 7.1.
fn check(offer: &Compression, agreed: &Agreed, lines: &[&[u8]]) {
    assert!(agreed.server_no_context_takeover || !offer.server_no_context_takeover);
    assert!(agreed.client_no_context_takeover || !offer.client_no_context_takeover);
    assert!((8..=offer.server_max_window_bits.unwrap_or(15)).contains(&agreed.server_max_window_bits));
    assert!((8..=offer.client_max_window_bits.unwrap_or(15)).contains(&agreed.client_max_window_bits));
    // The answer in our words means the same, and holds nothing that the server did not say.
    assert_eq!(agree(Some(offer), [agreed.answer.as_bytes()].into_iter()).as_ref(), Ok(&Some(agreed.clone())));
    let said: Vec<u8> = lines.concat().into_iter().filter(|byte| !b"\"\\ \t".contains(byte)).collect();
    for word in agreed.answer.split("; ") {
        assert!(said.windows(word.len()).any(|window| window == word.as_bytes()), "{word} is not in {lines:?}");
    }
}

/// A second, much simpler implementation for lines without quotes.
fn simply(offer: Option<&Compression>, lines: &[&[u8]]) -> Option<Agreed> {
    let mut found = Vec::new();
    for line in lines {
        let text = std::str::from_utf8(line).ok()?;
        let elements: Vec<&str> = text.split(',').map(trim).filter(|element| !element.is_empty()).collect();
        if elements.is_empty() {
            return None;
        }
        found.extend(elements);
    }
    let [element] = found[..] else { return None };
    let mut parts = element.split(';').map(trim);
    if parts.next() != Some(NAME) {
        return None;
    }
    let parameters: Vec<(&str, Option<&str>)> = parts
        .map(|part| match part.split_once('=') {
            None => (part, None),
            Some((name, value)) => (trim(name), Some(trim(value))),
        })
        .collect();
    let known = |name: &str, wants: fn(Option<&str>) -> bool| match parameters.iter().filter(|p| p.0 == name).count() {
        0 => Some(None),
        1 => parameters.iter().find(|p| p.0 == name && wants(p.1)).map(|p| Some(p.1)),
        _ => None,
    };
    let bits = |value: Option<&str>| value.is_some_and(|v| (8..=15).any(|bits: u8| bits.to_string() == v));
    let server_alone = known("server_no_context_takeover", |value| value.is_none())?.is_some();
    let client_alone = known("client_no_context_takeover", |value| value.is_none())?.is_some();
    let server_bits = known("server_max_window_bits", bits)?.flatten().map(|v| v.parse::<u8>().expect("a number"));
    let client_bits = known("client_max_window_bits", bits)?.flatten().map(|v| v.parse::<u8>().expect("a number"));
    let count = [server_alone, client_alone, server_bits.is_some(), client_bits.is_some()];
    let offer = offer?;
    let fits = parameters.len() == count.iter().filter(|is_there| **is_there).count()
        && parameters.iter().all(|(name, value)| is_token(name) && value.is_none_or(is_token))
        && (server_alone || !offer.server_no_context_takeover)
        && offer.server_max_window_bits.is_none_or(|most| server_bits.is_some_and(|bits| bits <= most))
        && client_bits.is_none_or(|bits| offer.client_max_window_bits.is_some_and(|most| bits <= most));
    let flags = [("server_no_context_takeover", server_alone), ("client_no_context_takeover", client_alone)];
    let numbers = [("server_max_window_bits", server_bits), ("client_max_window_bits", client_bits)];
    let words = flags.iter().filter(|(_, said)| *said).map(|(name, _)| name.to_string());
    let words = words.chain(numbers.iter().filter_map(|(name, bits)| bits.map(|bits| format!("{name}={bits}"))));
    fits.then(|| Agreed {
        server_no_context_takeover: server_alone,
        client_no_context_takeover: client_alone || offer.client_no_context_takeover,
        server_max_window_bits: server_bits.unwrap_or(15),
        client_max_window_bits: client_bits.or(offer.client_max_window_bits).unwrap_or(15),
        answer: [NAME.to_owned()].into_iter().chain(words).collect::<Vec<_>>().join("; "),
    })
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}
