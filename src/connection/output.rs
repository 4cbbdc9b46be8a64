//! Encodes frames for the transport, and keeps account of which bytes belong to which frame.
//!
//! Comes in: messages and control frames. Goes out: runs of bytes to write and, when the transport has taken them, how
//! much of which kind that was.

use std::collections::VecDeque;

use super::frames::{Accounts, Frames, Role, Taken};
use super::outgoing::{AfterLoss, Outgoing};
use super::recovery::Recovered;
use crate::buffers;
use crate::close::CloseFrame;
use crate::event::Kind;
use crate::protocol::{Coding, Deflated, Deflater, Deflating, Encoder, encoded_len};

/// Messages above this size, in bytes, are masked in place; smaller ones are copied into a common run.
const GATHERED: usize = 16 * 1024;

/// The frames that are encoded and that the transport has not taken.
#[derive(Debug)]
pub struct Output {
    encoder: Encoder,
    /// Present if compression was agreed.
    deflater: Option<Deflater>,
    /// The message that is being deflated.
    unfinished: Option<Unfinished>,
    after_loss: AfterLoss,
    /// The last compressed message as it was, until it is written, if another connection may follow: only this one can
    /// send it compressed.
    original: Option<Outgoing>,
    runs: VecDeque<Vec<u8>>,
    /// Bytes of the first run that are written.
    offset: usize,
    /// Bytes of all runs that are not written.
    len: usize,
    accounts: Accounts,
}

#[derive(Debug)]
struct Unfinished {
    kind: Kind,
    payload: Vec<u8>,
    cost: usize,
    deflating: Deflating,
}

impl Unfinished {
    /// Returns the message as it was.
    fn whole(self) -> Outgoing {
        Outgoing::Message { kind: self.kind, payload: self.payload, compress: true }
    }
}

impl Output {
    /// Makes an empty output; `deflater` if compression was agreed.
    pub fn new(deflater: Option<Deflater>, after_loss: AfterLoss) -> Output {
        let (encoder, runs, accounts) = (Encoder::new(), VecDeque::new(), Accounts::default());
        Output { encoder, deflater, unfinished: None, after_loss, original: None, runs, offset: 0, len: 0, accounts }
    }

    /// Tells whether another message may be encoded: not while the original of one is kept.
    pub fn takes_more(&self) -> bool {
        self.original.is_none()
    }

    /// Takes out the messages of which the transport has taken no byte. What it has taken in part stays, because a
    /// frame must be whole before another follows.
    pub fn withhold(&mut self) -> Recovered {
        let (mut bytes, mut accounts) = (self.unwritten(), std::mem::take(&mut self.accounts));
        let begun = accounts.take_begun();
        let untaken = begun.map_or(0, |begun| begun.len() - begun.written);
        let rest = bytes.split_off(untaken.min(bytes.len()));
        (self.runs, self.offset, self.len) = (VecDeque::from([bytes]), 0, untaken);
        // At most one compressed message is encoded, and the original is that of the last.
        let is_compressed = begun.is_some_and(|begun| matches!(begun.role, Role::Deflated { .. }));
        let original = if is_compressed { None } else { self.original.take() };
        if let Some(begun) = begun {
            self.accounts.add_series(begun);
        }
        let unfinished = self.unfinished.take().map(Unfinished::whole);
        Recovered::sort(&rest, accounts, original.or(unfinished))
    }

    /// Ends the output: returns what the transport has not taken.
    pub fn recover(self) -> Recovered {
        let bytes = self.unwritten();
        Recovered::sort(&bytes, self.accounts, self.original.or(self.unfinished.map(Unfinished::whole)))
    }

