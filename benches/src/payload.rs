//! The payloads of the benchmarks: ASCII text, and no two that follow each other alike.
//!
//! Comes in: a size and a number. Goes out: text of that size, the same in every run. Lua keeps one copy of equal short
//! strings, so equal payloads would measure something else.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// How many different messages a client sends in turn.
pub const DIFFERENT: usize = 1000;

/// Returns the text of a size and a number: the number, a space, and letters that depend on it.
pub fn text(size: usize, number: usize) -> String {
    let mut text = format!("{number} ");
    let mut state = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while text.len() < size {
        // Marsaglia's xorshift; any generator will do, as long as it is the same in every run.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push(char::from(LETTERS[(state >> 58) as usize]));
    }
    text.truncate(size);
    text
}

/// Returns the messages that a client sends in turn: fewer if they are large, because they only have to differ.
pub fn texts(size: usize) -> Vec<String> {
    let count = (DIFFERENT * 64 / size.max(64)).max(2);
    (0..count).map(|number| text(size, number)).collect()
}
