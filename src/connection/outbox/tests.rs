//! The outbox as one thread sees it. Not a part of `outbox` itself, because `tests/loom.rs` compiles that with other
//! locks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::frames::{Frames, MESSAGE_OVERHEAD, Role, Taken};
use super::outbox::{KEPT, Outbox, SHORT};
use super::outgoing::{AfterLoss, Next, Outgoing, Progress, Refusal, Wish};
use super::recovery::Recovered;
use crate::close::{CloseCode, CloseFrame};
use crate::event::{Kind, Messages};
use crate::protocol::{Encoder, encoded_len};

fn text(length: usize) -> Outgoing {
    Outgoing::Message { kind: Kind::Text, payload: vec![b'x'; length], compress: true }
}

#[test]
fn accepts_one_message_of_any_size_below_the_limit() {
    let outbox = Outbox::new(1000, AfterLoss::Nothing);
    assert_eq!(outbox.send(text(10_000_000)), Ok(()));
    assert!(matches!(outbox.send(text(0)), Err(Refusal::Full(held)) if held > 10_000_000));
    assert_eq!(outbox.buffered(), 10_000_000);
}

#[test]
fn refuses_exactly_at_the_limit() {
    let one = text(10).cost();
    let outbox = Outbox::new(2 * one, AfterLoss::Nothing);
    assert_eq!(outbox.send(text(10)), Ok(()));
    assert_eq!(outbox.send(text(10)), Ok(()));
    assert_eq!(outbox.send(text(10)), Err(Refusal::Full(2 * one)));
    let Some((Next::Message(first), _)) = outbox.next() else { panic!("no message") };
    outbox.note_written(first.payload(), first.cost());
    assert_eq!(outbox.send(text(10)), Ok(()));
}

#[test]
fn tells_before_the_copy_that_a_large_message_would_be_refused() {
    let outbox = Outbox::new(1000, AfterLoss::Nothing);
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
    let outbox = Outbox::new(1000, AfterLoss::Nothing);
    outbox.send(text(10)).unwrap();
    outbox.send(Outgoing::Ping(vec![1; 5])).unwrap();
    outbox.note_written(4, 0);
    outbox.end();
    assert_eq!((outbox.buffered(), outbox.send(text(1))), (6, Err(Refusal::Closed)));
    assert_eq!(outbox.poll_written(&Context::from_waker(Waker::noop())), Poll::Ready(Progress::Ended));
}

#[test]
fn releases_the_memory_of_a_burst_that_is_taken() {
    let outbox = Outbox::new(usize::MAX, AfterLoss::Nothing);
    for _ in 0..10_000 {
        outbox.send(text(0)).unwrap();
    }
    while outbox.next().is_some() {}
    assert!(outbox.capacity() <= KEPT);
}

#[test]
fn keeps_the_first_close_unless_a_stronger_wish_comes() {
    let body = |code| Some(CloseFrame::new(code, ""));
    let outbox = Outbox::new(1000, AfterLoss::Nothing);
    outbox.end_by(Wish::Close(body(CloseCode::NORMAL)));
    outbox.end_by(Wish::Close(body(CloseCode::GOING_AWAY)));
    assert_eq!(outbox.poll_asked(&Context::from_waker(Waker::noop())).wish, Wish::Close(body(CloseCode::NORMAL)));
    outbox.end_by(Wish::Leave(body(CloseCode::GOING_AWAY)));
    assert_eq!(outbox.poll_asked(&Context::from_waker(Waker::noop())).wish, Wish::Leave(body(CloseCode::NORMAL)));
    outbox.end_by(Wish::Terminate);
    outbox.end_by(Wish::Close(None));
    assert_eq!(outbox.poll_asked(&Context::from_waker(Waker::noop())).wish, Wish::Terminate);
}

/// Takes everything; returns the bytes of encoded frames, and the payload lengths of messages that were not encoded.
fn take_all(outbox: &Outbox) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut messages) = (Vec::new(), Vec::new());
    while let Some((next, _)) = outbox.next() {
        match next {
            Next::Frames(frames) => {
                assert!(messages.is_empty(), "a frame comes after a message that was sent earlier");
                bytes.extend(frames.bytes);
            }
            Next::Message(outgoing) => messages.push(outgoing.payload()),
        }
    }
    (bytes, messages)
}

#[test]
fn encodes_messages_once_it_may_and_keeps_their_order() {
    let outbox = Outbox::new(usize::MAX, AfterLoss::Nothing);
    assert_eq!(outbox.encode(Kind::Text, b"early"), None);
    outbox.start_encoding();
    assert_eq!(outbox.encode(Kind::Text, b"first"), Some(Ok(())));
    outbox.send(text(5000)).unwrap();
    // An earlier message waits, so this one must wait behind it.
    assert_eq!(outbox.encode(Kind::Text, b"second"), None);
    outbox.send(text(6)).unwrap();
    let (bytes, messages) = take_all(&outbox);
    assert_eq!((bytes.len(), bytes[0], bytes[1]), (6 + 5, 0x81, 0x85));
    assert_eq!(messages, [5000, 6]);
    assert_eq!((outbox.encode(Kind::Text, b"third"), outbox.buffered()), (Some(Ok(())), 5 + 5000 + 6 + 5));
}

