//! What one read has brought, on its way to the queue: whole messages share a buffer, all else is an item of its own.
//!
//! Comes in: messages and events in their order. Goes out: items for the sink, charged to the connection's budget.

use std::mem;

use super::sink::EventSink;
use crate::batch::Batch;
use crate::event::{Event, Kind};
use crate::queue::{self, Item};

/// What has arrived and is not delivered.
#[derive(Default)]
pub struct Arrivals {
    items: Vec<Item>,
    /// The messages after the last of the items, and their cost.
    batch: Batch,
    cost: usize,
    /// Bytes of payload so far.
    pub payload: usize,
}

impl Arrivals {
    /// Adds a message. `rest`: the bytes of input that follow it, of which more messages may be made.
    pub fn add_message(&mut self, kind: Kind, payload: &[u8], rest: usize) {
        if self.batch.is_empty() {
            // Messages that follow each other are often of one size; a header takes two bytes or more.
            self.batch = Batch::with_capacity(payload.len() + rest, 1 + rest / (payload.len() + 2));
        }
        self.batch.push(kind, payload);
        self.cost += queue::cost(payload.len());
        self.payload += payload.len();
    }

    /// Adds an event; `payload`: the bytes of a message's payload.
    pub fn add_event(&mut self, event: Event, payload: usize, sink: &EventSink) {
        self.charge(sink);
        self.items.push(sink.charged(event));
        self.payload += payload;
    }

    /// Charges all that is not charged yet.
    pub fn charge(&mut self, sink: &EventSink) {
        let item = self.take_batch(sink);
        self.items.extend(item);
    }

    /// Delivers everything; returns the bytes of payload.
    pub fn deliver(mut self, sink: &EventSink) -> usize {
        let last = self.take_batch(sink);
        if last.is_some() || !self.items.is_empty() {
            sink.deliver(self.items.into_iter().chain(last));
        }
        self.payload
    }

    fn take_batch(&mut self, sink: &EventSink) -> Option<Item> {
        if self.batch.is_empty() {
            return None;
        }
        let mut batch = mem::take(&mut self.batch);
        batch.shrink();
        Some(sink.charged_batch(batch, mem::take(&mut self.cost)))
    }
}
