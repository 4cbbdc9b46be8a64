//! Blocks of encoded frames with payloads that differ, so that a flood costs the server nothing but writing.
//!
//! Comes in: a size. Goes out: writes of up to a mebibyte.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::frames::{TEXT, append};
use crate::payload;

/// About how large a block is: it should stay in the processor's cache.
const BLOCK: usize = 1 << 20;

/// Frames of one size side by side.
pub struct Block {
    bytes: Vec<u8>,
    frame: usize,
}

impl Block {
    /// Writes `count` frames, from the first of the block on, again and again.
    ///
    /// # Errors
    /// The stream fails.
    pub fn write(&self, stream: &mut impl Write, count: usize) -> io::Result<()> {
        let mut left = count * self.frame;
        while left > 0 {
            let part = left.min(self.bytes.len());
            stream.write_all(&self.bytes[..part])?;
            left -= part;
        }
        Ok(())
    }

    /// Returns `count` frames, beginning with the frame of number `from`; both are taken modulo the block.
    pub fn frames(&self, from: usize, count: usize) -> &[u8] {
        let all = self.bytes.len() / self.frame;
        let first = from % (all - count);
        &self.bytes[first * self.frame..(first + count) * self.frame]
    }
}

/// Returns the block for payloads of a size, made once.
pub fn of_size(size: usize) -> Arc<Block> {
    static BLOCKS: Mutex<Option<HashMap<usize, Arc<Block>>>> = Mutex::new(None);
    let mut blocks = BLOCKS.lock().unwrap_or_else(PoisonError::into_inner);
    let blocks = blocks.get_or_insert_default();
    Arc::clone(blocks.entry(size).or_insert_with(|| Arc::new(make(size))))
}

fn make(size: usize) -> Block {
    let mut bytes = Vec::new();
    for number in 0..(BLOCK / size.max(1)).max(2) {
        append(&mut bytes, TEXT, payload::text(size, number).as_bytes());
    }
    let frame = bytes.len() / (BLOCK / size.max(1)).max(2);
    Block { bytes, frame }
}