#[test]
fn accounts_for_encoded_messages_as_for_others() {
    let outbox = Outbox::new(2 * text(10).cost(), AfterLoss::Nothing);
    outbox.start_encoding();
    for _ in 0..2 {
        assert_eq!(outbox.encode(Kind::Text, &[b'x'; 10]), Some(Ok(())));
    }
    assert_eq!(outbox.encode(Kind::Text, b"x"), Some(Err(Refusal::Full(2 * text(10).cost()))));
    let Some((Next::Frames(mut frames), _)) = outbox.next() else { panic!("no frames") };
    let mut taken = Taken::default();
    frames.accounts.advance(frames.bytes.len(), &mut taken);
    assert_eq!((taken.payload, taken.cost), (20, 2 * text(10).cost()));
    outbox.note_written(taken.payload, taken.cost);
    assert_eq!((outbox.buffered(), outbox.encode(Kind::Text, b"x")), (0, Some(Ok(()))));
}

#[test]
fn encodes_a_long_message_as_a_short_one() {
    let outbox = Outbox::new(text(SHORT + 1).cost(), AfterLoss::Nothing);
    assert_eq!(outbox.encode(Kind::Text, &[b'x'; SHORT + 1]), None);
    outbox.start_encoding();
    assert_eq!(outbox.encode(Kind::Text, &[b'x'; SHORT + 1]), Some(Ok(())));
    assert_eq!(outbox.encode(Kind::Text, &[b'x'; SHORT + 1]), Some(Err(Refusal::Full(text(SHORT + 1).cost()))));
    let Some((Next::Frames(frames), false)) = outbox.next() else { panic!("no frames, or more than one run") };
    let header = [0x81, 0x80 | 126, (SHORT >> 8) as u8, (SHORT + 1) as u8];
    assert_eq!((frames.bytes.len(), &frames.bytes[..4]), (encoded_len(SHORT + 1), &header[..]));
    outbox.shut();
    assert_eq!(outbox.encode(Kind::Text, &[b'x'; SHORT + 1]), Some(Err(Refusal::Closed)));
}

#[test]
fn keeps_the_order_of_long_and_short_messages_and_moves_no_long_one() {
    let outbox = Outbox::new(usize::MAX, AfterLoss::Nothing);
    outbox.start_encoding();
    for length in [1, SHORT + 1, 2, 3, 20 * SHORT, SHORT, 4] {
        assert_eq!(outbox.encode(Kind::Binary, &vec![0; length]), Some(Ok(())));
    }
    let (mut runs, mut bytes) = (Vec::new(), Vec::new());
    while let Some((Next::Frames(frames), _)) = outbox.next() {
        runs.push(frames.bytes.len());
        bytes.extend(frames.bytes);
    }
    let lengths = [1, SHORT + 1, 2, 3, 20 * SHORT, SHORT, 4].map(encoded_len);
    assert_eq!(runs.iter().sum::<usize>(), lengths.iter().sum());
    assert_eq!(runs[..4], [lengths[0], lengths[1], lengths[2] + lengths[3], lengths[4]]);
    // Each frame begins where it must, with the first byte of a whole binary message.
    let mut start = 0;
    for length in lengths {
        assert_eq!(bytes[start], 0x82);
        start += length;
    }
    outbox.send(text(1)).unwrap();
    assert_eq!(outbox.encode(Kind::Binary, &vec![0; SHORT + 1]), None, "an earlier message waits");
}

#[test]
fn tells_whether_more_is_to_be_sent() {
    let outbox = Outbox::new(usize::MAX, AfterLoss::Nothing);
    let has_next = || outbox.poll_asked(&Context::from_waker(Waker::noop())).has_next;
    assert!(!has_next());
    outbox.start_encoding();
    outbox.encode(Kind::Text, b"first").unwrap().unwrap();
    outbox.send(text(1)).unwrap();
    assert!(has_next());
    assert!(matches!(outbox.next(), Some((Next::Frames(_), true))));
    assert!(matches!(outbox.next(), Some((Next::Message(_), false))));
    assert!(!has_next() && outbox.next().is_none());
}

#[test]
fn begins_a_new_run_every_64_kib() {
    let outbox = Outbox::new(usize::MAX, AfterLoss::Nothing);
    outbox.start_encoding();
    for _ in 0..1000 {
        outbox.encode(Kind::Binary, &[0; 1000]).unwrap().unwrap();
    }
    let mut runs = 0;
    while let Some((Next::Frames(frames), _)) = outbox.next() {
        assert!(frames.bytes.len() < 64 * 1024 + 2000, "{} bytes", frames.bytes.len());
        runs += 1;
    }
    assert_eq!(runs, 16);
}

