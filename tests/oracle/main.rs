//! Compares the codec with zlib (in `compressed`) and with tungstenite: the same bytes, cut anywhere, give the same messages
//! and the same close code, and tungstenite reads what our encoder writes. `agree` names every difference that is allowed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod compressed;
mod streams;

use std::collections::HashSet;
use std::io::{self, Read, Write};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error};
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocket, WebSocketConfig};
use websocket_core::close::{CloseCode, CloseFrame};
use websocket_core::event::Kind;
use websocket_core::protocol::{Coding, Decoder, Encoder, Incoming, Limits, Violation};

use streams::{MAX_MESSAGE, cuts, limit, pieces, stream};

/// The longest frame that tungstenite accepts. It needs a limit, because it allocates what a header declares; and the limit
/// is over that of messages, because tungstenite checks it first, which would hide most other errors.
const MAX_FRAME: usize = 4 * MAX_MESSAGE;

/// How a stream ends.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ending {
    /// The stream has not ended: more bytes are expected.
    Open,
    /// The peer's Close came last.
    Closed,
    /// The connection fails with this code.
    Violation(u16),
    /// As `Violation(1009)`, for one frame over [`MAX_FRAME`]; only tungstenite ends like this.
    FrameTooLong,
}

fn ours(limit: usize, stream: &[u8], cuts: &[usize]) -> (Vec<Incoming>, Option<Violation>) {
    let limits = Limits { max_message_size: limit, max_fragments: usize::MAX };
    decode(Decoder::new(limits, None), stream, cuts)
}

fn decode(mut decoder: Decoder, stream: &[u8], cuts: &[usize]) -> (Vec<Incoming>, Option<Violation>) {
    let mut incoming = Vec::new();
    let mut violation = None;
    for mut piece in pieces(stream, cuts) {
        loop {
            match decoder.next(&mut piece) {
                Ok(Some(event)) => {
                    assert!(violation.is_none(), "{event:?} after {violation:?}");
                    assert!(!matches!(incoming.last(), Some(Incoming::Close(_))), "{event:?} after a Close");
                    incoming.push(event);
                }
                Ok(None) => break,
                Err(error) => {
                    assert!(violation.is_none(), "{error:?} after {violation:?}");
                    violation = Some(error);
                }
            }
        }
        assert!(piece.is_empty(), "bytes left");
    }
    (incoming, violation)
}

/// A transport whose peer has sent these pieces and nothing more so far.
struct Arrived(Vec<Vec<u8>>);

impl Read for Arrived {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(piece) = self.0.first_mut() else { return Err(io::ErrorKind::WouldBlock.into()) };
        let length = piece.len().min(buffer.len());
        buffer[..length].copy_from_slice(&piece[..length]);
        piece.drain(..length);
        if piece.is_empty() {
            self.0.remove(0);
        }
        Ok(length)
    }
}

impl Write for Arrived {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Oracle {
    socket: WebSocket<Arrived>,
    incoming: Vec<Incoming>,
}

impl Oracle {
    fn new(role: Role, max_message: usize, max_frame: usize, arrived: Vec<Vec<u8>>) -> Oracle {
        let config = WebSocketConfig::default()
            .read_buffer_size(1024)
            .max_message_size(Some(max_message))
            .max_frame_size(Some(max_frame));
        Oracle { socket: WebSocket::from_raw_socket(Arrived(arrived), role, Some(config)), incoming: Vec::new() }
    }

