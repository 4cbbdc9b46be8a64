//! Makes server byte streams: valid conversations, broken ones, and cuts.

use proptest::prelude::*;
use proptest::sample::Index;

/// The message limit that long messages of a stream are near; the smaller limits are for short messages.
pub const MAX_MESSAGE: usize = 4096;

/// Chooses a message limit.
pub fn limit() -> impl Strategy<Value = usize> {
    prop_oneof![6 => Just(MAX_MESSAGE), 1 => 0..200_usize]
}

/// Makes a stream of frames: valid, with broken rules, or damaged at any byte.
pub fn stream() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => valid(),
        4 => broken(),
        2 => (broken(), damage()).prop_map(|(stream, damage)| damaged(stream, &damage)),
        1 => (valid(), any::<Index>()).prop_map(|(mut stream, end)| {
            stream.truncate(end.index(stream.len() + 1));
            stream
        }),
    ]
}

/// Makes the sizes of the pieces in which a stream arrives, to be used in turn.
pub fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        Just(vec![1]),
        Just(vec![usize::MAX]),
        prop::collection::vec(prop_oneof![3 => 1..8_usize, 2 => 8..200_usize, 1 => 200..10_000_usize], 1..20),
    ]
}

/// Cuts a stream into pieces of these sizes, which are repeated to its end.
pub fn pieces<'a>(mut stream: &'a [u8], cuts: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    cuts.iter().cycle().map_while(move |size| {
        let (piece, rest) = stream.split_at((*size).min(stream.len()));
        stream = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// A stream that keeps every rule and may end in a Close.
fn valid() -> impl Strategy<Value = Vec<u8>> {
    let close = prop_oneof![3 => Just(Vec::new()), 1 => good_close()];
    (prop::collection::vec(prop_oneof![3 => message(), 1 => control()], 0..12), close)
        .prop_map(|(parts, close)| [parts.concat(), close].concat())
}

/// A stream in which one part is likely to break a rule, often inside a message; what comes before and after is valid.
fn broken() -> impl Strategy<Value = Vec<u8>> {
    let before = prop::collection::vec(prop_oneof![3 => message(), 1 => control()], 0..4);
    let begun = (1..3_u8, "[a-z]{0,10}").prop_map(|(opcode, text)| frame(opcode, Form::Shortest, text.as_bytes()));
    let fault = prop_oneof![
        4 => any_frame(),
        2 => any_close(),
        2 => message(),
        1 => oversized(),
        1 => bad_text(),
    ];
    let after = prop::collection::vec(prop_oneof![3 => message(), 1 => any_frame()], 0..3);
    (before, prop::option::of(begun), fault, after).prop_map(|(before, begun, fault, after)| {
        [before.concat(), begun.unwrap_or_default(), fault, after.concat()].concat()
    })
}

/// A message of one frame or several, with control frames between the fragments.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        ".{0,60}".prop_map(|text| (0x1, text.into_bytes())),
        "[a-zé𝄞]{0,300}".prop_map(|text| (0x1, text.into_bytes())),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| (0x2, bytes)),
        prop::sample::select(vec![125, 126, 127, 1000, MAX_MESSAGE]).prop_map(|length| (0x2, vec![7; length])),
    ];
    (payload, prop::collection::vec(any::<Index>(), 0..4), prop::option::weighted(0.3, control())).prop_map(
        |((opcode, payload), cuts, control)| fragmented(opcode, &payload, &cuts, &control.unwrap_or_default()),
    )
}

fn fragmented(opcode: u8, payload: &[u8], cuts: &[Index], between: &[u8]) -> Vec<u8> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
    ends.sort_unstable();
    ends.push(payload.len());
    let last = ends.len() - 1;
    let mut stream = Vec::new();
    let mut start = 0;
    for (i, end) in ends.into_iter().enumerate() {
        let first = if i == 0 { opcode } else { 0 } | if i == last { 0x80 } else { 0 };
        stream.extend(frame(first, Form::Shortest, &payload[start..end]));
        if i != last {
            stream.extend_from_slice(between);
        }
        start = end;
    }
    stream
}