#[test]
fn wakes_the_connection_once_until_it_asks() {
    struct Counter(AtomicUsize);
    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let counter = Arc::new(Counter(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&counter));
    let outbox = Outbox::new(usize::MAX, AfterLoss::Nothing);
    outbox.start_encoding();
    for round in 1..=3 {
        outbox.poll_asked(&Context::from_waker(&waker));
        for _ in 0..10 {
            outbox.encode(Kind::Text, b"x").unwrap().unwrap();
        }
        assert_eq!(counter.0.load(Ordering::Relaxed), round);
    }
}

/// Frames of three messages of 10 bytes each with a Pong between the first two, of which `written` bytes were taken.
fn recovered(written: usize) -> Recovered {
    let mut frames = Frames::default();
    let mut encoder = Encoder::new();
    frames.add_message(&mut encoder, Kind::Binary, &[1; 10]);
    encoder.pong(&mut frames.bytes, b"");
    frames.accounts.add(Role::Pong, 6, 0);
    for payload in [[2; 10], [3; 10]] {
        frames.add_message(&mut encoder, Kind::Binary, &payload);
    }
    frames.accounts.advance(written, &mut Taken::default());
    Recovered::sort(&frames.bytes[written..], frames.accounts, None)
}

#[test]
fn a_lost_connection_gives_back_messages_of_which_no_byte_was_taken_and_counts_the_one_that_was_cut() {
    let cost = 16 + MESSAGE_OVERHEAD;
    let cases = [(0, 3, 0, 0), (1, 2, 1, 10), (6, 2, 1, 10), (15, 2, 1, 1), (16, 2, 0, 0), (20, 2, 0, 0)];
    for (written, kept, lost, payload) in
        cases.into_iter().chain([(22, 2, 0, 0), (30, 1, 1, 8), (53, 0, 1, 1), (54, 0, 0, 0)])
    {
        let recovered = recovered(written);
        assert_eq!(recovered.frames.bytes.len(), 16 * kept, "{written}");
        assert_eq!(recovered.lost, Messages { count: lost, bytes: 10 * lost }, "{written}");
        assert_eq!((recovered.payload, recovered.cost), (payload, cost * lost), "{written}");
        let mut taken = Taken::default();
        let mut frames = recovered.frames;
        frames.accounts.advance(frames.bytes.len(), &mut taken);
        assert_eq!((taken.payload, taken.cost), (10 * kept, cost * kept), "{written}");
    }
}

#[test]
fn what_is_given_back_goes_out_before_what_was_sent_later() {
    let outbox = Outbox::new(usize::MAX, AfterLoss::Another);
    outbox.start_encoding();
    for payload in [[1; 10], [2; 10], [3; 10]] {
        assert_eq!(outbox.encode(Kind::Binary, &payload), Some(Ok(())));
    }
    let Some((Next::Frames(mut frames), false)) = outbox.next() else { panic!("no frames") };
    let mut taken = Taken::default();
    frames.accounts.advance(20, &mut taken);
    outbox.note_written(taken.payload, taken.cost);
    assert_eq!(outbox.encode(Kind::Binary, &[4; 10]), Some(Ok(())));
    let recovered = Recovered::sort(&frames.bytes[20..], frames.accounts, None);
    assert_eq!(recovered.lost, Messages { count: 1, bytes: 10 });
    outbox.note_loss();
    outbox.put_back(recovered);
    assert_eq!(outbox.buffered(), 20);
    // A message that is sent meanwhile waits behind those.
    assert_eq!(outbox.encode(Kind::Binary, &[5; 10]), None);
    assert_eq!(outbox.send(text(10)), Ok(()));
    let Some((Next::Frames(third), true)) = outbox.next() else { panic!("no frames") };
    let Some((Next::Frames(fourth), true)) = outbox.next() else { panic!("no frames") };
    let Some((Next::Message(_), false)) = outbox.next() else { panic!("no message") };
    assert_eq!((third.bytes.len(), fourth.bytes.len()), (16, 16));
    outbox.note_written(30, 2 * (16 + MESSAGE_OVERHEAD) + text(10).cost());
    assert_eq!(outbox.buffered(), 0);
}

#[test]
fn tells_once_that_messages_are_accepted_again_after_a_refusal() {
    let one = text(10).cost();
    let outbox = Outbox::new(4 * one, AfterLoss::Nothing);
    for _ in 0..4 {
        outbox.send(text(10)).unwrap();
    }
    assert!(!outbox.note_written(10, one));
    outbox.send(text(10)).unwrap();
    assert_eq!(outbox.send(text(10)), Err(Refusal::Full(4 * one)));
    assert!(!outbox.note_written(10, one));
    assert!(outbox.note_written(10, one));
    assert!(!outbox.note_written(10, one));
}

#[test]
fn counts_a_loss_of_messages_and_not_one_of_a_ping() {
    let outbox = Outbox::new(usize::MAX, AfterLoss::Another);
    for (count, losses) in [(0, 0), (1, 1), (3, 2)] {
        let lost = Messages { count, bytes: 0 };
        let ping = Outgoing::Ping(Vec::new());
        let cost = ping.cost();
        outbox.send(ping).unwrap();
        outbox.next().unwrap();
        outbox.put_back(Recovered { lost, cost, ..Recovered::default() });
        assert_eq!(outbox.losses(), losses);
    }
}
