//! Large byte buffers that are used again, because it costs more to get memory from the system than to fill it.
//!
//! Comes in: buffers that nobody needs any more. Goes out: the same, empty. A few are kept for the whole process, so
//! that a flow of messages needs no new memory, and an idle connection holds none. No thread ever waits here.

use crate::sync::Mutex;

/// How many buffers are kept.
const KEPT: usize = 4;

/// The capacities, in bytes, that are kept. To make a smaller buffer is cheap, and a larger one is rare.
const SMALLEST: usize = 16 * 1024;
const LARGEST: usize = 128 * 1024;

static SPARE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// Returns an empty buffer for `capacity` bytes or more.
pub fn take(capacity: usize) -> Vec<u8> {
    let fits = |buffer: &Vec<u8>| (capacity..=2 * capacity).contains(&buffer.capacity());
    let spare = if (SMALLEST..=LARGEST).contains(&capacity) { SPARE.try_lock() } else { None };
    spare
        .and_then(|mut spare| spare.iter().rposition(fits).map(|index| spare.swap_remove(index)))
        .unwrap_or_else(|| Vec::with_capacity(capacity))
}

/// Keeps a buffer for [`take`], or drops it.
pub fn give_back(mut buffer: Vec<u8>) {
    if !(SMALLEST..=LARGEST).contains(&buffer.capacity()) {
        return;
    }
    buffer.clear();
    if let Some(mut spare) = SPARE.try_lock()
        && spare.len() < KEPT
    {
        spare.push(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_out_empty_buffers_of_the_capacity_that_is_asked_for() {
        for capacity in [0, 1, SMALLEST, 70_000, LARGEST, 3 * LARGEST] {
            let mut buffer = take(capacity);
            assert!(buffer.is_empty() && (capacity..=2 * capacity).contains(&buffer.capacity()));
            buffer.push(1);
            give_back(buffer);
        }
    }

    #[test]
    fn keeps_few_buffers_of_middle_sizes() {
        for _ in 0..10 {
            for capacity in [1, SMALLEST, LARGEST, LARGEST + 1] {
                give_back(Vec::with_capacity(capacity));
            }
        }
        let spare = SPARE.lock();
        assert!(spare.len() <= KEPT);
        assert!(spare.iter().all(|buffer| (SMALLEST..=LARGEST).contains(&buffer.capacity())));
    }
}
