//! The writing half of an open connection: answers first, then what the script sends, then our Close.
//!
//! Comes in: what the script sends, what is to be answered, and the transport, when it has capacity. Goes out: encoded
//! frames, and to the outbox and the deadlines the account of what the transport took. Decides no end: what a loss
//! means is the driver's decision.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::closing::{Closing, OurClose};
use super::deadlines::Deadlines;
use super::frames::Taken;
use super::outbox::Outbox;
use super::outgoing::{AfterLoss, Next};
use super::output::Output;
use super::recovery::Recovered;
use crate::error::ErrorCode;
use crate::protocol::Deflater;
use crate::transport::{Loss, Stream};

/// Encoded bytes above which no further message is encoded; also bounds the pongs that wait.
const OUTPUT_MARK: usize = 64 * 1024;

/// Bytes of payload to read, and to deflate, in one turn, and bytes to write; the read, step or write that crosses the
/// limit is still finished. Few bytes on the wire may inflate to many.
pub const PAYLOAD_PER_TURN: usize = 1024 * 1024;

/// Writes for one connection.
pub struct Writer {
    output: Output,
    /// Written, but perhaps still in the buffers of TLS.
    unflushed: Taken,
    /// The answer to the peer's last Ping, while the output is too long for one answer to each.
    pong: Option<Vec<u8>>,
    /// The keepalive Ping that is due and not encoded yet.
    ping: Option<[u8; 8]>,
    writes: Capacity,
    flushes: Capacity,
    lost: Option<Lost>,
}

/// Why nothing can be written any more: the error's code and text.
pub type Lost = (ErrorCode, String);

impl Writer {
    /// Makes the writer of a connection; `deflater` where compression was agreed.
    pub fn new(deflater: Option<Deflater>, after_loss: AfterLoss) -> Writer {
        Writer {
            output: Output::new(deflater, after_loss),
            unflushed: Taken::default(),
            pong: None,
            ping: None,
            writes: Capacity::Open,
            flushes: Capacity::Open,
            lost: None,
        }
    }

    /// Returns why nothing can be written any more.
    pub fn lost(&self) -> Option<&Lost> {
        self.lost.as_ref()
    }

    /// Takes out the messages of which the transport has taken no byte, for another connection.
    pub fn withhold(&mut self) -> Recovered {
        self.output.withhold()
    }

    /// Ends the writing: returns what the transport has not taken, or has taken and perhaps not sent.
    pub fn recover(self) -> Recovered {
        let mut recovered = self.output.recover();
        recovered.add_unsent(&self.unflushed);
        recovered
    }

    /// Queues the answer to a Ping; only the latest where the peer sends them faster than it reads (RFC 6455 section
    /// 5.5.3). The caller checks that our Close is not sent yet.
    pub fn queue_pong(&mut self, payload: &[u8]) {
        if self.output.len() < OUTPUT_MARK {
            // One that still waits is older, and must not come after this.
            self.pong = None;
            self.output.pong(payload);
        } else {
            self.pong = Some(payload.to_vec());
        }
    }

    /// Queues a keepalive Ping, in place of one that is not encoded yet.
    pub fn queue_ping(&mut self, payload: [u8; 8]) {
        self.ping = Some(payload);
    }

