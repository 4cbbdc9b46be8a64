//! Writes for the driver: answers first, then what the script sends, then its Close.
//!
//! Comes in: room in the transport. Goes out: encoded frames, and to the outbox the account of what was taken. Waits for
//! nothing and decides no end: what a loss means is the driver's to tell.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::{Driver, OUTPUT_MARK, PAYLOAD_PER_TURN, yield_turn};
use crate::close::CloseFrame;
use crate::connection::outbox::Outbox;
use crate::connection::output::Taken;
use crate::error::ErrorCode;
use crate::transport::{Loss, Stream};

impl Driver {
    /// Answers a Ping; only the latest where the peer sends them faster than it reads (RFC 6455 section 5.5.3).
    pub(super) fn answer(&mut self, payload: &[u8]) {
        if self.closing.is_sent() {
            return;
        }
        if self.output.len() < OUTPUT_MARK {
            // One that waits still is older, and must not come after this.
            self.pong = None;
            self.output.pong(payload);
        } else {
            self.pong = Some(payload.to_vec());
        }
    }

    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, outbox: &Outbox, now: Instant) {
        if self.write_lost.is_some() {
            return;
        }
        let mut deflated = 0;
        let result = self.try_write(cx, outbox, now, &mut deflated);
        if deflated >= PAYLOAD_PER_TURN {
            yield_turn(cx);
        }
        if let Err(error) = result {
            outbox.refuse();
            self.last_step = now;
            self.write_lost = match Stream::classify(&error) {
                Loss::EndOfStream => Some((ErrorCode::Reset, "the peer ended the stream".to_owned())),
                Loss::Reset(text) => Some((ErrorCode::Reset, text)),
                Loss::Tls(text) => Some((ErrorCode::Tls, text)),
            };
        }
    }

    fn try_write(
        &mut self,
        cx: &mut Context<'_>,
        outbox: &Outbox,
        now: Instant,
        deflated: &mut usize,
    ) -> io::Result<()> {
        loop {
            if self.unflushed != Taken::default() {
                // To its end before more is written: TLS, kept full by a slow peer, would never be through.
                match Pin::new(&mut self.stream).poll_flush(cx) {
                    Poll::Ready(result) => result?,
                    Poll::Pending => return Ok(()),
                }
                self.account(outbox, now);
            }
            self.encode(outbox, deflated);
            while !self.output.bytes().is_empty() {
                match Pin::new(&mut self.stream).poll_write(cx, self.output.bytes()) {
                    Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                    Poll::Ready(result) => self.output.advance(result?, &mut self.unflushed),
                    Poll::Pending => break,
                }
            }
            if self.unflushed == Taken::default() {
                return Ok(());
            }
        }
    }

    /// Encodes what may go out now: answers first, then what the script sends, then its Close.
    fn encode(&mut self, outbox: &Outbox, deflated: &mut usize) {
        if self.closing.is_sent() || self.output.len() >= OUTPUT_MARK {
            return;
        }
        if let Some(pong) = self.pong.take() {
            self.output.pong(&pong);
        }
        if let Some(body) = self.closing.urgent() {
            return self.close(body);
        }
        if let Some(payload) = self.ping.take() {
            self.output.keepalive(&payload);
        }
        while self.output.len() < OUTPUT_MARK && *deflated < PAYLOAD_PER_TURN {
            if let Some(payload) = self.output.deflate() {
                *deflated += payload;
                continue;
            }
            match outbox.next() {
                Some(outgoing) => self.output.send(outgoing),
                None => {
                    if let Some(body) = self.closing.wished() {
                        self.close(body);
                    }
                    return;
                }
            }
        }
    }

    fn close(&mut self, body: Option<CloseFrame>) {
        self.output.close(body.as_ref());
        self.closing.send(body.as_ref());
    }

    /// Accounts for what the transport has taken.
    fn account(&mut self, outbox: &Outbox, now: Instant) {
        let taken = std::mem::take(&mut self.unflushed);
        if taken.bytes == 0 {
            return;
        }
        outbox.written(taken.payload, taken.cost);
        // A peer that broke the protocol gets no more time by reading slowly.
        let waits = self.closing.has_begun() && !self.closing.is_violated();
        if (waits && !self.closing.is_done()) || taken.close {
            self.last_step = now;
        }
        if taken.keepalive {
            self.keepalive.written(now);
        }
        if taken.close {
            self.closing.write();
        }
    }
}
