//! Messages of one connection that arrived together: their payloads side by side in one buffer.
//!
//! So a message costs no allocation of its own on its way to the script.

use std::mem;

use crate::buffers;
use crate::event::Kind;

/// The most messages for which memory is reserved before they are there.
const MOST_EXPECTED: usize = 1024;

/// Whole messages in the order of their arrival.
#[derive(Debug, Default)]
pub struct Batch {
    payloads: Vec<u8>,
    /// The kind of each message, and where its payload ends.
    messages: Vec<(Kind, usize)>,
    /// The index of the first message that is left, and where its payload begins.
    first: usize,
    start: usize,
}

impl Batch {
    /// Makes an empty batch for up to `bytes` of payload, in about `messages` messages.
    pub fn with_capacity(bytes: usize, messages: usize) -> Batch {
        let messages = Vec::with_capacity(messages.min(MOST_EXPECTED));
        Batch { payloads: buffers::take(bytes), messages, first: 0, start: 0 }
    }

    /// Makes a batch of one message. The payload of a text is valid UTF-8.
    pub fn of_one(kind: Kind, payload: Vec<u8>) -> Batch {
        Batch { messages: vec![(kind, payload.len())], payloads: payload, first: 0, start: 0 }
    }

    /// Appends a message. The payload of a text is valid UTF-8.
    pub fn push(&mut self, kind: Kind, payload: &[u8]) {
        self.payloads.extend_from_slice(payload);
        self.messages.push((kind, self.payloads.len()));
    }

    /// Returns the first message.
    pub fn front(&self) -> Option<(Kind, &[u8])> {
        let (kind, end) = *self.messages.get(self.first)?;
        Some((kind, self.payloads.get(self.start..end)?))
    }

    /// Removes the first message; returns the length of its payload.
    pub fn pop(&mut self) -> usize {
        let Some((_, end)) = self.messages.get(self.first) else { return 0 };
        self.first += 1;
        end - mem::replace(&mut self.start, *end)
    }

    /// Returns how many messages are left.
    pub fn len(&self) -> usize {
        self.messages.len() - self.first
    }

    /// Returns the bytes of payload that are left.
    pub fn payload_len(&self) -> usize {
        self.payloads.len() - self.start
    }

    /// Tells whether no message is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives back unused memory, if it is more than the messages need.
    pub fn shrink(&mut self) {
        if self.payloads.capacity() > 2 * self.payloads.len() {
            let exact = self.payloads.as_slice().to_vec();
            buffers::give_back(mem::replace(&mut self.payloads, exact));
        }
        if self.messages.capacity() > 2 * self.messages.len() {
            self.messages.shrink_to_fit();
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        buffers::give_back(mem::take(&mut self.payloads));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_messages_back_in_their_order() {
        let mut batch = Batch::with_capacity(16, 1);
        let messages = [(Kind::Text, &b"one"[..]), (Kind::Binary, b""), (Kind::Binary, b"\xff\x00"), (Kind::Text, b"")];
        for (kind, payload) in messages {
            batch.push(kind, payload);
        }
        batch.shrink();
        for (left, message) in messages.into_iter().enumerate().map(|(taken, message)| (4 - taken, message)) {
            assert_eq!((batch.len(), batch.front()), (left, Some(message)));
            assert_eq!(batch.pop(), message.1.len());
        }
        assert!(batch.is_empty() && batch.front().is_none());
    }

    #[test]
    fn keeps_no_more_memory_than_twice_its_payload() {
        let mut batch = Batch::with_capacity(65_536, usize::MAX);
        assert!(batch.messages.capacity() <= 2 * MOST_EXPECTED);
        batch.push(Kind::Text, b"short");
        batch.shrink();
        assert!(batch.payloads.capacity() <= 10 && batch.messages.capacity() <= 2);
    }
}
