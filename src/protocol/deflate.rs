//! Deflating of messages (RFC 7692 section 7.2.1).
//!
//! Comes in: the payload of whole messages, which is deflated step by step. Goes out: the compressed payload, or nothing
//! if the message is to be sent uncompressed. Does not know frames.

use std::fmt;

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush};

use super::inflate::TAIL;
use crate::extension::{Agreed, Compression};
use crate::sync::Mutex;

/// The smallest window that zlib compresses with; it cannot keep within 8 bits.
const LEAST_BITS: u8 = 9;

/// Bytes of payload that are deflated in one step. That takes some milliseconds, during which all connections wait.
const STEP: usize = 256 * 1024;

/// zlib's parameter for the memory in which it gathers a block. Compared with zlib's default of 8, it saves 36 KiB for each
/// connection, and costs 0.3 % more bytes in messages of 200 KiB and none in messages of 2 KiB.
const MEM_LEVEL: i32 = 6;

/// A stream whose window is not needed any more, for the next message of any connection. If each were freed, blocks of
/// this size would fragment the heap by as much as was to be saved; and to clear a new one takes longer than to deflate a
/// short message.
static SPARE: Mutex<Option<Spare>> = Mutex::new(None);

struct Spare {
    level: u8,
    window_bits: u8,
    stream: Box<Deflate>,
}

/// Deflates the messages of one connection.
pub struct Deflater {
    window_bits: u8,
    takes_over: bool,
    threshold: usize,
    level: u8,
    /// The stream with the window of earlier messages; made for the first message that is compressed.
    stream: Option<Box<Deflate>>,
}

impl Deflater {
    /// Makes a deflater. It allocates when the first message is compressed; if `no_context_takeover` was agreed, it keeps
    /// that memory only while it deflates a message.
    pub fn new(agreed: &Agreed, compression: &Compression) -> Deflater {
        Deflater {
            window_bits: agreed.client_max_window_bits,
            takes_over: !agreed.client_no_context_takeover,
            threshold: compression.threshold,
            level: compression.level,
            stream: None,
        }
    }

    /// Deflates the next [`STEP`] bytes of a message, which begins with `Deflating::default()`. The caller finishes one
    /// message before it begins the next.
    pub fn advance(&mut self, payload: &[u8], mut deflating: Deflating) -> Deflated {
        if payload.len() < self.threshold || self.window_bits < LEAST_BITS {
            return Deflated::Plain;
        }
        if payload.is_empty() {
            // An empty block; flushing a stream a second time would give none (RFC 7692 section 7.2.3.6).
            return Deflated::Whole(vec![0]);
        }
        let stream = self.stream.get_or_insert_with(|| stream(self.level, self.window_bits));
        let advanced = deflating.advance(stream, payload);
        if advanced.is_some() && deflating.taken < payload.len() {
            return Deflated::Part(deflating);
        }
        let compressed = advanced.and_then(|()| deflating.finish());
        // After a failure it is not known what the window holds.
        if compressed.is_none() {
            self.stream = None;
        }
        if !self.takes_over
            && let Some(mut stream) = self.stream.take()
        {
            stream.reset();
            *SPARE.lock() = Some(Spare { level: self.level, window_bits: self.window_bits, stream });
        }
        compressed.map_or(Deflated::Plain, Deflated::Whole)
    }
}

fn stream(level: u8, window_bits: u8) -> Box<Deflate> {
    let spare = SPARE.lock().take();
    match spare {
        Some(spare) if (spare.level, spare.window_bits) == (level, window_bits) => spare.stream,
        _ => {
            // A negative value means a raw stream, without zlib's own header.
            let window_bits = -i32::from(window_bits);
            let level = i32::from(level);
            let config = DeflateConfig { level, window_bits, mem_level: MEM_LEVEL, ..DeflateConfig::default() };
            Box::new(Deflate::new_with_config(config))
        }
    }
}

/// What a step of deflating returns.
pub enum Deflated {
    /// The message is deflated in part; the next step goes on from here.
    Part(Deflating),
    /// The compressed payload of the whole message.
    Whole(Vec<u8>),
    /// The message is to be sent uncompressed: it is below the threshold, or zlib cannot keep within the agreed window.
    Plain,
}

