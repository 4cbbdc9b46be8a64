//! Inflating of compressed messages (RFC 7692 section 7.2.2), as their bytes arrive.
//!
//! Comes in: the payload of compressed messages, cut anywhere, and the end of each. Goes out: the inflated payload in
//! pieces of at most [`PIECE`] bytes, so that the caller can stop at any limit. Keeps no message.

use std::fmt;

use zlib_rs::{Inflate, InflateFlush, Status};

use super::violation::Violation;
use crate::extension::{self, Agreed};
use crate::sync::Mutex;

/// The size of a piece, in bytes; one buffer of this size is shared by all connections.
const PIECE: usize = 16 * 1024;

/// The largest window, with which a stream that was compressed with a smaller one can be inflated, too. zlib-rs allocates
/// this size in any case.
const WINDOW_BITS: u8 = *extension::WINDOW_BITS.end();

/// The end of every compressed message, which is left out on the wire (RFC 7692 section 7.2.1).
pub(super) const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Where pieces are inflated to; made with the first of them. One thread at a time inflates, so none waits for it.
static SCRATCH: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// A stream whose window is not needed any more, for the next message of any connection; `deflate` explains why.
static SPARE: Mutex<Option<Box<Inflate>>> = Mutex::new(None);

/// Inflates the messages of one connection.
pub struct Inflater {
    takes_over: bool,
    /// The stream with the window of earlier messages; made when the first byte arrives.
    stream: Option<Box<Inflate>>,
    /// Whether bytes of the message have arrived after the last final block.
    in_blocks: bool,
}

impl Inflater {
    /// Makes an inflater. It allocates when the first compressed message arrives; if `no_context_takeover` was agreed, it
    /// keeps that memory only to the end of each message.
    pub fn new(agreed: &Agreed) -> Inflater {
        Inflater { takes_over: !agreed.server_no_context_takeover, stream: None, in_blocks: false }
    }

    /// Inflates bytes of a message, and passes the result to `take`, piece by piece.
    ///
    /// # Errors
    /// Bytes that are not DEFLATE (RFC 1951), or the error of `take`; then the connection is over.
    pub(super) fn inflate(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        let mut scratch = SCRATCH.lock();
        scratch.resize(PIECE, 0);
        while !bytes.is_empty() || self.in_blocks {
            self.in_blocks = true;
            let stream = self.stream.get_or_insert_with(stream);
            let before = (stream.total_in(), stream.total_out());
            let result = stream.decompress(bytes, &mut scratch, InflateFlush::SyncFlush);
            let taken = (stream.total_in() - before.0) as usize;
            let made = (stream.total_out() - before.1) as usize;
            bytes = &bytes[taken..];
            // The output before corrupt bytes is checked first, as it would be if the two had come apart.
            if made > 0 {
                take(&scratch[..made])?;
            }
            let status = result.map_err(|error| Violation::corrupt_deflate(error.as_str()))?;
            if status == Status::StreamEnd {
                // A final block is legal (RFC 7692 section 7.2.3.4). It ends the peer's stream, so the inflater is
                // reset.
                stream.reset(false);
                self.in_blocks = false;
            } else if bytes.is_empty() && made < scratch.len() {
                break; // If the scratch is full, there may be more output.
            } else if taken == 0 && made == 0 {
                return Err(Violation::corrupt_deflate("no progress"));
            }
        }
        Ok(())
    }

    /// Ends a message: the tail that was left out on the wire is inflated, and must produce no output.
    ///
    /// # Errors
    /// A message that ends in the middle of a block.
    pub(super) fn finish(&mut self) -> Result<(), Violation> {
        // Not after a final block, which has ended the stream, nor for a message of no byte at all, which some peers send
        // as an empty message.
        if self.in_blocks {
            self.inflate(&TAIL, |_| Err(Violation::corrupt_deflate("the message ends inside a block")))?;
            self.in_blocks = false;
        }
        if !self.takes_over
            && let Some(mut stream) = self.stream.take()
        {
            stream.reset(false);
            *SPARE.lock() = Some(stream);
        }
        Ok(())
    }
}

fn stream() -> Box<Inflate> {
    SPARE.lock().take().unwrap_or_else(|| Box::new(Inflate::new(false, WINDOW_BITS)))
}

impl fmt::Debug for Inflater {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Inflater").field("takes_over", &self.takes_over).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extension::Compression;

    #[test]
    fn keeps_a_window_after_the_first_compressed_message_only_for_context_takeover() {
        const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        for (answer, held) in [("permessage-deflate", true), ("permessage-deflate; server_no_context_takeover", false)]
        {
            let agreed = extension::agree(Some(&Compression::default()), [answer.as_bytes()].into_iter());
            let mut inflater = Inflater::new(&agreed.unwrap().unwrap());
            assert!(inflater.stream.is_none());
            inflater.inflate(&HELLO, |_| Ok(())).unwrap();
            assert!(inflater.stream.is_some());
            inflater.finish().unwrap();
            assert_eq!(inflater.stream.is_some(), held, "{answer}");
        }
    }
}
