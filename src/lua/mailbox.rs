//! The messages of one connection that wait for `ws:receive`.
//!
//! Comes in: messages with what is charged for them, as they are dispatched. Goes out: one message after another. They
//! stay charged to the connection's budget until the script takes them, so a script that does not receive stops the
//! peer by TCP. Knows nothing of Lua.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use crate::batch::Batch;
use crate::event::Kind;
use crate::queue::{self, Charge};

/// The cost of messages, in bytes, that is released at once: a lock for each message would cost more.
const RELEASED_AT_ONCE: usize = 4096;

/// What waits for the script to receive it.
pub struct Mailbox {
    /// How much an unread mailbox may keep once the script has closed, in bytes.
    limit: usize,
    batches: RefCell<VecDeque<(Batch, Charge)>>,
    /// The cost of all messages that wait.
    cost: Cell<usize>,
    /// The cost of messages that were taken, and are still charged with the batch in front.
    taken: Cell<usize>,
    closed: Cell<bool>,
    /// A message was dropped, so all later ones are.
    overflowed: Cell<bool>,
    /// The first message is being made a Lua string.
    held: Cell<bool>,
}

impl Mailbox {
    /// Makes an empty mailbox. `limit` is that of the connection's budget.
    pub fn new(limit: usize) -> Mailbox {
        Mailbox {
            limit,
            batches: RefCell::default(),
            cost: Cell::new(0),
            taken: Cell::new(0),
            closed: Cell::new(false),
            overflowed: Cell::new(false),
            held: Cell::new(false),
        }
    }

    /// Appends messages. Once the script has closed, those from the first one above the limit on are dropped instead.
    pub fn push(&self, batch: Batch, mut charge: Charge) {
        let cost = batch.payload_len() + batch.len() * queue::EVENT_OVERHEAD;
        if self.closed.get() {
            if self.overflowed.get() || self.cost.get() + cost > self.limit {
                self.overflowed.set(true);
                return;
            }
            charge = Charge::none();
        }
        self.cost.set(self.cost.get() + cost);
        self.batches.borrow_mut().push_back((batch, charge));
    }

    /// Returns the first message. The pointer is valid until the message is removed.
    pub fn front(&self) -> Option<(Kind, *const [u8])> {
        let batches = self.batches.borrow();
        let (kind, payload) = batches.front()?.0.front()?;
        Some((kind, &raw const *payload))
    }

    /// Removes the first message.
    pub fn pop(&self) {
        let mut batches = self.batches.borrow_mut();
        let Some((batch, charge)) = batches.front_mut() else { return };
        let cost = queue::cost(batch.pop());
        self.cost.set(self.cost.get() - cost);
        if batch.is_empty() {
            self.taken.set(0);
            batches.pop_front();
            return;
        }
        self.taken.set(self.taken.get() + cost);
        if self.taken.get() >= RELEASED_AT_ONCE {
            charge.split(self.taken.take());
        }
    }

    /// Keeps the first message in its place until [`let_go`](Mailbox::let_go); tells whether nobody held it before.
    pub fn hold(&self) -> bool {
        !self.held.replace(true)
    }

    /// Ends [`hold`](Mailbox::hold).
    pub fn let_go(&self) {
        self.held.set(false);
    }

    /// Notes that the script has closed the connection. What waits can still be taken, but is not charged any longer:
    /// the engine must read on to see the peer's Close, whether the script receives or not.
    pub fn close(&self) {
        self.closed.set(true);
        for (_, charge) in self.batches.borrow_mut().iter_mut() {
            *charge = Charge::none();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Waker;

    use super::*;
    use crate::queue::Budget;

    fn batch(payloads: &[&str]) -> Batch {
        let mut batch = Batch::default();
        for payload in payloads {
            batch.push(Kind::Text, payload.as_bytes());
        }
        batch
    }

    fn deliver(mailbox: &Mailbox, budget: &Arc<Budget>, payloads: &[&str]) {
        let cost = payloads.iter().map(|payload| queue::cost(payload.len())).sum();
        mailbox.push(batch(payloads), budget.charge(cost));
    }

    fn admitted(budget: &Budget) -> Option<usize> {
        budget.poll_admits(Waker::noop())
    }

    #[test]
    fn keeps_what_waits_charged_until_it_is_taken() {
        let budget = Budget::new(300);
        let mailbox = Mailbox::new(300);
        deliver(&mailbox, &budget, &["one", "two"]);
        deliver(&mailbox, &budget, &["three"]);
        assert_eq!(admitted(&budget), None);
        for left in [3, 2, 1] {
            assert!(mailbox.front().is_some(), "{left}");
            mailbox.pop();
        }
        assert_eq!((mailbox.front(), mailbox.cost.get()), (None, 0));
        assert_eq!(admitted(&budget), Some(300));
    }

    #[test]
    fn releases_a_long_batch_in_parts() {
        let budget = Budget::new(12_800);
        let mailbox = Mailbox::new(12_800);
        deliver(&mailbox, &budget, &[""; 100]);
        assert_eq!(admitted(&budget), None);
        (0..64).for_each(|_| mailbox.pop());
        assert_eq!(admitted(&budget), Some(12_800 - 36 * 128));
    }

    #[test]
    fn charges_nothing_once_the_script_has_closed_and_keeps_no_more_than_the_limit() {
        let budget = Budget::new(300);
        let mailbox = Mailbox::new(300);
        deliver(&mailbox, &budget, &["one"]);
        mailbox.close();
        assert_eq!(admitted(&budget), Some(300));
        deliver(&mailbox, &budget, &["two"]);
        deliver(&mailbox, &budget, &["three"]);
        assert_eq!(admitted(&budget), Some(300));
        mailbox.pop();
        mailbox.pop();
        assert_eq!(mailbox.front(), None);
        deliver(&mailbox, &budget, &["after a gap"]);
        assert_eq!(mailbox.front(), None);
    }
}
