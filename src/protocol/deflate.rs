//! Deflating of messages (RFC 7692 section 7.2.1).
//!
//! Comes in: the payload of whole messages. Goes out: the payload of compressed ones, or nothing, where a message is to
//! go as it is. Does not know frames.

use std::fmt;

use zlib_rs::{Deflate, DeflateFlush};

use super::inflate::TAIL;
use crate::extension::{Agreed, Compression};

/// The smallest window that zlib compresses with; it cannot keep within 8 bits.
const LEAST_BITS: u8 = 9;

/// Deflates the messages of one connection.
pub struct Deflater {
    window_bits: u8,
    takes_over: bool,
    threshold: usize,
    level: u8,
    /// The window of earlier messages, made with the first that is compressed.
    stream: Option<Box<Deflate>>,
}

impl Deflater {
    /// Makes a deflater; it takes memory from the first compressed message on, and where context takeover was agreed
    /// against, no longer than for each.
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
        let stream =
            self.stream.get_or_insert_with(|| Box::new(Deflate::new(i32::from(self.level), false, self.window_bits)));
        let compressed = run(stream, payload);
        // Where it failed, what its window holds is not known any more.
        if compressed.is_none() || !self.takes_over {
            self.stream = None;
        }
        compressed
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