/// Text that is not UTF-8, in one frame or several.
fn bad_text() -> impl Strategy<Value = Vec<u8>> {
    let bad: Vec<&[u8]> = vec![b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80"];
    (
        "[a-zé𝄞]{0,100}",
        prop::sample::select(bad),
        prop_oneof![Just(String::new()), "[a-z]{1,100}"],
        prop::collection::vec(any::<Index>(), 0..4),
    )
        .prop_map(|(before, bad, after, cuts)| {
            fragmented(0x1, &[before.as_bytes(), bad, after.as_bytes()].concat(), &cuts, b"")
        })
}

/// A message over the limit, in one frame or several.
fn oversized() -> impl Strategy<Value = Vec<u8>> {
    (1..3_u8, 1..3000_usize, prop::collection::vec(any::<Index>(), 0..3))
        .prop_map(|(opcode, over, cuts)| fragmented(opcode, &vec![b'x'; MAX_MESSAGE + over], &cuts, b""))
}

fn control() -> impl Strategy<Value = Vec<u8>> {
    (prop::sample::select(vec![0x89, 0x8a]), prop::collection::vec(any::<u8>(), 0..=125))
        .prop_map(|(first, payload)| frame(first, Form::Shortest, &payload))
}

fn good_close() -> impl Strategy<Value = Vec<u8>> {
    let code = prop_oneof![1000..1004_u16, 1007..1015_u16, 3000..5000_u16];
    prop::option::of((code, "[a-zé]{0,60}")).prop_map(|body| match body {
        None => frame(0x88, Form::Shortest, b""),
        Some((code, reason)) => frame(0x88, Form::Shortest, &[&code.to_be_bytes(), reason.as_bytes()].concat()),
    })
}

/// A Close frame with a code near the limits of each range, and a reason that may not be text.
fn any_close() -> impl Strategy<Value = Vec<u8>> {
    let code = prop_oneof![0..2_u16, 998..1017_u16, 2998..3001_u16, 4998..5001_u16, any::<u16>()];
    let reason = prop_oneof![".{0,20}".prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..4)];
    (code, reason, prop_oneof![0..4_usize, Just(125)]).prop_map(|(code, reason, length)| {
        let mut body = [&code.to_be_bytes(), &reason[..]].concat();
        body.truncate(length);
        frame(0x88, Form::Shortest, &body)
    })
}

/// One frame with any first byte and any form of length.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        any::<u8>(),
        prop::sample::select(vec![0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x08, 0x09, 0x0a, 0xc1, 0xc0])
    ];
    let form = prop_oneof![6 => Just(Form::Shortest), 1 => Just(Form::Longer), 1 => Just(Form::Masked)];
    let payload = prop_oneof![3 => 0..10_usize, 1 => 120..130_usize, 1 => 0..6000_usize];
    (first, form, payload, any::<u8>()).prop_map(|(first, form, length, byte)| frame(first, form, &vec![byte; length]))
}

fn damage() -> impl Strategy<Value = Vec<(Index, u8)>> {
    prop::collection::vec((any::<Index>(), any::<u8>()), 1..4)
}

fn damaged(mut stream: Vec<u8>, damage: &[(Index, u8)]) -> Vec<u8> {
    for (place, byte) in damage {
        if !stream.is_empty() {
            let place = place.index(stream.len());
            stream[place] = *byte;
        }
    }
    stream
}

/// How a frame is written.
#[derive(Clone, Copy, Debug)]
enum Form {
    Shortest,
    /// With a length in more bytes than it needs, if a longer form exists.
    Longer,
    Masked,
}

fn frame(first: u8, form: Form, payload: &[u8]) -> Vec<u8> {
    let masked = if matches!(form, Form::Masked) { 0x80 } else { 0 };
    let mut frame = vec![first];
    match (payload.len(), form) {
        (length @ 0..126, Form::Shortest | Form::Masked) => frame.push(masked | length as u8),
        (length @ 0..126, Form::Longer) | (length @ 126..0x1_0000, Form::Shortest | Form::Masked) => {
            frame.push(masked | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        (length, _) => {
            frame.push(masked | 127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    if masked != 0 {
        frame.extend_from_slice(&[0; 4]);
    }
    frame.extend_from_slice(payload);
    frame
}
