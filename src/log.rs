//! What a maintainer needs to know of a connection: lines for the logger that the script may set.
//!
//! Comes in: lines, from everything that works for one connection. Goes out: the same, to the queue of its Lua state,
//! and only while the script wants them. A line never holds headers, query strings, credentials or payload.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::event::{Event, Level};
use crate::queue::{self, Budget, ConnectionId, Item, Queue};

/// How much of one connection's lines may wait for the script, in bytes: their text and 128 for each.
const MOST_WAITING: usize = 64 * 1024;

/// The log of one connection.
#[derive(Clone, Debug, Default)]
pub struct Log {
    target: Option<Arc<Target>>,
}

#[derive(Debug)]
struct Target {
    queue: Arc<Queue>,
    id: ConnectionId,
    budget: Arc<Budget>,
    /// Lines that did not fit, since the last one that did.
    left_out: AtomicUsize,
}

impl Log {
    /// Makes the log of the connection `id` of the Lua state that `queue` belongs to. The default is one that nobody
    /// reads.
    pub fn new(queue: &Arc<Queue>, id: ConnectionId) -> Log {
        let (queue, budget) = (Arc::clone(queue), Budget::new(MOST_WAITING));
        Log { target: Some(Arc::new(Target { queue, id, budget, left_out: AtomicUsize::new(0) })) }
    }

    /// Adds a line about a step on the way. It is made only if somebody reads it.
    pub fn debug(&self, text: impl FnOnce() -> String) {
        self.add(Level::Debug, text);
    }

    /// Adds a line about a change of the connection's state.
    pub fn info(&self, text: impl FnOnce() -> String) {
        self.add(Level::Info, text);
    }

    /// Adds a line about what went wrong.
    pub fn warning(&self, text: impl FnOnce() -> String) {
        self.add(Level::Warning, text);
    }

    fn add(&self, level: Level, text: impl FnOnce() -> String) {
        let Some(target) = self.target.as_ref().filter(|target| target.queue.wants_lines()) else { return };
        let left_out = target.left_out.swap(0, Ordering::Relaxed);
        if left_out > 0 && !target.push(Level::Warning, format!("{left_out} lines were left out: too many wait")) {
            target.left_out.fetch_add(left_out + 1, Ordering::Relaxed);
            return;
        }
        if !target.push(level, text()) {
            target.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Target {
    /// Pushes a line if it fits; returns whether it did.
    fn push(&self, level: Level, text: String) -> bool {
        let Some(charge) = self.budget.try_charge(queue::cost(text.len())) else { return false };
        self.queue.push([Item::Event(self.id, Event::Line(level, text), charge)]);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    fn lines(queue: &Queue) -> Vec<String> {
        let mut items = VecDeque::new();
        queue.take_all(&mut items);
        let text = |item| match item {
            Item::Event(7, Event::Line(level, text), _) => format!("{} {text}", level.as_str()),
            item => panic!("{item:?}"),
        };
        items.into_iter().map(text).collect()
    }

    #[test]
    fn makes_lines_only_while_somebody_reads_them() {
        let queue = Arc::new(Queue::default());
        let log = Log::new(&queue, 7);
        log.info(|| panic!("nobody reads it"));
        Log::default().info(|| panic!("nobody can read it"));
        queue.start_lines();
        log.debug(|| "a step".to_owned());
        log.warning(|| "trouble".to_owned());
        assert_eq!(lines(&queue), ["debug a step", "warning trouble"]);
        queue.stop_lines();
        log.info(|| panic!("nobody reads it any more"));
    }

    #[test]
    fn leaves_lines_out_where_too_many_wait_and_says_how_many() {
        let queue = Arc::new(Queue::default());
        queue.start_lines();
        let log = Log::new(&queue, 7);
        let fitting = MOST_WAITING / queue::cost(100);
        for number in 0..fitting + 3 {
            log.info(|| format!("{number:0100}"));
        }
        assert_eq!(lines(&queue).len(), fitting);
        log.info(|| "after".to_owned());
        assert_eq!(lines(&queue), ["warning 3 lines were left out: too many wait", "info after"]);
    }
}
