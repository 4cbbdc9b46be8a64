//! What a maintainer needs to know of a connection: lines for the logger that the script may set.
//!
//! Comes in: lines, from everything that works for one connection. Goes out: the same, to the queue of its Lua state,
//! and only while the script wants them. A line never holds headers, query strings, credentials or payload.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::event::{Event, Level};
use crate::queue::{self, ConnectionId, Item, Queue};

/// The log of one connection.
#[derive(Clone, Debug, Default)]
pub struct Log {
    target: Option<(Arc<Queue>, ConnectionId)>,
}

impl Log {
    /// Makes the log of the connection `id` of the Lua state that `queue` belongs to. The default is one that nobody
    /// reads.
    pub fn new(queue: &Arc<Queue>, id: ConnectionId) -> Log {
        Log { target: Some((Arc::clone(queue), id)) }
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
        let Some((queue, id)) = &self.target else { return };
        let Some(lines) = queue.lines() else { return };
        let push = |level, text: String| match lines.budget.try_charge(queue::cost(text.len())) {
            Some(charge) => {
                queue.push([Item::Event(*id, Event::Line(level, text), charge)]);
                true
            }
            None => false,
        };
        let left_out = lines.left_out.swap(0, Ordering::Relaxed);
        if left_out > 0 && !push(Level::Warning, format!("too many lines waited: {left_out} left out")) {
            lines.left_out.fetch_add(left_out + 1, Ordering::Relaxed);
        } else if !push(level, text()) {
            lines.left_out.fetch_add(1, Ordering::Relaxed);
        }
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
        let fitting = queue::MAX_LINES / queue::cost(128);
        for number in 0..fitting + 3 {
            log.info(|| format!("{number:0128}"));
        }
        assert_eq!(lines(&queue).len(), fitting);
        log.info(|| "after".to_owned());
        assert_eq!(lines(&queue), ["warning too many lines waited: 3 left out", "info after"]);
    }
}
