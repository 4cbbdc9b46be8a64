//! Drives one open connection: writes what waits, reads what the script has room for, keeps the deadlines.
//!
//! Comes in: readiness of the transport, the script's wishes, time. Goes out: events in order, and the end. One `poll`
//! does all there is to do and never blocks; the decisions stand in `closing`, `keepalive` and the protocol room.

mod writing;

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::task::yield_now;
use tokio::time::{Instant, Sleep, sleep_until};

use super::closing::{Cause, Closing};
use super::keepalive::Keepalive;
use super::outbox::{Outbox, Wish};
use super::output::{Output, Taken};
use super::{Settings, Teller};
use crate::close::NO_STATUS;
use crate::error::ErrorCode;
use crate::event::{End, Event};
use crate::extension::Agreed;
use crate::protocol::{Decoder, Deflater, Incoming, Inflater, Violation};
use crate::queue::Item;
use crate::transport::{Loss, Stream};

/// Encoded bytes above which no further message is encoded; also bounds the pongs that wait.
const OUTPUT_MARK: usize = 64 * 1024;

/// One read; shared by all connections, so that an idle one holds no buffer.
const READ_SIZE: usize = 64 * 1024;

/// Reads in one turn, for a peer that sends without end must not keep us from writing, nor other connections from
/// theirs; well below the turn that tokio allows a task, which writing needs, too.
const READS_PER_TURN: usize = 16;

/// Bytes of payload to take in, and to deflate, in one turn, but for the read and the step that pass it: few bytes on the
/// wire may be many here.
const PAYLOAD_PER_TURN: usize = 1024 * 1024;

/// How long the peer may take to end the stream after both Close frames, or after our Close on a violation.
const LINGER: Duration = Duration::from_secs(2);

/// A deadline that is seen this late passed while the process was stopped or starved.
const LATE: Duration = Duration::from_millis(500);

/// How much longer such a deadline is: what the peer did in time is perhaps not read yet.
const CATCH_UP: Duration = Duration::from_secs(1);

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_SIZE].into());
}

/// An open connection.
pub struct Driver {
    stream: Stream,
    decoder: Decoder,
    output: Output,
    /// Written, but perhaps still in the buffers of TLS.
    unflushed: Taken,
    /// The answer to the peer's last Ping, where the output is too long to take one for each.
    pong: Option<Vec<u8>>,
    /// The keepalive Ping that is due, until there is room for it.
    ping: Option<[u8; 8]>,
    closing: Closing,
    keepalive: Keepalive,
    /// Bytes that were read when the script's room ran out.
    leftover: Vec<u8>,
    resting: bool,
    /// The peer's breach of the protocol, until the script has seen what came before it.
    breach: Option<(Violation, Instant)>,
    /// The host goes away: what arrives is for nobody.
    leaving: bool,
    write_lost: Option<(ErrorCode, String)>,
    /// The last step of the closing handshake, from which its time-out counts.
    last_step: Instant,
    /// No deadline counts before, since one was seen late.
    caught_up: Instant,
    timer: Pin<Box<Sleep>>,
    settings: Settings,
}

impl Driver {
    /// Makes the driver of a connection that opened just now; `tail` came with the response.
    pub fn new(stream: Stream, agreed: Option<&Agreed>, tail: Vec<u8>, settings: Settings) -> Driver {
        let now = Instant::now();
        let compression = settings.compression.as_ref();
        let deflater = agreed.zip(compression).map(|(agreed, compression)| Deflater::new(agreed, compression));
        Driver {
            stream,
            decoder: Decoder::new(settings.limits, agreed.map(Inflater::new)),
            output: Output::new(deflater),
            unflushed: Taken::default(),
            pong: None,
            ping: None,
            closing: Closing::default(),
            keepalive: Keepalive::new(settings.ping_interval, settings.ping_timeout, now),
            leftover: tail,
            resting: false,
            breach: None,
            leaving: false,
            write_lost: None,
            last_step: now,
            caught_up: now,
            timer: Box::pin(sleep_until(now)),
            settings,
        }
    }

    /// Does all that can be done now; ready with the end.
    pub fn poll(&mut self, cx: &mut Context<'_>, teller: &mut Teller) -> Poll<End> {
        let cause = ready!(self.poll_cause(cx, teller));
        let closing = std::mem::take(&mut self.closing);
        Poll::Ready(closing.end(cause))
    }