    fn unwritten(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len);
        for (number, run) in self.runs.iter().enumerate() {
            bytes.extend_from_slice(if number == 0 { &run[self.offset..] } else { run });
        }
        bytes
    }

    /// Returns the bytes that are not written.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns the next bytes to write; empty when there are none.
    pub fn bytes(&self) -> &[u8] {
        self.runs.front().map_or(&[], |run| &run[self.offset..])
    }

    /// Encodes what the script sends, or begins to deflate it. The caller first finishes the message that is being
    /// deflated.
    pub fn send(&mut self, outgoing: Outgoing) {
        let cost = outgoing.cost();
        match outgoing {
            Outgoing::Message { kind, payload, compress } if compress && self.deflater.is_some() => {
                self.unfinished = Some(Unfinished { kind, payload, cost, deflating: Deflating::default() });
            }
            Outgoing::Message { kind, payload, .. } => {
                self.message(Role::Message { cost }, kind, Coding::Plain, payload);
            }
            Outgoing::Ping(payload) => {
                self.append(Role::Ping { cost }, payload.len(), |encoder, run| encoder.ping(run, &payload));
            }
        }
    }

    /// Deflates the next step of the message that is being deflated, and encodes it when it is whole. Returns the bytes
    /// of payload that were deflated; `None` if no message is being deflated.
    pub fn deflate(&mut self) -> Option<usize> {
        let (deflater, Unfinished { kind, payload, cost, deflating }) =
            self.deflater.as_mut().zip(self.unfinished.take())?;
        let before = deflating.taken();
        match deflater.advance(&payload, deflating) {
            Deflated::Part(deflating) => {
                let taken = deflating.taken() - before;
                self.unfinished = Some(Unfinished { kind, payload, cost, deflating });
                Some(taken)
            }
            Deflated::Whole(compressed) => {
                let length = payload.len();
                self.message(Role::Deflated { cost, payload: length }, kind, Coding::Deflated, compressed);
                if self.after_loss == AfterLoss::Another {
                    self.original = Some(Outgoing::Message { kind, payload, compress: true });
                }
                Some(length - before)
            }
            Deflated::Plain => {
                self.message(Role::Message { cost }, kind, Coding::Plain, payload);
                Some(0)
            }
        }
    }

    fn message(&mut self, role: Role, kind: Kind, coding: Coding, mut payload: Vec<u8>) {
        if payload.len() > GATHERED {
            self.append(role, payload.len(), |encoder, run| {
                encoder.message_in_place(run, kind, coding, &mut payload);
            });
            self.runs.push_back(payload);
        } else {
            self.append(role, payload.len(), |encoder, run| encoder.message(run, kind, coding, &payload));
        }
    }

    /// Takes over frames that the script's thread has encoded.
    pub fn append_frames(&mut self, frames: Frames) {
        self.len += frames.bytes.len();
        self.runs.push_back(frames.bytes);
        self.accounts.append(frames.accounts);
    }

    /// Encodes the engine's own Ping.
    pub fn keepalive(&mut self, payload: &[u8]) {
        self.append(Role::Keepalive, payload.len(), |encoder, run| encoder.ping(run, payload));
    }

    /// Encodes the answer to a Ping.
    pub fn pong(&mut self, payload: &[u8]) {
        self.append(Role::Pong, payload.len(), |encoder, run| encoder.pong(run, payload));
    }

    /// Encodes the Close frame.
    pub fn close(&mut self, body: Option<&CloseFrame>) {
        let length = body.map_or(0, |body| 2 + body.reason.len());
        self.append(Role::Close, length, |encoder, run| encoder.close(run, body));
    }

    /// Notes that the transport took `written` bytes, and adds them to `taken`.
    pub fn advance(&mut self, written: usize, taken: &mut Taken) {
        self.len -= written;
        self.offset += written;
        if self.runs.front().is_some_and(|run| self.offset >= run.len())
            && let Some(run) = self.runs.pop_front()
        {
            buffers::give_back(run);
            self.offset = 0;
        }
        self.accounts.advance(written, taken);
        if self.original.is_some() && !self.accounts.has_deflated() {
            self.original = None;
        }
    }

    fn append(&mut self, role: Role, payload: usize, encode: impl FnOnce(&mut Encoder, &mut Vec<u8>)) {
        // A run that is being written may still grow, unless it is the payload of a large message.
        match self.runs.back_mut() {
            Some(run) if run.len() < GATHERED => encode(&mut self.encoder, run),
            _ => {
                let mut run = Vec::new();
                encode(&mut self.encoder, &mut run);
                self.runs.push_back(run);
            }
        }
        let total = encoded_len(payload);
        self.len += total;
        self.accounts.add(role, total, payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::close::CloseCode;
    use crate::event::Messages;
    use crate::extension::{self, Compression};

    fn message(size: usize) -> Outgoing {
        Outgoing::Message { kind: Kind::Binary, payload: vec![1; size], compress: true }
    }

    fn deflating(threshold: usize) -> Output {
        let compression = Compression { threshold, ..Compression::default() };
        let agreed = extension::agree(Some(&compression), [&b"permessage-deflate"[..]].into_iter());
        Output::new(agreed.unwrap().map(|agreed| Deflater::new(&agreed, &compression)), AfterLoss::Another)
    }

    #[test]
    fn accounts_for_every_byte_however_it_is_written() {
        for (step, mut output) in [1, 2, 3, 7, 100, 1_000_000].into_iter().flat_map(|step| {
            [(step, Output::new(None, AfterLoss::Nothing)), (step, deflating(1000)), (step, deflating(0))]
        }) {
            let sizes = [0, 5, 5, 5, 126, 20_000, 20_000, 3, 70_000, 1, 1];
            let mut cost = 0;
            for size in sizes {
                let message = message(size);
                cost += message.cost();
                output.send(message);
                while output.deflate().is_some() {}
            }
            output.keepalive(b"k");
            output.pong(b"p");
            output.close(Some(&CloseFrame::new(CloseCode::NORMAL, "bye")));
            let total = output.len();
            let mut taken = Taken::default();
            let mut written = 0;
            while !output.bytes().is_empty() {
                let n = output.bytes().len().min(step);
                output.advance(n, &mut taken);
                written += n;
                assert_eq!(output.len(), total - written);
            }
            assert_eq!(written, total);
            let payload = sizes.iter().sum();
            let whole = Messages { count: sizes.len(), bytes: payload };
            assert_eq!(taken, Taken { bytes: total, payload, cost, whole, keepalive: true, close: true });
        }
    }

    #[test]
    fn deflates_a_large_message_in_steps_with_answers_between_them() {
        let mut output = deflating(0);
        output.send(message(1_000_000));
        let steps: Vec<usize> = std::iter::from_fn(|| {
            output.pong(b"p");
            output.deflate()
        })
        .collect();
        assert!(steps.len() >= 3 && steps.iter().all(|step| *step <= 500_000), "{steps:?}");
        assert_eq!(steps.iter().sum::<usize>(), 1_000_000);
        // The Pongs stand first, each with a header, a key and one byte of payload; the message follows them.
        let bytes = output.bytes();
        assert_eq!((bytes[0], bytes[7 * steps.len()]), (0x8a, 0xc2));
    }

    #[test]
    fn releases_the_memory_of_a_burst_that_is_written() {
        let mut output = Output::new(None, AfterLoss::Nothing);
        for number in 0..10_000 {
            output.pong(if number % 2 == 0 { b"" } else { b"x" });
        }
        while output.len() > 0 {
            output.advance(output.bytes().len(), &mut Taken::default());
        }
        assert!(output.accounts.is_small() && output.runs.capacity() <= 64);
    }

    #[test]
    fn gives_back_a_compressed_message_as_it_was_unless_the_transport_has_taken_a_part_of_it() {
        let whole = {
            let mut output = deflating(1000);
            output.send(message(5000));
            while output.deflate().is_some() {}
            output.len()
        };
        let cases = [(0, true, 0), (1, true, 124), (130, true, 0), (131, false, 5000), (130 + whole, false, 0)];
        for (written, is_kept, lost) in cases {
            let mut output = deflating(1000);
            // 124 bytes of payload with a header of 6 are sent as they are.
            output.send(message(124));
            while output.deflate().is_some() {}
            output.send(message(5000));
            assert!(output.takes_more());
            while output.deflate().is_some() {}
            assert!(!output.takes_more());
            output.pong(b"p");
            output.advance(written, &mut Taken::default());
            let recovered = output.recover();
            assert_eq!(recovered.original.is_some_and(|original| original.payload() == 5000), is_kept, "{written}");
            assert_eq!(recovered.lost.bytes, lost, "{written}");
        }
    }

    #[test]
    fn withholds_messages_of_which_no_byte_was_taken() {
        for (written, left, kept) in [(0, 0, 3), (1, 35, 2), (35, 1, 2), (36, 0, 2), (37, 35, 1), (108, 0, 0)] {
            let mut output = Output::new(None, AfterLoss::Another);
            for _ in 0..3 {
                output.send(message(30));
            }
            let mut taken = Taken::default();
            output.advance(written, &mut taken);
            let withheld = output.withhold();
            assert_eq!((output.len(), output.bytes().len()), (left, left), "{written}");
            assert_eq!(withheld.frames.bytes.len(), 36 * kept, "{written}");
            assert_eq!((withheld.lost.count, withheld.payload, withheld.cost), (0, 0, 0), "{written}");
            output.close(None);
            while output.len() > 0 {
                output.advance(1, &mut taken);
            }
            assert_eq!((taken.payload, taken.close), (30 * (3 - kept), true), "{written}");
        }
        for (written, is_kept) in [(0, true), (1, false)] {
            let mut output = deflating(0);
            output.send(message(5000));
            while output.deflate().is_some() {}
            output.advance(written, &mut Taken::default());
            assert_eq!(output.withhold().original.is_some(), is_kept, "{written}");
            assert_eq!(output.recover().lost.count, 1 - usize::from(is_kept), "{written}");
        }
        let mut output = deflating(0);
        output.send(message(5000));
        while output.deflate().is_some() {}
        output.advance(1, &mut Taken::default());
        output.withhold();
        let rest = output.len();
        output.close(None);
        output.advance(rest, &mut Taken::default());
        assert!(output.recover().original.is_none(), "it is written whole");
    }

    #[test]
    fn counts_the_bytes_of_a_message_that_is_half_written() {
        let mut output = Output::new(None, AfterLoss::Nothing);
        output.send(message(100));
        let mut taken = Taken::default();
        output.advance(6 + 30, &mut taken);
        assert_eq!((taken.payload, taken.cost), (30, 0));
    }
}
