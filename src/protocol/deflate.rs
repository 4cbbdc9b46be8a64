//! Deflating of messages (RFC 7692 section 7.2.1).
//!
//! Comes in: the payload of whole messages. Goes out: the payload of compressed ones, or nothing, where a message is to
//! go as it is. Does not know frames.

use std::cell::Cell;
use std::fmt;

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush};

use super::inflate::TAIL;
use crate::extension::{Agreed, Compression};

/// The smallest window that zlib compresses with; it cannot keep within 8 bits.
const LEAST_BITS: u8 = 9;

/// zlib's name for the room in which a block is gathered. 36 KiB less for each connection than its default of 8, for
/// 0.3 % more bytes in messages of 200 KiB and none in those of 2.
const MEM_LEVEL: i32 = 6;

thread_local! {
    /// Left by the last message that was compressed by itself, for the next one of any connection. To make a stream for
    /// each took a third longer at 200 bytes, and left holes in glibc's heap: 300 KiB for each connection.
    static SPARE: Cell<Option<Box<Stream>>> = const { Cell::new(None) };
}

/// Deflates the messages of one connection.
pub struct Deflater {
    window_bits: u8,
    takes_over: bool,
    threshold: usize,
    level: u8,
    /// The window of earlier messages, made with the first that is compressed.
    stream: Option<Box<Stream>>,
}

/// A stream, and what it was made for.
struct Stream {
    level: u8,
    window_bits: u8,
    deflate: Deflate,
}

impl Deflater {
    /// Makes a deflater; it takes memory from the first compressed message on, and none where context takeover was agreed
    /// against.
    pub fn new(agreed: &Agreed, compression: &Compression) -> Deflater {
        Deflater {
            window_bits: agreed.client_max_window_bits,
            takes_over: !agreed.client_no_context_takeover,
            threshold: compression.threshold,
            level: compression.level,
            stream: None,
        }
    }

    /// Returns the payload compressed; `None` where it goes as it is: it is below the threshold, or zlib cannot keep
    /// within the window that was agreed.
    pub fn deflate(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        if payload.len() < self.threshold || self.window_bits < LEAST_BITS {
            return None;
        }
        if payload.is_empty() {
            // An empty block; flushing a stream a second time would give none (RFC 7692 section 7.2.3.6).
            return Some(vec![0]);
        }
        let mut stream = self.stream.take().unwrap_or_else(|| self.new_stream());
        let compressed = run(&mut stream.deflate, payload)?; // Where it fails, what its window holds is not known any more.
        if self.takes_over {
            self.stream = Some(stream);
        } else {
            SPARE.set(Some(stream));
        }
        Some(compressed)
    }

    fn new_stream(&self) -> Box<Stream> {
        let (level, window_bits) = (self.level, self.window_bits);
        if !self.takes_over
            && let Some(mut spare) = SPARE.take()
            && (spare.level, spare.window_bits) == (level, window_bits)
        {
            spare.deflate.reset();
            return spare;
        }
        let config = DeflateConfig {
            level: level.into(),
            window_bits: -i32::from(window_bits), // Below zero: without the header of zlib's own format.
            mem_level: MEM_LEVEL,
            ..DeflateConfig::default()
        };
        Box::new(Stream { level, window_bits, deflate: Deflate::new_with_config(config) })
    }
}

/// Compresses to the end of `payload`, and leaves out the tail.
fn run(stream: &mut Deflate, payload: &[u8]) -> Option<Vec<u8>> {
    let (start_in, start_out) = (stream.total_in(), stream.total_out());
    let mut out = vec![0; payload.len() / 2 + 64];
    loop {
        let taken = (stream.total_in() - start_in) as usize;
        let made = (stream.total_out() - start_out) as usize;
        stream.compress(&payload[taken..], &mut out[made..], DeflateFlush::SyncFlush).ok()?;
        let made = (stream.total_out() - start_out) as usize;
        // Room that is left says that all is flushed.
        if made < out.len() {
            out.truncate(made);
            break;
        }
        out.resize(2 * out.len(), 0);
    }
    if !out.ends_with(&TAIL) {
        return None;
    }
    out.truncate(out.len() - TAIL.len());
    out.shrink_to_fit();
    Some(out)
}

impl fmt::Debug for Deflater {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Deflater").field("window_bits", &self.window_bits).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deflater(client_no_context_takeover: bool, client_max_window_bits: u8, level: u8) -> Deflater {
        let agreed = Agreed {
            client_no_context_takeover,
            server_no_context_takeover: false,
            client_max_window_bits,
            server_max_window_bits: 15,
            answer: String::new(),
        };
        Deflater::new(&agreed, &Compression { threshold: 0, level, ..Compression::default() })
    }

    #[test]
    fn compresses_each_message_by_itself_as_if_it_were_the_first() {
        let payload = |length: usize| (0..length).map(|at| ((at * at) >> 7) as u8).collect::<Vec<_>>();
        // One level of each of zlib's ways.
        for level in [1, 2, 6, 9] {
            for bits in [15, 9, 15] {
                let (mut one, mut other) = (deflater(true, bits, level), deflater(true, bits, level));
                for length in [300, 299, 1, 70_000, 300] {
                    let first = deflater(false, bits, level).deflate(&payload(length));
                    assert_eq!(one.deflate(&payload(length)), first, "level {level}, {bits} bits, {length} bytes");
                    assert_eq!(other.deflate(&payload(length)), first, "level {level}, {bits} bits, {length} bytes");
                }
            }
        }
    }

    #[test]
    fn keeps_no_stream_of_a_connection_without_context_takeover() {
        let mut alone = deflater(true, 15, 6);
        alone.deflate(b"a message");
        assert!(alone.stream.is_none());
    }
}
