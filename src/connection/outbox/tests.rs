//! The outbox as one thread sees it. Not a part of `outbox` itself, because `tests/loom.rs` compiles that with other locks.

use std::task::{Context, Poll, Waker};

use super::outbox::{KEPT, Outbox, Outgoing, Progress, Refusal, Wish};
use crate::close::{CloseCode, CloseFrame};
use crate::event::Kind;

fn text(length: usize) -> Outgoing {
    Outgoing::Message { kind: Kind::Text, payload: vec![b'x'; length], compress: true }
}

#[test]
fn accepts_one_message_of_any_size_below_the_limit() {
    let outbox = Outbox::new(1000);
    assert_eq!(outbox.send(text(10_000_000)), Ok(()));
    assert!(matches!(outbox.send(text(0)), Err(Refusal::Full(held)) if held > 10_000_000));
    assert_eq!(outbox.buffered(), 10_000_000);
}

#[test]
fn refuses_exactly_at_the_limit() {
    let one = text(10).cost();
    let outbox = Outbox::new(2 * one);
    assert_eq!(outbox.send(text(10)), Ok(()));
    assert_eq!(outbox.send(text(10)), Ok(()));
    assert_eq!(outbox.send(text(10)), Err(Refusal::Full(2 * one)));
    let first = outbox.next().unwrap();
    outbox.note_written(first.payload(), first.cost());
    assert_eq!(outbox.send(text(10)), Ok(()));
}

#[test]
fn tells_before_the_copy_that_a_large_message_would_be_refused() {
    let outbox = Outbox::new(1000);
    assert_eq!(outbox.check(10_000_000), Ok(()));
    outbox.send(text(2000)).unwrap();
    let held = text(2000).cost();
    assert_eq!(outbox.check(10_000_000), Err(Refusal::Full(held)));
    assert_eq!((outbox.check(10), outbox.send(text(10))), (Ok(()), Err(Refusal::Full(held))));
    outbox.end_by(Wish::Terminate);
    assert_eq!((outbox.check(10_000_000), outbox.send(text(10))), (Err(Refusal::Closed), Err(Refusal::Closed)));
}

#[test]
fn counts_what_was_never_written() {
    let outbox = Outbox::new(1000);
    outbox.send(text(10)).unwrap();
    outbox.send(Outgoing::Ping(vec![1; 5])).unwrap();
    outbox.note_written(4, 0);
    outbox.end();
    assert_eq!((outbox.buffered(), outbox.send(text(1))), (6, Err(Refusal::Closed)));
    assert_eq!(outbox.poll_written(&Context::from_waker(Waker::noop())), Poll::Ready(Progress::Ended));
}

#[test]
fn releases_the_memory_of_a_burst_that_is_taken() {
    let outbox = Outbox::new(usize::MAX);
    for _ in 0..10_000 {
        outbox.send(text(0)).unwrap();
    }
    while outbox.next().is_some() {}
    assert!(outbox.capacity() <= KEPT);
}

#[test]
fn keeps_the_first_close_unless_a_stronger_wish_comes() {
    let body = |code| Some(CloseFrame::new(code, ""));
    let outbox = Outbox::new(1000);
    outbox.end_by(Wish::Close(body(CloseCode::NORMAL)));
    outbox.end_by(Wish::Close(body(CloseCode::GOING_AWAY)));
    assert_eq!(outbox.poll_wish(&Context::from_waker(Waker::noop())), Wish::Close(body(CloseCode::NORMAL)));
    outbox.end_by(Wish::Leave(body(CloseCode::GOING_AWAY)));
    assert_eq!(outbox.poll_wish(&Context::from_waker(Waker::noop())), Wish::Leave(body(CloseCode::NORMAL)));
    outbox.end_by(Wish::Terminate);
    outbox.end_by(Wish::Close(None));
    assert_eq!(outbox.poll_wish(&Context::from_waker(Waker::noop())), Wish::Terminate);
}