    fn poll_cause(&mut self, cx: &mut Context<'_>, teller: &mut Teller) -> Poll<Cause> {
        loop {
            let now = Instant::now();
            if self.obey(teller.connection.outbox.wish(cx.waker()), now) {
                return Poll::Ready(Cause::Dropped);
            }
            if let Poll::Ready(cause) = self.poll_read(cx, teller, now) {
                self.judge(&teller.connection.outbox);
                if cause == Cause::EndOfStream {
                    // The peer may have closed its side at once with its Close; our answer still reaches it.
                    self.poll_write(cx, &teller.connection.outbox, now);
                }
                return Poll::Ready(cause);
            }
            if let Some((_, since)) = self.breach
                && (teller.budget.is_idle(cx.waker()) || now >= since + LINGER)
            {
                self.judge(&teller.connection.outbox);
            }
            if !self.closing.has_begun() {
                self.ping = self.keepalive.due(now).or(self.ping);
            }
            self.poll_write(cx, &teller.connection.outbox, now);
            if self.write_lost.is_some() && !self.closing.may_receive() {
                // Nobody hears our answer, and nothing more is to be heard.
                return Poll::Ready(Cause::EndOfStream);
            }
            let Some(deadline) = self.deadline().map(|deadline| self.catch_up(deadline, now)) else {
                return Poll::Pending;
            };
            if deadline <= now
                && let Some(cause) = self.expired(now)
            {
                return Poll::Ready(cause);
            }
            self.timer.as_mut().reset(deadline);
            ready!(self.timer.as_mut().poll(cx));
        }
    }

    /// Takes up what the script wishes; tells whether it wants the end at once.
    fn obey(&mut self, wish: Wish, now: Instant) -> bool {
        let body = match wish {
            Wish::Stay => return false,
            Wish::Terminate => return true,
            Wish::Close(body) => body,
            Wish::Leave(body) => {
                self.leaving = true;
                body
            }
        };
        if !self.closing.has_begun() {
            self.last_step = now;
        }
        self.closing.ask(body);
        false
    }

    // Reading

