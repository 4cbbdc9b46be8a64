//! One message that arrives in pieces: in several fragments, or in one frame that takes several reads.
//!
//! Comes in: what each frame's header declares, then its payload as it arrives, or what that inflates to. Goes out: the
//! payload of the whole message, or the violation. Its buffer grows with the bytes that have arrived. What the peer
//! declares reserves at most 64 KiB, or as much as the last message had.

use super::frame::Coding;
use super::utf8::Validator;
use super::violation::Violation;
use crate::event::Kind;

/// How much one message may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest message to accept, in bytes.
    pub max_message_size: usize,
    /// The most frames that one message may come in; at least 1.
    pub max_fragments: usize,
}

/// The most memory that a declared length may commit ahead of its bytes, unless the message before was larger.
const AHEAD: usize = 64 * 1024;

/// The fewest bytes that are read in place at once, unless fewer are missing, and the most, so that other connections
/// have their turn.
const LEAST_SPACE: usize = 32 * 1024;
const READ_MOST: usize = 256 * 1024;

/// A frame whose payload is arriving.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenFrame {
    /// Bytes of payload still to come.
    pub(super) remaining: usize,
    /// The frame is the last one of its message.
    pub(super) fin: bool,
}

/// A message that is not whole yet.
#[derive(Debug)]
pub(super) struct Assembly {
    kind: Kind,
    coding: Coding,
    expected: usize,
    payload: Vec<u8>,
    utf8: Validator,
    frames: usize,
}

impl Assembly {
    /// Starts an empty message.
    ///
    /// `expected`: the size of the last message, all of whose bytes the peer has sent. Memory for a frame of up to this
    /// size is reserved at once.
    pub(super) fn new(kind: Kind, coding: Coding, expected: usize) -> Assembly {
        Assembly { kind, coding, expected, payload: Vec::new(), utf8: Validator::default(), frames: 0 }
    }

    /// Returns the kind that the first frame gave.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Tells whether no payload has arrived.
    pub(super) fn is_empty(&self) -> bool {
        self.payload.is_empty()
    }

    /// Returns how its payload is coded on the wire.
    pub(super) fn coding(&self) -> Coding {
        self.coding
    }

    /// Counts a frame when its header is read, before its payload, and returns the bytes of payload to expect.
    ///
    /// # Errors
    /// The message would be over a limit. The size of a compressed message is checked while it is inflated.
    pub(super) fn add_frame(&mut self, length: u64, limits: &Limits) -> Result<usize, Violation> {
        if self.frames >= limits.max_fragments {
            return Err(Violation::too_many_fragments(limits.max_fragments));
        }
        self.frames += 1;
        let allowed = limits.max_message_size.saturating_sub(self.payload.len());
        match usize::try_from(length) {
            Ok(length) if length <= allowed || self.coding == Coding::Deflated => Ok(length),
            _ => Err(Violation::message_too_big(
                length.saturating_add(self.payload.len() as u64),
                limits.max_message_size,
            )),
        }
    }

    /// Appends payload of `frame` that has arrived; `frame.remaining` still counts these bytes.
    ///
    /// # Errors
    /// Text that is not UTF-8, at its first bad byte.
    pub(super) fn append(&mut self, bytes: &[u8], frame: OpenFrame, limits: &Limits) -> Result<(), Violation> {
        check(self.kind, &mut self.utf8, bytes)?;
        self.grow(bytes.len(), frame, limits);
        self.payload.extend_from_slice(bytes);
        Ok(())
    }

    /// Returns the buffer to whose end payload of `frame` can be read without a copy, and the most bytes to read.
    pub(super) fn space(&mut self, frame: OpenFrame, limits: &Limits) -> (&mut Vec<u8>, usize) {
        if self.payload.capacity() - self.payload.len() < frame.remaining.min(LEAST_SPACE) {
            self.grow(frame.remaining.min(AHEAD), frame, limits);
        }
        let space = (self.payload.capacity() - self.payload.len()).min(frame.remaining).min(READ_MOST);
        (&mut self.payload, space)
    }

    /// Takes notice of `read` bytes that were read into the [`space`](Assembly::space).
    ///
    /// # Errors
    /// As [`Assembly::append`].
    pub(super) fn note_read(&mut self, read: usize) -> Result<(), Violation> {
        check(self.kind, &mut self.utf8, &self.payload[self.payload.len() - read..])
    }

    /// Reserves capacity for `more` bytes of `frame`.
    fn grow(&mut self, more: usize, frame: OpenFrame, limits: &Limits) {
        let frame_end = self.payload.len() + frame.remaining;
        let needed = self.payload.len() + more;
        // If the end of the frame is near, the buffer grows to it at once.
        let ahead = self.expected.max(AHEAD);
        let least = if frame.remaining <= ahead { frame_end } else { needed.max(AHEAD) };
        let most = if frame.fin { frame_end } else { limits.max_message_size };
        self.reserve(more, least, most);
    }

    /// Appends what payload of a compressed message has inflated to.
    ///
    /// # Errors
    /// As [`Assembly::append`]; also a message that inflates to more than the limit.
    pub(super) fn append_inflated(&mut self, bytes: &[u8], limits: &Limits) -> Result<(), Violation> {
        let allowed = limits.max_message_size.saturating_sub(self.payload.len());
        if bytes.len() > allowed {
            // The bytes up to the limit are checked first, as they would be if they had come alone.
            check(self.kind, &mut self.utf8, &bytes[..allowed])?;
            return Err(Violation::inflated_too_big(limits.max_message_size));
        }
        check(self.kind, &mut self.utf8, bytes)?;
        self.reserve(bytes.len(), self.payload.len() + bytes.len(), limits.max_message_size);
        self.payload.extend_from_slice(bytes);
        Ok(())
    }

