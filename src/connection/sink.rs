//! Where the events of one connection go: the queue of its Lua state.
//!
//! Comes in: events, in order. Goes out: queue items, charged to the connection's budget, and exactly one end, which
//! comes last and also where the connection's task panics.

use std::sync::Arc;

use super::closing::end_of_failure;
use super::shared::Connection;
use crate::batch::Batch;
use crate::error::{ErrorCode, Failure};
use crate::event::{End, Event};
use crate::log::Log;
use crate::queue::{self, Charge, ConnectionId, Item, Queue};

/// Delivers the events of one connection.
pub struct EventSink {
    id: ConnectionId,
    queue: Arc<Queue>,
    /// Where what it does is noted.
    pub log: Log,
    /// The connection whose events these are.
    pub connection: Arc<Connection>,
    ended: bool,
}

impl EventSink {
    /// Makes the sink of the connection `id` of the Lua state that `queue` belongs to.
    pub fn new(id: ConnectionId, queue: Arc<Queue>, connection: Arc<Connection>) -> EventSink {
        let log = Log::new(&queue, id);
        EventSink { id, queue, log, connection, ended: false }
    }

    /// Makes an item of an event that is charged to the budget.
    pub fn charged(&self, event: Event) -> Item {
        let charge = self.connection.budget.charge(queue::cost(event.payload_len()));
        Item::Event(self.id, event, charge)
    }

    /// Makes an item of messages whose costs are `cost` in all.
    pub fn charged_batch(&self, messages: Batch, cost: usize) -> Item {
        Item::Messages(self.id, messages, self.connection.budget.charge(cost))
    }

    /// Delivers items in their order.
    pub fn deliver(&self, items: impl IntoIterator<Item = Item>) {
        self.queue.push(items);
    }

    /// Delivers the end; nothing may follow it.
    pub fn deliver_end(&mut self, end: End) {
        note_end(&self.log, &end);
        self.ended = true;
        self.connection.outbox.end();
        self.deliver([Item::Event(self.id, Event::End(Box::new(end)), Charge::none())]);
    }
}

impl Drop for EventSink {
    fn drop(&mut self) {
        if !self.ended {
            let failure = Failure::new(ErrorCode::Internal, "internal error: the connection's task ended early");
            self.deliver_end(end_of_failure(failure));
        }
    }
}

fn note_end(log: &Log, end: &End) {
    let by = end.by.as_str();
    match (end.error, &*end.text) {
        (Some(error), text) => log.warning(|| format!("failed ({}): {text}", error.as_str())),
        (None, "") => log.info(|| format!("ended by {by} with {}", end.code)),
        (None, text) => log.warning(|| format!("ended by {by} with {}: {text}", end.code)),
    }
}