    fn poll_read(&mut self, cx: &mut Context<'_>, teller: &mut Teller, now: Instant) -> Poll<Cause> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut told = 0;
            for _ in 0..READS_PER_TURN {
                if told >= PAYLOAD_PER_TURN {
                    break;
                }
                if self.resting && self.must_rest(cx.waker(), teller) {
                    return Poll::Pending;
                }
                if !self.leftover.is_empty() || self.resting {
                    let leftover = std::mem::take(&mut self.leftover);
                    told += self.take_in(&leftover, cx.waker(), teller, now);
                    if self.resting {
                        return Poll::Pending;
                    }
                }
                let mut buffer = ReadBuf::new(scratch);
                let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
                if let Err(error) = read {
                    return Poll::Ready(self.loss(&error));
                }
                if buffer.filled().is_empty() {
                    let lost = self.write_lost.take();
                    return Poll::Ready(lost.map_or(Cause::EndOfStream, |(code, text)| Cause::Lost(code, text)));
                }
                self.keepalive.heard();
                told += self.take_in(buffer.filled(), cx.waker(), teller, now);
            }
            yield_turn(cx);
            Poll::Pending
        })
    }

    /// Decodes what was read and tells it, as far as the script has room; returns the bytes of payload.
    fn take_in(&mut self, mut input: &[u8], reader: &Waker, teller: &mut Teller, now: Instant) -> usize {
        let mut told = 0;
        let mut items = Vec::new();
        let was_resting = std::mem::replace(&mut self.resting, false);
        loop {
            if self.must_rest(reader, teller) {
                self.leftover = input.to_vec();
                self.resting = true;
                break;
            }
            match self.decoder.next(&mut input) {
                Ok(None) => break,
                Ok(Some(incoming)) => {
                    told += incoming.payload_len();
                    items.extend(self.event_of(incoming, teller, now));
                }
                Err(violation) => self.breach = Some((violation, now)),
            }
        }
        if was_resting && !self.resting {
            self.keepalive.resumed(now);
            self.last_step = self.last_step.max(now);
        }
        if !self.leaving {
            teller.queue.push(items);
        }
        told
    }

    /// Tells whether there is no room for an event; where none will come any more, room does not matter.
    fn must_rest(&self, reader: &Waker, teller: &Teller) -> bool {
        let matters = self.closing.may_receive() && self.breach.is_none() && !self.leaving;
        matters && !teller.budget.admits(reader)
    }

    /// Acts on a breach of the protocol. Not before the script has seen what came before it, if it looks soon: its
    /// answers to that still go out before our Close.
    fn judge(&mut self, outbox: &Outbox) {
        if let Some((violation, _)) = self.breach.take() {
            outbox.shut();
            self.closing.violate(violation);
            self.last_step = Instant::now();
        }
    }

    fn event_of(&mut self, incoming: Incoming, teller: &mut Teller, now: Instant) -> Option<Item> {
        match incoming {
            Incoming::Message(kind, payload) => Some(teller.charged(Event::Message(kind, payload))),
            Incoming::Ping(payload) => {
                self.answer(&payload);
                self.settings.report_pings.then(|| teller.charged(Event::Ping(payload)))
            }
            Incoming::Pong(payload) => match self.keepalive.pong(&payload, now) {
                None => Some(teller.charged(Event::Pong(payload))),
                Some(latency) => {
                    if let Some(latency) = latency {
                        teller.connection.set_latency(latency);
                    }
                    None
                }
            },
            Incoming::Close(body) => {
                teller.connection.outbox.refuse();
                self.closing.receive(body.clone());
                self.last_step = now;
                let (code, reason) = body.map_or((NO_STATUS, String::new()), |body| (body.code.get(), body.reason));
                Some(teller.charged(Event::Closing { code, reason }))
            }
        }
    }

    fn loss(&mut self, error: &io::Error) -> Cause {
        match (Stream::classify(error), self.write_lost.take()) {
            (_, Some((code, text))) => Cause::Lost(code, text),
            (Loss::EndOfStream, None) => Cause::EndOfStream,
            (Loss::Reset(text), None) => Cause::Lost(ErrorCode::Reset, text),
            (Loss::Tls(text), None) => Cause::Lost(ErrorCode::Tls, text),
        }
    }

    // Time

    /// Returns the next moment at which something is over or due.
    fn deadline(&self) -> Option<Instant> {
        if let Some((_, since)) = self.breach {
            return since.checked_add(LINGER);
        }
        if self.resting {
            // No time-out while the script's room is used up; keepalive pings go on.
            return if self.closing.has_begun() { None } else { self.keepalive.next_ping() };
        }
        if self.closing.is_done() || self.write_lost.is_some() {
            return self.last_step.checked_add(LINGER);
        }
        if self.closing.has_begun() {
            return self.last_step.checked_add(self.settings.close_timeout);
        }
        self.keepalive.deadline()
    }

    /// Puts off a deadline that is seen late, once: a timer goes off before what waits in the socket is known.
    fn catch_up(&mut self, deadline: Instant, now: Instant) -> Instant {
        if now > deadline + LATE && self.caught_up <= deadline {
            self.caught_up = now + CATCH_UP;
        }
        deadline.max(self.caught_up)
    }

    fn expired(&self, now: Instant) -> Option<Cause> {
        if self.resting || self.breach.is_some() {
            return None;
        }
        if self.closing.has_begun() || self.write_lost.is_some() {
            if self.deadline()? > now {
                return None;
            }
            return Some(match &self.write_lost {
                Some((code, text)) => Cause::Lost(*code, text.clone()),
                None => Cause::CloseTimeout(format!(
                    "no Close frame from the peer within {} s",
                    self.settings.close_timeout.as_secs_f64()
                )),
            });
        }
        self.keepalive.expired(now).then(|| {
            let limit = self.settings.ping_timeout.unwrap_or_default().as_secs_f64();
            Cause::Silent(format!("the peer was silent for {limit} s after a keepalive ping"))
        })
    }
}

/// Has the task polled again, but after all others. Woken at once it would also go before what the system has for them: the
/// runtime asks that only now and then while a task is ready.
fn yield_turn(cx: &mut Context<'_>) {
    // The first poll hands the waker over, and is never ready.
    let _ = pin!(yield_now()).poll(cx);
}
