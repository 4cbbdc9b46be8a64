//! Models of a host, the helper and other hosts that drive the runtime in turns.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use loom::sync::atomic::Ordering;
use loom::thread;

use super::queue::{Item, Queue};
use super::runtime::parker::Parker;
use super::runtime::tasks::{Left, Tasks};
use super::runtime::turns::{Then, Turns};
use super::{every_order, numbers, wait};

/// The runtime as one thread at a time drives it; in place of tokio there is one place where that thread sleeps.
#[derive(Default)]
struct Engine {
    turns: Turns,
    tasks: Arc<Tasks>,
    sleep: Arc<Parker>,
    /// How many threads drive. Not loom's, because it only checks.
    drivers: std::sync::atomic::AtomicUsize,
}

impl Engine {
    fn drive<T>(&self, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
        assert_eq!(self.drivers.fetch_add(1, Ordering::SeqCst), 0, "two threads drive");
        let waker = Waker::from(Arc::clone(&self.sleep));
        let result = loop {
            let left = self.tasks.run_ready(&waker);
            if let Poll::Ready(result) = poll(&mut Context::from_waker(&waker)) {
                break result;
            }
            if left == Left::Nothing {
                self.sleep.park(None);
            }
        };
        self.tasks.leave();
        self.drivers.fetch_sub(1, Ordering::SeqCst);
        Some(result)
    }

    fn wait<T>(&self, poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
        self.turns.wait(None, Then::Leave, poll, |poll| self.drive(poll)).unwrap()
    }

    fn wait_for_number(&self, queue: &Queue) -> u64 {
        self.wait(|cx| queue.poll_ready(cx));
        first_number(queue)
    }

    /// Waits for a slice that passes at once, after which the host promises to wait again, so the helper sleeps on.
    fn leave_helper_asleep(&self) {
        let slice = self.turns.wait(None, Then::WaitAgain, |_| Poll::<()>::Pending, |_| None);
        assert_eq!(slice, None);
    }

    fn run_ready(&self) {
        if self.tasks.has_ready()
            && let Some(_turn) = self.turns.take()
        {
            self.tasks.run_round();
        }
    }

    fn help(&self) {
        while let Some(_turn) = self.turns.take_as_helper() {
            self.drive(|cx| self.turns.poll_stop(cx));
        }
        self.tasks.close();
    }

    /// Makes a task that pushes a number to `queue`.
    fn spawn_push(&self, queue: &Arc<Queue>, number: u64) {
        let queue = Arc::clone(queue);
        self.tasks.spawn(async move { queue.push([Item::Deferred(number)]) });
    }

    /// Makes a task that waits for an item of `from`, as a connection waits for what the script sends, and then pushes
    /// a number to `queue`.
    fn spawn_answer(&self, from: &Arc<Queue>, queue: &Arc<Queue>, number: u64) {
        let (from, queue) = (Arc::clone(from), Arc::clone(queue));
        self.tasks.spawn(async move {
            poll_fn(|cx| from.poll_ready(cx)).await;
            queue.push([Item::Deferred(number)]);
        });
    }
}

fn first_number(queue: &Queue) -> u64 {
    let mut taken = VecDeque::new();
    queue.take_all(&mut taken);
    numbers(&taken)[0]
}

/// Starts an engine and its helper, lets hosts act, and ends the helper.
fn with_helper(act: impl FnOnce(&Arc<Engine>)) {
    let engine = Arc::new(Engine::default());
    let helper = thread::spawn({
        let engine = Arc::clone(&engine);
        move || engine.help()
    });
    act(&engine);
    engine.turns.end();
    helper.join().unwrap();
}

#[test]
fn a_host_that_waits_gets_what_its_tasks_bring_whoever_drives() {
    every_order(|| {
        with_helper(|engine| {
            let queue = Arc::new(Queue::default());
            for number in 0..2 {
                engine.spawn_push(&queue, number);
                assert_eq!(engine.wait_for_number(&queue), number);
            }
        });
    });
}

#[test]
fn what_a_host_does_between_two_waits_wakes_its_task() {
    every_order(|| {
        with_helper(|engine| {
            let (sent, queue) = (Arc::new(Queue::default()), Arc::new(Queue::default()));
            engine.spawn_answer(&sent, &queue, 1);
            engine.run_ready();
            sent.push([Item::Deferred(0)]);
            assert_eq!(engine.wait_for_number(&queue), 1);
        });
    });
}

#[test]
fn the_helper_drives_for_a_host_that_cannot() {
    every_order(|| {
        with_helper(|engine| {
            let (sent, queue) = (Arc::new(Queue::default()), Arc::new(Queue::default()));
            engine.spawn_answer(&sent, &queue, 1);
            engine.run_ready();
            sent.push([Item::Deferred(0)]);
            engine.turns.wait_for_others(None, |cx| queue.poll_ready(cx)).unwrap();
            assert_eq!(first_number(&queue), 1);
        });
    });
}