/// How far the deflating of one message has come.
#[derive(Debug, Default)]
pub struct Deflating {
    /// Bytes of payload that are deflated.
    taken: usize,
    out: Vec<u8>,
    /// Bytes of `out` that are filled.
    made: usize,
}

impl Deflating {
    /// Returns the bytes of payload that are deflated.
    pub fn taken(&self) -> usize {
        self.taken
    }

    fn advance(&mut self, stream: &mut Deflate, payload: &[u8]) -> Option<()> {
        let end = payload.len().min(self.taken + STEP);
        let flush = if end == payload.len() { DeflateFlush::SyncFlush } else { DeflateFlush::NoFlush };
        if self.out.is_empty() {
            self.out = vec![0; payload.len() / 2 + 64];
        }
        loop {
            let before = (stream.total_in(), stream.total_out());
            stream.compress(&payload[self.taken..end], &mut self.out[self.made..], flush).ok()?;
            self.taken += (stream.total_in() - before.0) as usize;
            self.made += (stream.total_out() - before.1) as usize;
            // If the output is not full, all input was taken and flushed.
            if self.made < self.out.len() {
                return Some(());
            }
            self.out.resize(2 * self.out.len(), 0);
        }
    }

    /// Removes the tail, which is left out on the wire.
    fn finish(mut self) -> Option<Vec<u8>> {
        self.out.truncate(self.made);
        if !self.out.ends_with(&TAIL) {
            return None;
        }
        self.out.truncate(self.made - TAIL.len());
        self.out.shrink_to_fit();
        Some(self.out)
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Deflater").field("window_bits", &self.window_bits).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extension;

    /// Deflates a whole message; `None` if it is to be sent uncompressed.
    fn deflate(deflater: &mut Deflater, payload: &[u8]) -> Option<Vec<u8>> {
        let mut deflating = Deflating::default();
        loop {
            match deflater.advance(payload, deflating) {
                Deflated::Part(part) => deflating = part,
                Deflated::Whole(compressed) => return Some(compressed),
                Deflated::Plain => return None,
            }
        }
    }

    #[test]
    fn keeps_a_window_after_the_first_compressed_message_only_for_context_takeover() {
        for (answer, held) in [("permessage-deflate", true), ("permessage-deflate; client_no_context_takeover", false)]
        {
            let compression = Compression::default();
            let agreed = extension::agree(Some(&compression), [answer.as_bytes()].into_iter()).unwrap().unwrap();
            let mut deflater = Deflater::new(&agreed, &compression);
            assert!(deflate(&mut deflater, b"short").is_none() && deflater.stream.is_none());
            assert!(deflate(&mut deflater, &[7; 1000]).is_some());
            assert_eq!(deflater.stream.is_some(), held, "{answer}");
        }
    }

    fn with_takeover(client_max_window_bits: u8) -> Agreed {
        Agreed {
            client_no_context_takeover: false,
            server_no_context_takeover: false,
            client_max_window_bits,
            server_max_window_bits: 15,
            answer: String::new(),
        }
    }

    fn without_takeover(client_max_window_bits: u8) -> Agreed {
        Agreed { client_no_context_takeover: true, ..with_takeover(client_max_window_bits) }
    }

    fn deflater(agreed: &Agreed, level: u8) -> Deflater {
        Deflater::new(agreed, &Compression { threshold: 0, level, ..Compression::default() })
    }

    #[test]
    fn compresses_each_message_by_itself_as_if_it_were_the_first() {
        let payload = |length: usize| (0..length).map(|at| ((at * at) >> 7) as u8).collect::<Vec<_>>();
        // One level for each of zlib's algorithms.
        for level in [1, 2, 6, 9] {
            for bits in [15, 9, 15] {
                let (mut one, mut other) =
                    (deflater(&without_takeover(bits), level), deflater(&without_takeover(bits), level));
                for length in [300, 299, 1, 70_000, 300] {
                    let first = deflate(&mut deflater(&with_takeover(bits), level), &payload(length));
                    assert_eq!(
                        deflate(&mut one, &payload(length)),
                        first,
                        "level {level}, {bits} bits, {length} bytes"
                    );
                    assert_eq!(
                        deflate(&mut other, &payload(length)),
                        first,
                        "level {level}, {bits} bits, {length} bytes"
                    );
                }
            }
        }
    }
}