    /// Returns the payload of the message, which has arrived whole.
    ///
    /// # Errors
    /// Text that ends inside a character.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, Violation> {
        self.utf8.finish().map_err(Violation::text_not_utf8)?;
        // The queue counts a message by its length, so it must not carry spare capacity.
        self.payload.shrink_to_fit();
        Ok(self.payload)
    }

    /// Reserves capacity for `more` bytes. The buffer grows by doubling, so that the work stays linear in the size of
    /// the message; to `least` bytes or more, but never over `most`, the largest size that the message can still reach.
    fn reserve(&mut self, more: usize, least: usize, most: usize) {
        if self.payload.len() + more > self.payload.capacity() {
            let capacity = self.payload.capacity().saturating_mul(2).max(least).min(most);
            self.payload.reserve_exact(capacity - self.payload.len());
        }
    }
}

fn check(kind: Kind, utf8: &mut Validator, bytes: &[u8]) -> Result<(), Violation> {
    if kind == Kind::Text { utf8.feed(bytes).map_err(Violation::text_not_utf8) } else { Ok(()) }
}

#[cfg(test)]
impl Assembly {
    pub(super) fn capacity(&self) -> usize {
        self.payload.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    /// Feeds one frame in pieces, and returns the capacities that the buffer had in turn.
    fn feed(assembly: &mut Assembly, frame: OpenFrame, piece: usize, limits: &Limits) -> Vec<usize> {
        let OpenFrame { remaining: length, fin } = frame;
        let mut remaining = assembly.add_frame(length as u64, limits).unwrap();
        let mut capacities = vec![assembly.payload.capacity()];
        while remaining > 0 {
            let bytes = vec![b'x'; piece.min(remaining)];
            assembly.append(&bytes, OpenFrame { remaining, fin }, limits).unwrap();
            remaining -= bytes.len();
            capacities.push(assembly.payload.capacity());
        }
        capacities.dedup();
        capacities
    }

    #[test]
    fn commits_at_most_64_kib_ahead_of_the_bytes_of_a_large_frame() {
        let limits = Limits { max_message_size: 16 * MIB, max_fragments: 1 };
        let mut assembly = Assembly::new(Kind::Text, Coding::Plain, 0);
        let remaining = assembly.add_frame(16 * MIB as u64, &limits).unwrap();
        assert_eq!(assembly.payload.capacity(), 0);
        assembly.append(b"x", OpenFrame { remaining, fin: true }, &limits).unwrap();
        assert!(assembly.payload.capacity() <= AHEAD);
    }

    #[test]
    fn grows_by_doubling_and_ends_at_the_exact_size_of_a_large_frame() {
        let limits = Limits { max_message_size: 64 * MIB, max_fragments: 1 };
        let mut assembly = Assembly::new(Kind::Text, Coding::Plain, 0);
        let capacities = feed(&mut assembly, OpenFrame { remaining: 10 * MIB + 1, fin: true }, 1000, &limits);
        assert!(capacities.len() <= 10, "{capacities:?}");
        assert_eq!(assembly.finish().unwrap().capacity(), 10 * MIB + 1);
    }

    #[test]
    fn reserves_a_short_frame_once() {
        let limits = Limits { max_message_size: MIB, max_fragments: 1 };
        let mut assembly = Assembly::new(Kind::Text, Coding::Plain, 0);
        assert_eq!(feed(&mut assembly, OpenFrame { remaining: AHEAD, fin: true }, 1, &limits), [0, AHEAD]);
    }

    #[test]
    fn grows_by_doubling_over_small_fragments_and_never_past_the_limit() {
        let limits = Limits { max_message_size: 3 * MIB + 5, max_fragments: usize::MAX };
        let mut assembly = Assembly::new(Kind::Binary, Coding::Plain, 0);
        let mut capacities = vec![0];
        while assembly.payload.len() < limits.max_message_size {
            let length = 64.min(limits.max_message_size - assembly.payload.len());
            capacities.extend(feed(&mut assembly, OpenFrame { remaining: length, fin: false }, length, &limits));
        }
        capacities.dedup();
        assert!(capacities.len() < 20, "{capacities:?}");
        assert_eq!(capacities.last(), Some(&limits.max_message_size));
    }

    #[test]
    fn releases_the_spare_capacity_of_a_fragmented_message() {
        let limits = Limits { max_message_size: MIB, max_fragments: 10 };
        let mut assembly = Assembly::new(Kind::Binary, Coding::Plain, 0);
        feed(&mut assembly, OpenFrame { remaining: 3000, fin: false }, 3000, &limits);
        feed(&mut assembly, OpenFrame { remaining: 100, fin: false }, 100, &limits);
        feed(&mut assembly, OpenFrame { remaining: 1, fin: true }, 1, &limits);
        assert!(assembly.payload.capacity() > 5000);
        let payload = assembly.finish().unwrap();
        assert_eq!((payload.len(), payload.capacity()), (3101, 3101));
    }

    #[test]
    fn refuses_a_frame_over_a_limit_when_its_header_is_read() {
        let limits = Limits { max_message_size: 100, max_fragments: 2 };
        let mut assembly = Assembly::new(Kind::Binary, Coding::Plain, 0);
        feed(&mut assembly, OpenFrame { remaining: 60, fin: false }, 60, &limits);
        let violation = assembly.add_frame(41, &limits).unwrap_err();
        assert_eq!(violation.text, "message too big: 101 bytes, limit 100");
        assert_eq!(assembly.add_frame(0, &limits).unwrap_err().text, "message in too many fragments: limit 2");
    }
}
