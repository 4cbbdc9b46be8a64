//! From bytes to messages and control frames, with every rule of RFC 6455 for a client.
//!
//! Comes in: the transport's bytes, cut anywhere. Goes out: one [`Incoming`] after another, in the order of the wire,
//! or the [`Violation`] that ends the connection. Answers nothing, and does not know why a connection closes.

use super::assembly::{Assembly, Limits, OpenFrame};
use super::close_body::close_body;
use super::frame::{
    Coding, Control, Header, LENGTH_16, MAX_CONTROL_PAYLOAD, Opcode, SHORTEST_16, WHOLE_BINARY, WHOLE_TEXT,
};
use super::inflate::Inflater;
use super::utf8;
use super::violation::Violation;
use crate::close::CloseFrame;
use crate::event::Kind;

/// A frame is read in place while at least this many of its bytes are missing. To copy fewer costs less than one more
/// read.
const READ_IN_PLACE: usize = 32 * 1024;

/// The most bytes that are reserved for a message before they arrive, because the one before was as large.
const MOST_EXPECTED: usize = 1024 * 1024;

/// What the peer sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A whole message; the payload of text is UTF-8.
    Message(Kind, Vec<u8>),
    /// A Ping with its payload, at most [`MAX_CONTROL_PAYLOAD`] bytes.
    Ping(Vec<u8>),
    /// A Pong with its payload, at most [`MAX_CONTROL_PAYLOAD`] bytes.
    Pong(Vec<u8>),
    /// A Close with its body, if it has one; nothing follows.
    Close(Option<CloseFrame>),
}

impl Incoming {
    /// Returns the bytes of a message's payload; 0 for a control frame.
    pub fn payload_len(&self) -> usize {
        match self {
            Incoming::Message(_, payload) => payload.len(),
            Incoming::Ping(_) | Incoming::Pong(_) | Incoming::Close(_) => 0,
        }
    }
}

/// Reads the byte stream of one connection.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    /// The reserved bits that the agreed extension defines for the first frame of a message.
    extension_bits: u8,
    /// Present if compression was agreed.
    inflater: Option<Inflater>,
    state: State,
    /// The message whose first frame has begun, until it is whole.
    message: Option<Assembly>,
    /// The size of the last uncompressed message that came in pieces.
    expected: usize,
}

/// What the next byte belongs to.
#[derive(Debug)]
enum State {
    /// A header of which nothing has been read.
    Start,
    /// A header that the last input ended inside: the bytes so far and their number.
    Header([u8; Header::MAX_LEN], usize),
    /// The payload of a data frame, which goes to the message.
    Data(OpenFrame),
    /// The payload of a control frame: its length, and the bytes so far.
    Control(Control, usize, Vec<u8>),
    /// Nothing: a Close or a violation came.
    Ended,
}

impl Decoder {
    /// Makes a decoder for the bytes after the opening handshake; `inflater` if compression was agreed.
    pub fn new(limits: Limits, inflater: Option<Inflater>) -> Decoder {
        let extension_bits = if inflater.is_some() { Coding::Deflated.bits() } else { 0 };
        Decoder { limits, extension_bits, inflater, state: State::Start, message: None, expected: 0 }
    }

