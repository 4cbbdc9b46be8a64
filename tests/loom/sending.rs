//! Models of a script that sends and a connection that writes.

use std::sync::Arc;
use std::task::Context;

use loom::thread;

use super::event::Kind;
use super::frames::Taken;
use super::outbox::{Outbox, SHORT};
use super::outgoing::{AfterLoss, Asked, Next, Outgoing, Progress, Refusal, Wish};
use super::recovery::Recovered;
use super::{Sleeper, every_order, wait};

/// Acts as the connection: takes and writes everything until the script closes it; returns how many messages that cost
/// as much as an empty one it took.
fn drive(outbox: &Outbox) -> usize {
    let (task, waker) = Sleeper::new();
    let mut taken = 0;
    loop {
        let Asked { wish, mut has_next } = outbox.poll_asked(&Context::from_waker(&waker));
        while has_next {
            let Some((next, more)) = outbox.next() else { panic!("nothing to send") };
            has_next = more;
            let (payload, cost) = match next {
                Next::Message(outgoing) => (outgoing.payload(), outgoing.cost()),
                Next::Frames(mut frames) => {
                    let mut written = Taken::default();
                    frames.accounts.advance(frames.bytes.len(), &mut written);
                    (written.payload, written.cost)
                }
            };
            taken += cost / Outgoing::Ping(Vec::new()).cost();
            outbox.note_written(payload, cost);
        }
        if wish != Wish::Stay {
            outbox.end();
            return taken;
        }
        task.wait();
    }
}

/// Starts a thread that acts as the connection.
fn start(outbox: &Arc<Outbox>) -> thread::JoinHandle<usize> {
    let outbox = Arc::clone(outbox);
    thread::spawn(move || drive(&outbox))
}

#[test]
fn what_a_script_sends_before_it_closes_is_written() {
    every_order(|| {
        let outbox = Arc::new(Outbox::new(usize::MAX, AfterLoss::Nothing));
        let connection = start(&outbox);
        for _ in 0..2 {
            assert_eq!(outbox.send(Outgoing::Ping(Vec::new())), Ok(()));
        }
        outbox.end_by(Wish::Close(None));
        assert_eq!(outbox.send(Outgoing::Ping(Vec::new())), Err(Refusal::Closed));
        assert_eq!(wait(|cx| outbox.poll_written(cx)), Progress::Written);
        assert_eq!(connection.join().unwrap(), 2);
    });
}

#[test]
fn what_a_script_encodes_before_it_closes_is_written() {
    every_order(|| {
        let outbox = Arc::new(Outbox::new(usize::MAX, AfterLoss::Nothing));
        let connection = thread::spawn({
            let outbox = Arc::clone(&outbox);
            move || {
                outbox.start_encoding();
                drive(&outbox)
            }
        });
        for _ in 0..2 {
            let accepted = outbox.encode(Kind::Text, b"").unwrap_or_else(|| outbox.send(Outgoing::Ping(Vec::new())));
            assert_eq!(accepted, Ok(()));
        }
        outbox.end_by(Wish::Close(None));
        assert_eq!(outbox.encode(Kind::Text, b"").unwrap(), Err(Refusal::Closed));
        assert_eq!(wait(|cx| outbox.poll_written(cx)), Progress::Written);
        assert_eq!(connection.join().unwrap(), 2);
    });
}

#[test]
fn a_long_message_that_a_script_encodes_before_it_closes_is_written() {
    every_order(|| {
        let outbox = Arc::new(Outbox::new(usize::MAX, AfterLoss::Nothing));
        outbox.start_encoding();
        let connection = start(&outbox);
        let long = vec![0; SHORT + 1];
        assert_eq!(outbox.encode(Kind::Binary, &long), Some(Ok(())));
        outbox.end_by(Wish::Close(None));
        assert_eq!(outbox.encode(Kind::Binary, &long), Some(Err(Refusal::Closed)));
        assert_eq!(wait(|cx| outbox.poll_written(cx)), Progress::Written);
        assert!(connection.join().unwrap() > 0);
    });
}

#[test]
fn what_was_accepted_before_the_outbox_is_shut_is_still_to_be_sent() {
    every_order(|| {
        let outbox = Arc::new(Outbox::new(usize::MAX, AfterLoss::Nothing));
        let connection = thread::spawn({
            let outbox = Arc::clone(&outbox);
            move || (outbox.shut(), outbox.next().is_some())
        });
        let accepted = outbox.send(Outgoing::Ping(Vec::new())).is_ok();
        assert_eq!(connection.join().unwrap(), (accepted, accepted));
    });
}

#[test]
fn a_script_that_waits_until_all_is_written_is_woken_by_the_end() {
    every_order(|| {
        let outbox = Arc::new(Outbox::new(usize::MAX, AfterLoss::Nothing));
        assert_eq!(outbox.send(Outgoing::Ping(Vec::new())), Ok(()));
        let connection = thread::spawn({
            let outbox = Arc::clone(&outbox);
            move || outbox.end()
        });
        assert_eq!(wait(|cx| outbox.poll_written(cx)), Progress::Ended);
        wait(|cx| outbox.poll_ended(cx));
        connection.join().unwrap();
    });
}

#[test]
fn a_full_outbox_accepts_again_when_what_it_held_is_written() {
    every_order(|| {
        let ping = || Outgoing::Ping(Vec::new());
        let outbox = Arc::new(Outbox::new(ping().cost(), AfterLoss::Nothing));
        let connection = start(&outbox);
        assert_eq!(outbox.send(ping()), Ok(()));
        let second = outbox.send(ping());
        assert!(matches!(second, Ok(()) | Err(Refusal::Full(_))), "{second:?}");
        assert_eq!(wait(|cx| outbox.poll_written(cx)), Progress::Written);
        assert_eq!(outbox.send(ping()), Ok(()));
        outbox.end_by(Wish::Close(None));
        assert_eq!(connection.join().unwrap(), 2 + usize::from(second.is_ok()));
    });
}

#[test]
fn what_a_lost_connection_puts_back_is_written_before_what_is_sent_meanwhile() {
    every_order(|| {
        let outbox = Arc::new(Outbox::new(usize::MAX, AfterLoss::Another));
        let lost = Arc::clone(&outbox);
        let connection = thread::spawn(move || {
            let (task, waker) = Sleeper::new();
            while !lost.poll_asked(&Context::from_waker(&waker)).has_next {
                task.wait();
            }
            let Some((Next::Message(first), _)) = lost.next() else { panic!("no message") };
            lost.note_loss();
            lost.put_back(Recovered { original: Some(first), ..Recovered::default() });
            let Some((Next::Message(again), _)) = lost.next() else { panic!("no message") };
            assert_eq!(again.payload(), 1);
            lost.note_written(again.payload(), again.cost());
            drive(&lost)
        });
        for size in [1, 2] {
            let payload = vec![0; size];
            assert_eq!(outbox.send(Outgoing::Message { kind: Kind::Binary, payload, compress: true }), Ok(()));
        }
        assert_eq!(wait(|cx| outbox.poll_written(cx)), Progress::Written);
        outbox.end_by(Wish::Close(None));
        connection.join().unwrap();
        assert_eq!(outbox.buffered(), 0);
    });
}