#[test]
fn a_host_that_cannot_drive_wakes_a_helper_that_was_left_asleep() {
    every_order(|| {
        with_helper(|engine| {
            let queue = Arc::new(Queue::default());
            engine.leave_helper_asleep();
            engine.spawn_push(&queue, 1);
            engine.turns.wait_for_others(None, |cx| queue.poll_ready(cx)).unwrap();
            assert_eq!(first_number(&queue), 1);
        });
    });
}

#[test]
fn another_thread_wakes_the_task_of_a_host_that_drives() {
    every_order(|| {
        let engine = Arc::new(Engine::default());
        let (sent, queue) = (Arc::new(Queue::default()), Arc::new(Queue::default()));
        engine.spawn_answer(&sent, &queue, 1);
        let other = thread::spawn({
            let sent = Arc::clone(&sent);
            move || sent.push([Item::Deferred(0)])
        });
        assert_eq!(engine.wait_for_number(&queue), 1);
        other.join().unwrap();
    });
}

#[test]
fn two_hosts_that_wait_drive_for_each_other() {
    every_order(|| {
        let engine = Arc::new(Engine::default());
        let hosts = [1, 2].map(|number| {
            let engine = Arc::clone(&engine);
            move || {
                let queue = Arc::new(Queue::default());
                for _ in 0..2 {
                    engine.spawn_push(&queue, number);
                    assert_eq!(engine.wait_for_number(&queue), number);
                }
            }
        });
        let [first, second] = hosts;
        let other = thread::spawn(first);
        second();
        other.join().unwrap();
    });
}

#[test]
fn a_host_that_leaves_the_line_passes_the_turn_on() {
    every_order(|| {
        let engine = Arc::new(Engine::default());
        let turn = engine.turns.take();
        let queues = [1, 2].map(|number| {
            let queue = Arc::new(Queue::default());
            (number, queue)
        });
        // One of them has what it waits for while it may be the first in the line; the other one needs the turn.
        engine.spawn_push(&queues[1].1, 2);
        let hosts = queues.clone().map(|(number, queue)| {
            let engine = Arc::clone(&engine);
            thread::spawn(move || assert_eq!(engine.wait_for_number(&queue), number))
        });
        queues[0].1.push([Item::Deferred(1)]);
        drop(turn);
        for host in hosts {
            host.join().unwrap();
        }
    });
}

#[test]
fn the_helper_drives_after_hosts_that_do_not_come_back() {
    every_order(|| {
        with_helper(|engine| {
            let (sent, queue) = (Arc::new(Queue::default()), Arc::new(Queue::default()));
            engine.spawn_push(&queue, 1);
            assert_eq!(engine.wait_for_number(&queue), 1);
            engine.spawn_answer(&sent, &queue, 2);
            sent.push([Item::Deferred(0)]);
            wait(|cx| queue.poll_ready(cx));
            assert_eq!(first_number(&queue), 2);
        });
    });
}

#[test]
fn a_host_that_waits_in_slices_gets_what_its_tasks_bring() {
    every_order(|| {
        with_helper(|engine| {
            let (sent, queue) = (Arc::new(Queue::default()), Arc::new(Queue::default()));
            engine.spawn_answer(&sent, &queue, 1);
            engine.leave_helper_asleep();
            sent.push([Item::Deferred(0)]);
            assert_eq!(engine.wait_for_number(&queue), 1);
            // The helper was not woken after the slice, but it is after the wait.
            engine.spawn_push(&queue, 2);
            wait(|cx| queue.poll_ready(cx));
            assert_eq!(first_number(&queue), 2);
        });
    });
}

#[test]
fn a_host_that_works_for_long_has_the_helper_drive_though_it_was_left_asleep() {
    every_order(|| {
        with_helper(|engine| {
            let queue = Arc::new(Queue::default());
            engine.leave_helper_asleep();
            engine.spawn_push(&queue, 1);
            engine.turns.let_helper_drive();
            wait(|cx| queue.poll_ready(cx));
            assert_eq!(first_number(&queue), 1);
        });
    });
}

#[test]
fn the_end_drops_the_tasks_that_still_wait() {
    every_order(|| {
        let kept = Arc::new(());
        with_helper(|engine| {
            let kept = Arc::clone(&kept);
            engine.tasks.spawn(async move {
                let _kept = kept;
                std::future::pending::<()>().await;
            });
        });
        assert_eq!(Arc::strong_count(&kept), 1);
    });
}