    /// Takes bytes from the front of `input`, up to the end of the next event, and returns that event; `None` when
    /// `input` is used up.
    ///
    /// After a Close or a violation all further bytes are taken and ignored (RFC 6455 sections 1.4 and 7.1.7).
    ///
    /// # Errors
    /// The peer broke a rule or a limit. Returned once, as soon as the bytes show it, also inside a frame.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, Violation> {
        if let Some((kind, payload)) = self.whole_message(input) {
            return Ok(Some(Incoming::Message(kind, payload.to_vec())));
        }
        let result = self.advance(input);
        if matches!(result, Err(_) | Ok(Some(Incoming::Close(_)))) {
            self.end();
        }
        result
    }

    /// While some of an uncompressed message has arrived and much of its frame is still to come, returns the buffer to whose end its payload can be read,
    /// and the most bytes to read, for which the buffer has capacity. Tell [`note_read`](Decoder::note_read) how many
    /// were read.
    pub fn space(&mut self) -> Option<(&mut Vec<u8>, usize)> {
        match (&self.state, &mut self.message) {
            (State::Data(frame), Some(message))
                if frame.remaining >= READ_IN_PLACE && message.coding() == Coding::Plain && !message.is_empty() =>
            {
                Some(message.space(*frame, &self.limits))
            }
            _ => None,
        }
    }

    /// Takes notice of `read` bytes that were read into the [`space`](Decoder::space). If the message is whole now, the
    /// next call of [`next`](Decoder::next) returns it.
    ///
    /// # Errors
    /// As [`next`](Decoder::next).
    pub fn note_read(&mut self, read: usize) -> Result<(), Violation> {
        let (State::Data(frame), Some(message)) = (&mut self.state, &mut self.message) else { return Ok(()) };
        frame.remaining -= read;
        let result = message.note_read(read);
        if result.is_err() {
            self.end();
        }
        result
    }

    fn end(&mut self) {
        self.state = State::Ended;
        self.message = None;
        self.inflater = None;
    }

    /// Takes the most common frame from the front of `input` quickly, without a copy: a whole message of up to 64 KiB
    /// that is not compressed. Everything that is unusual, unfinished or wrong is left to [`next`](Decoder::next).
    #[inline]
    pub fn whole_message<'a>(&self, input: &mut &'a [u8]) -> Option<(Kind, &'a [u8])> {
        let [first, short, rest @ ..] = *input else { return None };
        let kind = match *first {
            WHOLE_TEXT => Kind::Text,
            WHOLE_BINARY => Kind::Binary,
            _ => return None,
        };
        let (length, rest) = match *short {
            0..LENGTH_16 => (usize::from(*short), rest),
            LENGTH_16 => match rest {
                [high, low, rest @ ..] => match usize::from(u16::from_be_bytes([*high, *low])) {
                    // A length that is not in its shortest form.
                    0..SHORTEST_16 => return None,
                    length => (length, rest),
                },
                _ => return None,
            },
            _ => return None,
        };
        if length > self.limits.max_message_size || !matches!(self.state, State::Start) || self.message.is_some() {
            return None;
        }
        let (payload, rest) = rest.split_at_checked(length)?;
        if kind == Kind::Text && !utf8::is_valid(payload) {
            return None;
        }
        *input = rest;
        Some((kind, payload))
    }

    fn advance(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, Violation> {
        loop {
            let incoming = match &mut self.state {
                State::Start | State::Header(..) => {
                    let Some(header) = self.read_header(input)? else { return Ok(None) };
                    self.begin_frame(header, input)?
                }
                State::Data(frame) => {
                    let bytes = take_up_to(input, frame.remaining);
                    match (&mut self.message, &mut self.inflater) {
                        (Some(message), Some(inflater)) if message.coding() == Coding::Deflated => {
                            inflater.inflate(bytes, |piece| message.append_inflated(piece, &self.limits))?;
                        }
                        (Some(message), _) => message.append(bytes, *frame, &self.limits)?,
                        (None, _) => {}
                    }
                    frame.remaining -= bytes.len();
                    if frame.remaining > 0 {
                        return Ok(None);
                    }
                    let fin = frame.fin;
                    self.state = State::Start;
                    if fin { self.finish_message()? } else { None }
                }
                State::Control(control, length, payload) => {
                    payload.extend_from_slice(take_up_to(input, *length - payload.len()));
                    if payload.len() < *length {
                        return Ok(None);
                    }
                    let incoming = control_frame(*control, payload)?;
                    self.state = State::Start;
                    Some(incoming)
                }
                State::Ended => {
                    *input = &[];
                    return Ok(None);
                }
            };
            if incoming.is_some() {
                return Ok(incoming);
            }
        }
    }

    /// Reads a header; `None` when it is not whole and `input` is used up.
    fn read_header(&mut self, input: &mut &[u8]) -> Result<Option<Header>, Violation> {
        let State::Header(bytes, len) = &mut self.state else {
            if let Some((header, taken)) = Header::parse(input, self.extension_bits)? {
                *input = &input[taken..];
                return Ok(Some(header));
            }
            if !input.is_empty() {
                // These bytes are shorter than a header, or they would have been parsed.
                let mut bytes = [0; Header::MAX_LEN];
                bytes[..input.len()].copy_from_slice(input);
                self.state = State::Header(bytes, input.len());
                *input = &[];
            }
            return Ok(None);
        };
        while let [byte, rest @ ..] = *input {
            bytes[*len] = *byte;
            *len += 1;
            *input = rest;
            if let Some((header, _)) = Header::parse(&bytes[..*len], self.extension_bits)? {
                self.state = State::Start;
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    /// Begins the payload of a frame, and takes it at once if all of it has arrived.
    fn begin_frame(&mut self, header: Header, input: &mut &[u8]) -> Result<Option<Incoming>, Violation> {
        let kind = match header.opcode {
            Opcode::Control(control) => {
                // `Header::parse` has checked that this is at most MAX_CONTROL_PAYLOAD.
                let length = header.length as usize;
                if let Some((payload, rest)) = input.split_at_checked(length) {
                    *input = rest;
                    return control_frame(control, payload).map(Some);
                }
                self.state = State::Control(control, length, Vec::with_capacity(length));
                return Ok(None);
            }
            Opcode::Continuation => None,
            Opcode::Message(kind) => Some(kind),
        };
        let message = match (kind, &mut self.message) {
            (Some(kind), message @ None) => message.insert(Assembly::new(kind, header.coding, self.expected)),
            (None, Some(message)) => message,
            (Some(_), Some(_)) => return Err(Violation::protocol("new message inside a fragmented message")),
            (None, None) => return Err(Violation::protocol("continuation frame without a message to continue")),
        };
        let length = message.add_frame(header.length, &self.limits)?;
        // A message that has arrived whole is copied once, into an allocation of its exact size.
        if header.fin
            && header.coding == Coding::Plain
            && let Some(kind) = kind
            && let Some((payload, rest)) = input.split_at_checked(length)
        {
            if kind == Kind::Text {
                utf8::check(payload).map_err(Violation::text_not_utf8)?;
            }
            *input = rest;
            self.message = None;
            return Ok(Some(Incoming::Message(kind, payload.to_vec())));
        }
        self.state = State::Data(OpenFrame { remaining: length, fin: header.fin });
        Ok(None)
    }

    fn finish_message(&mut self) -> Result<Option<Incoming>, Violation> {
        let Some(message) = self.message.take() else { return Ok(None) };
        if let (Coding::Deflated, Some(inflater)) = (message.coding(), &mut self.inflater) {
            inflater.finish()?;
        }
        let kind = message.kind();
        let coding = message.coding();
        let payload = message.finish()?;
        if coding == Coding::Plain {
            self.expected = payload.len().min(MOST_EXPECTED);
        }
        Ok(Some(Incoming::Message(kind, payload)))
    }
}

fn take_up_to<'a>(input: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at(length.min(input.len()));
    *input = rest;
    taken
}

fn control_frame(control: Control, payload: &[u8]) -> Result<Incoming, Violation> {
    debug_assert!(payload.len() <= MAX_CONTROL_PAYLOAD);
    match control {
        Control::Ping => Ok(Incoming::Ping(payload.to_vec())),
        Control::Pong => Ok(Incoming::Pong(payload.to_vec())),
        Control::Close => close_body(payload).map(Incoming::Close),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { max_message_size: 1024 * 1024, max_fragments: 10 };

    #[test]
    fn decodes_one_event_at_a_time_and_leaves_the_rest() {
        let mut decoder = Decoder::new(LIMITS, None);
        let mut input: &[u8] = b"\x81\x02hi\x89\x01p\x82\x00\x81";
        assert_eq!(decoder.next(&mut input), Ok(Some(Incoming::Message(Kind::Text, b"hi".to_vec()))));
        assert_eq!(input, b"\x89\x01p\x82\x00\x81");
        assert_eq!(decoder.next(&mut input), Ok(Some(Incoming::Ping(b"p".to_vec()))));
        assert_eq!(decoder.next(&mut input), Ok(Some(Incoming::Message(Kind::Binary, Vec::new()))));
        assert_eq!(decoder.next(&mut input), Ok(None));
        assert!(input.is_empty());
    }

    #[test]
    fn allocates_a_message_that_has_arrived_whole_at_its_exact_size() {
        for length in [1_u32, 125, 126, 5_000, 65_536, 1_000_000] {
            let mut stream = match length {
                0..126 => vec![0x82, length as u8],
                126..0x1_0000 => vec![0x82, 126, (length >> 8) as u8, length as u8],
                _ => [&[0x82, 127, 0, 0, 0, 0][..], &length.to_be_bytes()].concat(),
            };
            stream.resize(stream.len() + length as usize, 7);
            let mut decoder = Decoder::new(LIMITS, None);
            let Ok(Some(Incoming::Message(_, payload))) = decoder.next(&mut &stream[..]) else { panic!() };
            assert_eq!((payload.len(), payload.capacity()), (length as usize, length as usize));
        }
    }

    #[test]
    fn reserves_memory_at_once_for_no_more_than_the_last_message_had() {
        let mut decoder = Decoder::new(LIMITS, None);
        let size = 512 * 1024_u32;
        let header = |length: u32| [&[0x82, 127, 0, 0, 0, 0][..], &length.to_be_bytes(), &[0]].concat();
        let mut reserved = |length: u32| {
            let mut stream = header(length);
            assert_eq!(decoder.next(&mut &stream[..]), Ok(None));
            let capacity = decoder.message.as_ref().unwrap().capacity();
            stream.resize(length as usize - 1, 0);
            assert!(matches!(decoder.next(&mut &stream[..]), Ok(Some(Incoming::Message(..)))));
            capacity
        };
        assert_eq!(reserved(size), 64 * 1024);
        assert_eq!(reserved(size), size as usize);
        assert_eq!(reserved(size + 1), 64 * 1024);
        // Nothing before the first byte of payload.
        assert_eq!(decoder.next(&mut &header(size)[..10]), Ok(None));
        assert!(decoder.space().is_none());
        assert_eq!(decoder.message.as_ref().unwrap().capacity(), 0);
    }

    #[test]
    fn has_space_only_for_the_payload_of_a_long_uncompressed_frame() {
        let mut decoder = Decoder::new(LIMITS, None);
        assert!(decoder.space().is_none());
        assert_eq!(decoder.next(&mut &b"\x82\x7f\0\0\0\0\0\x08\0\0x"[..]), Ok(None));
        let (payload, most) = decoder.space().unwrap();
        assert!((32 * 1024..=256 * 1024).contains(&most) && payload.capacity() - payload.len() >= most);
        payload.resize(payload.len() + most, 0);
        assert_eq!(decoder.note_read(most), Ok(()));
        // Never a small space while much is missing.
        let (_, most) = decoder.space().unwrap();
        assert!(most >= 32 * 1024, "{most}");
        let rest = vec![0; 0x8_0000 - 40_000];
        assert_eq!(decoder.next(&mut &rest[..rest.len() - 30_000]), Ok(None));
        let mut decoder = Decoder::new(LIMITS, None);
        assert_eq!(decoder.next(&mut &b"\x82\x7e\x7f\xff"[..]), Ok(None));
        assert!(decoder.space().is_none(), "a frame that is nearly here");
        assert_eq!(decoder.next(&mut &b"\x83"[..]), Ok(None));
    }

    #[test]
    fn keeps_nothing_of_an_unfinished_message_after_the_end() {
        let mut decoder = Decoder::new(LIMITS, None);
        assert_eq!(decoder.next(&mut &b"\x02\x03abc"[..]), Ok(None));
        assert!(decoder.message.is_some());
        assert_eq!(decoder.next(&mut &b"\x88\x00"[..]), Ok(Some(Incoming::Close(None))));
        assert!(decoder.message.is_none());
    }
}