    /// Reads everything that has arrived, up to a Close or an error.
    fn read(&mut self) -> Ending {
        loop {
            let incoming = match self.socket.read() {
                Ok(Message::Text(text)) => Incoming::Message(Kind::Text, text.as_bytes().to_vec()),
                Ok(Message::Binary(bytes)) => Incoming::Message(Kind::Binary, bytes.to_vec()),
                Ok(Message::Ping(payload)) => Incoming::Ping(payload.to_vec()),
                Ok(Message::Pong(payload)) => Incoming::Pong(payload.to_vec()),
                // A Close whose code is not allowed is reported as a Close with the code that answers it.
                Ok(Message::Close(Some(frame))) if frame.reason.as_str() == "Protocol violation" => {
                    return Ending::Violation(1002);
                }
                Ok(Message::Close(body)) => {
                    self.incoming.push(Incoming::Close(body.map(|frame| CloseFrame {
                        code: CloseCode::new(frame.code.into()).expect("the oracle lets a bad code through"),
                        reason: frame.reason.as_str().to_owned(),
                    })));
                    return Ending::Closed;
                }
                Ok(Message::Frame(frame)) => panic!("a raw frame: {frame}"),
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return Ending::Open,
                Err(Error::Protocol(_)) => return Ending::Violation(1002),
                Err(Error::Utf8(_)) => return Ending::Violation(1007),
                Err(Error::Capacity(CapacityError::MessageTooLong { size, max_size: MAX_FRAME })) => {
                    assert!(size > MAX_FRAME);
                    return Ending::FrameTooLong;
                }
                Err(Error::Capacity(_)) => return Ending::Violation(1009),
                Err(error) => panic!("{error}"),
            };
            self.incoming.push(incoming);
        }
    }
}

/// Compares both on one stream, and returns how it ended.
fn agree(limit: usize, stream: &[u8], cuts: &[usize]) -> Ending {
    let (incoming, violation) = ours(limit, stream, cuts);
    let ending = match (&violation, incoming.last()) {
        (Some(violation), _) => Ending::Violation(violation.code.get()),
        (None, Some(Incoming::Close(_))) => Ending::Closed,
        (None, _) => Ending::Open,
    };
    let arrived = pieces(stream, cuts).map(<[u8]>::to_vec).collect();
    let mut oracle = Oracle::new(Role::Client, limit, MAX_FRAME, arrived);
    let mut oracle_ending = oracle.read();

    // Tungstenite checks a frame when all of it has arrived, we check it as soon as the bytes show an error. Whatever bytes
    // complete the frame, tungstenite must then find the same error.
    if violation.is_some() && oracle_ending == Ending::Open {
        oracle.socket.get_mut().0.push(vec![0; MAX_FRAME + 14]);
        oracle_ending = oracle.read();
    }

    // Tungstenite accepts lengths that are not in the shortest form, which RFC 6455 section 5.2 forbids; from there on the
    // two read different streams. For a control frame we report such a length like one over 125 bytes.
    if violation
        .is_some_and(|Violation { text, .. }| text.contains("shortest form") || text.contains("extended length"))
    {
        assert!(oracle.incoming.starts_with(&incoming));
        return ending;
    }

    // Tungstenite does not know 1014 (bad gateway), which is registered and may be sent.
    if let Some((Incoming::Close(Some(CloseFrame { code, .. })), before)) = incoming.split_last()
        && code.get() == 1014
    {
        assert_eq!((&oracle.incoming[..], oracle_ending), (before, Ending::Violation(1002)));
        return ending;
    }

    assert_eq!(oracle.incoming, incoming);
    match oracle_ending {
        // Tungstenite checks the length before most other rules of a header, also before the bit of 2^63; we report the
        // broken rule first.
        Ending::FrameTooLong => assert!(matches!(ending, Ending::Violation(1002 | 1009)), "{ending:?}"),
        _ => assert_eq!(oracle_ending, ending),
    }
    ending
}

/// What a client sends.
#[derive(Clone, Debug)]
enum Sent {
    Message(Kind, Vec<u8>),
    InPlace(Kind, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

fn sent() -> impl Strategy<Value = Sent> {
    let kind = prop_oneof![Just(Kind::Text), Just(Kind::Binary)];
    let length = prop_oneof![8 => 0..300_usize, 1 => 65_530..65_540_usize, 1 => 4_000..9_000_usize];
    let payload = (length, 0..128_u8).prop_map(|(length, seed)| (0..length).map(|i| (i as u8 ^ seed) & 0x7f).collect());
    let control = prop::collection::vec(any::<u8>(), 0..=125);
    prop_oneof![
        4 => (kind.clone(), payload.clone()).prop_map(|(kind, payload)| Sent::Message(kind, payload)),
        2 => (kind, payload).prop_map(|(kind, payload)| Sent::InPlace(kind, payload)),
        1 => control.clone().prop_map(Sent::Ping),
        1 => control.prop_map(Sent::Pong),
    ]
}

fn encode(frames: &[Sent], close: Option<&CloseFrame>) -> (Vec<u8>, Vec<Incoming>) {
    let mut encoder = Encoder::new();
    let mut out = Vec::new();
    let mut expected = Vec::new();
    for frame in frames {
        expected.push(match frame {
            Sent::Message(kind, payload) => {
                encoder.message(&mut out, *kind, Coding::Plain, payload);
                Incoming::Message(*kind, payload.clone())
            }
            Sent::InPlace(kind, payload) => {
                let mut masked = payload.clone();
                encoder.message_in_place(&mut out, *kind, Coding::Plain, &mut masked);
                out.extend_from_slice(&masked);
                Incoming::Message(*kind, payload.clone())
            }
            Sent::Ping(payload) => {
                encoder.ping(&mut out, payload);
                Incoming::Ping(payload.clone())
            }
            Sent::Pong(payload) => {
                encoder.pong(&mut out, payload);
                Incoming::Pong(payload.clone())
            }
        });
    }
    encoder.close(&mut out, close);
    expected.push(Incoming::Close(close.cloned()));
    (out, expected)
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn gives_the_messages_and_close_codes_that_tungstenite_gives(limit in limit(), stream in stream(), cuts in cuts()) {
        agree(limit, &stream, &cuts);
    }

    #[test]
    fn gives_the_same_however_a_stream_is_cut(limit in limit(), stream in stream(), cuts in cuts()) {
        assert_eq!(ours(limit, &stream, &cuts), ours(limit, &stream, &[usize::MAX]));
    }

    #[test]
    fn survives_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300), cuts in cuts()) {
        assert_eq!(ours(MAX_MESSAGE, &bytes, &cuts), ours(MAX_MESSAGE, &bytes, &[usize::MAX]));
        agree(MAX_MESSAGE, &bytes, &cuts);
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn writes_what_tungstenite_reads_back(
        frames in prop::collection::vec(sent(), 0..12),
        close in prop::option::of((3000..5000_u16, "[a-zé]{0,60}")),
    ) {
        let close = close.and_then(|(code, reason)| Some(CloseFrame::new(CloseCode::new(code)?, &reason)));
        let (out, expected) = encode(&frames, close.as_ref());
        let mut server = Oracle::new(Role::Server, 100_000, 100_000, vec![out]);
        assert_eq!(server.read(), Ending::Closed);
        assert_eq!(server.incoming, expected);
    }
}

/// The comparison is only worth something if the streams reach every ending and every violation.
#[test]
fn the_streams_reach_every_ending() {
    let mut runner = TestRunner::deterministic();
    let (mut endings, mut messages) = (HashSet::new(), 0);
    for _ in 0..1000 {
        let stream = stream().new_tree(&mut runner).unwrap().current();
        let ending = agree(MAX_MESSAGE, &stream, &[usize::MAX]);
        let (incoming, violation) = ours(MAX_MESSAGE, &stream, &[usize::MAX]);
        messages += incoming.len();
        endings.insert(violation.map_or(format!("{ending:?}"), |violation| violation.text));
    }
    for wanted in [
        "Open",
        "Closed",
        "reserved opcode",
        "reserved bits",
        "masked frame",
        "fragmented control frame",
        "extended length",
        "shortest form",
        "new message inside",
        "continuation frame without",
        "body of 1 byte",
        "invalid close code",
        "close reason is not valid UTF-8",
        "text is not valid UTF-8",
        "message too big",
    ] {
        assert!(endings.iter().any(|ending| ending.contains(wanted)), "{wanted} is missing of {endings:?}");
    }
    assert!(messages > 1000, "{messages} messages");
}