    /// Writes as much as the transport takes.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, turn: &mut Turn<'_>) {
        if self.lost.is_some() {
            return;
        }
        let mut done = Done::default();
        let result = self.try_write(cx, turn, &mut done);
        if done.deflated > 0 {
            turn.deadlines.note_progress(turn.now);
        }
        if done.is_enough() {
            yield_turn(cx);
        }
        if let Err(error) = result {
            turn.outbox.note_loss();
            turn.deadlines.note_write_lost(turn.now);
            self.lost = Some(match Stream::classify(&error) {
                Loss::EndOfStream => (ErrorCode::Reset, "the peer ended the stream".to_owned()),
                Loss::Reset(text) => (ErrorCode::Reset, text),
                Loss::Tls(text) => (ErrorCode::Tls, text),
            });
        }
    }

    fn try_write(&mut self, cx: &mut Context<'_>, turn: &mut Turn<'_>, done: &mut Done) -> io::Result<()> {
        loop {
            if self.unflushed != Taken::default() {
                // Flush completely before writing more. Otherwise a slow peer keeps TLS's buffer full and the flush
                // never finishes.
                let flushed = Pin::new(&mut *turn.stream).poll_flush(cx);
                self.flushes.note(&flushed, turn.deadlines);
                match flushed {
                    Poll::Ready(result) => result?,
                    Poll::Pending => return Ok(()),
                }
                self.account(turn);
            }
            self.encode(turn, &mut done.deflated);
            while !self.output.bytes().is_empty() && done.written < PAYLOAD_PER_TURN {
                let written = Pin::new(&mut *turn.stream).poll_write(cx, self.output.bytes());
                self.writes.note(&written, turn.deadlines);
                match written {
                    Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                    Poll::Ready(Err(error)) => {
                        // Over plain TCP the system has what was written before.
                        if let Poll::Ready(Ok(())) = Pin::new(&mut *turn.stream).poll_flush(cx) {
                            self.account(turn);
                        }
                        return Err(error);
                    }
                    Poll::Ready(Ok(written)) => {
                        done.written += written;
                        self.output.advance(written, &mut self.unflushed);
                    }
                    Poll::Pending => break,
                }
            }
            if self.unflushed == Taken::default() {
                return Ok(());
            }
        }
    }

    /// Encodes what may go out now: answers first, then what the script sends, then its Close.
    fn encode(&mut self, turn: &mut Turn<'_>, deflated: &mut usize) {
        if turn.closing.is_sent() || self.output.len() >= OUTPUT_MARK {
            return;
        }
        if let Some(pong) = self.pong.take() {
            self.output.pong(&pong);
        }
        if let Some(close) = turn.closing.answer() {
            return self.encode_close(&close, turn);
        }
        if let Some(payload) = self.ping.take() {
            self.output.keepalive(&payload);
        }
        while self.output.len() < OUTPUT_MARK && self.output.takes_more() && *deflated < PAYLOAD_PER_TURN {
            if let Some(payload) = self.output.deflate() {
                *deflated += payload;
                continue;
            }
            let next = if *turn.has_next { turn.outbox.next() } else { None };
            *turn.has_next = next.as_ref().is_some_and(|(_, more)| *more);
            match next {
                Some((Next::Message(outgoing), _)) => self.output.send(outgoing),
                Some((Next::Frames(frames), _)) => self.output.append_frames(frames),
                None => {
                    if let Some(close) = turn.closing.wanted() {
                        self.encode_close(&close, turn);
                    }
                    return;
                }
            }
        }
    }

    fn encode_close(&mut self, close: &OurClose, turn: &mut Turn<'_>) {
        self.output.close(close.body.as_ref());
        turn.closing.note_sent(close);
    }

    /// Accounts for what the transport has taken.
    fn account(&mut self, turn: &mut Turn<'_>) {
        let taken = std::mem::take(&mut self.unflushed);
        *turn.accepts_again |= turn.outbox.note_written(taken.payload, taken.cost);
        turn.deadlines.note_progress(turn.now);
        if taken.keepalive {
            turn.deadlines.keepalive().note_written(turn.now);
        }
        if taken.close {
            turn.deadlines.note_close_written(turn.now);
            turn.closing.note_written();
        }
    }
}

/// What was done in one turn, in bytes.
#[derive(Default)]
struct Done {
    deflated: usize,
    written: usize,
}

impl Done {
    /// Tells whether other connections must have their turn. A peer that reads as fast as the script sends must not
    /// keep us from reading.
    fn is_enough(&self) -> bool {
        self.deflated >= PAYLOAD_PER_TURN || self.written >= PAYLOAD_PER_TURN
    }
}

/// What a turn of writing works with.
pub struct Turn<'a> {
    /// Where bytes go.
    pub stream: &'a mut Stream,
    /// Where messages come from.
    pub outbox: &'a Outbox,
    /// Whether messages wait there, as far as is known. If some come later, the connection gets another turn.
    pub has_next: &'a mut bool,
    /// Set when the outbox accepts messages again after it has refused one.
    pub accepts_again: &'a mut bool,
    /// Which Close is to be sent, if any.
    pub closing: &'a mut Closing,
    /// Where progress is noted.
    pub deadlines: &'a mut Deadlines,
    /// When the turn began.
    pub now: Instant,
}

/// What the last call of one kind, a write or a flush, found. A transport that was full has capacity again when the
/// same kind of call succeeds; over plain TCP a flush always does, so it says nothing about writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Capacity {
    Open,
    Full,
}

impl Capacity {
    /// Notes the outcome of a call, and for the deadlines, whether capacity opened.
    fn note<T>(&mut self, outcome: &Poll<T>, deadlines: &mut Deadlines) {
        if outcome.is_ready() {
            if std::mem::replace(self, Capacity::Open) == Capacity::Full {
                deadlines.note_capacity_opened();
            }
        } else {
            *self = Capacity::Full;
        }
    }
}

/// Requeues this task behind the others. The runtime asks for news from the network before it runs this task again.
pub fn yield_turn(cx: &Context<'_>) {
    cx.waker().wake_by_ref();
}
