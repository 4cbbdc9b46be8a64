//! Drives one open connection: writes what waits, reads while the script's queue has capacity, keeps the deadlines.
//!
//! Comes in: readiness of the transport, what the script sends and wants, time. Goes out: events in order, and the end.
//! One `poll` does everything that can be done and never blocks; the decisions are made in `closing`, `deadlines` and
//! `protocol`.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::arrivals::Arrivals;
use super::closing::{Cause, Closing, OurClose};
use super::deadlines::{Deadline, Deadlines};
use super::keepalive::{Keepalive, PongOf};
use super::outbox::Outbox;
use super::outgoing::{AfterLoss, Asked, Wish};
use super::recovery::Recovered;
use super::retries;
use super::settings::Settings;
use super::sink::EventSink;
use super::writer::{PAYLOAD_PER_TURN, Turn, Writer, yield_turn};
use crate::close::NO_STATUS;
use crate::error::ErrorCode;
use crate::event::{End, Event};
use crate::extension::Agreed;
use crate::protocol::{Decoder, Deflater, Incoming, Inflater, Violation};
use crate::queue;
use crate::sync::Mutex;
use crate::transport::{Loss, Stream};

/// One read, unless it is done in place; the buffer is shared by all connections, so that an idle one holds none.
const READ_SIZE: usize = 64 * 1024;

/// Reads in one turn. A peer that sends without end must not keep us from writing, nor other connections from their
/// turns.
const READS_PER_TURN: usize = 16;

/// Where bytes are read into; made with the first read. Only the thread that drives uses it, so no thread ever waits
/// for it.
static SCRATCH: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// What a read has brought.
enum Read<'a> {
    /// As many bytes of the message that is arriving.
    InPlace(usize),
    /// These bytes.
    Apart(&'a [u8]),
}

/// An open connection.
pub struct Driver {
    stream: Stream,
    decoder: Decoder,
    writer: Writer,
    closing: Closing,
    deadlines: Deadlines,
    /// The script has sent something that the writer has not taken, as far as is known.
    has_next: bool,
    /// The outbox accepts messages again after it has refused one, and the script was not told.
    accepts_again: bool,
    /// Bytes that were read and not decoded when the script's queue was full.
    leftover: Vec<u8>,
    /// The peer's breach of the protocol, until the script has seen what came before it.
    breach: Option<Violation>,
    /// The host goes away, and nobody takes what still arrives.
    leaving: bool,
    timer: Pin<Box<Sleep>>,
    settings: Arc<Settings>,
}

impl Driver {
    /// Makes the driver of a connection that opened just now; `tail` came with the response.
    pub fn new(stream: Stream, agreed: Option<&Agreed>, tail: Vec<u8>, settings: Arc<Settings>) -> Driver {
        let now = Instant::now();
        let compression = settings.compression.as_ref();
        let deflater = agreed.zip(compression).map(|(agreed, compression)| Deflater::new(agreed, compression));
        let keepalive = Keepalive::new(settings.ping_interval, settings.ping_timeout, now);
        Driver {
            stream,
            decoder: Decoder::new(settings.limits, agreed.map(Inflater::new)),
            writer: Writer::new(deflater, settings.after_loss),
            closing: Closing::default(),
            deadlines: Deadlines::new(keepalive, settings.close_timeout),
            has_next: false,
            accepts_again: false,
            leftover: tail,
            breach: None,
            leaving: false,
            timer: Box::pin(sleep_until(now)),
            settings,
        }
    }

    /// Does everything that can be done now; ready with the end, which comes once.
    pub fn poll(&mut self, cx: &mut Context<'_>, sink: &mut EventSink) -> Poll<End> {
        let cause = ready!(self.poll_cause(cx, sink));
        self.deliver_leftover(sink);
        let closing = std::mem::take(&mut self.closing);
        Poll::Ready(closing.end(cause))
    }

    /// Ends the connection: returns what was not written, for another connection, and whether the outbox accepts
    /// messages again, which the script was not told.
    pub fn recover(self) -> (Recovered, bool) {
        (self.writer.recover(), self.accepts_again)
    }

    fn poll_cause(&mut self, cx: &mut Context<'_>, sink: &mut EventSink) -> Poll<Cause> {
        loop {
            let now = Instant::now();
            let Asked { wish, has_next } = sink.connection.outbox.poll_asked(cx);
            self.has_next = has_next;
            if self.apply(wish, now) {
                return Poll::Ready(Cause::Dropped);
            }
            if let Poll::Ready(cause) = self.poll_read(cx, sink, now) {
                self.fail_on_breach(&sink.connection.outbox, now);
                if cause == Cause::EndOfStream {
                    // The peer may have closed its side at once with its Close; our answer still reaches it, and so
                    // does what the script has sent meanwhile.
                    self.has_next = true;
                    self.poll_write(cx, &sink.connection.outbox, now);
                }
                return Poll::Ready(cause);
            }
            if self.breach.is_some() && sink.connection.budget.poll_idle(cx.waker()) {
                self.fail_on_breach(&sink.connection.outbox, now);
            }
            if self.deadlines.is_open()
                && let Some(payload) = self.deadlines.keepalive().take_due_ping(now)
            {
                self.writer.queue_ping(payload);
                sink.log.debug(|| "a keepalive ping is due".to_owned());
            }
            self.poll_write(cx, &sink.connection.outbox, now);
            if std::mem::take(&mut self.accepts_again) && self.settings.report_drain {
                sink.deliver([sink.charged(Event::Drain)]);
            }
            if self.writer.lost().is_some() && !self.closing.may_receive() {
                // Nobody receives our answer, and nothing more is to be received.
                return Poll::Ready(Cause::EndOfStream);
            }
            let Some(Deadline { at, due }) = self.deadlines.next(now) else { return Poll::Pending };
            if at <= now {
                match Cause::of_deadline(due, &self.settings, self.writer.lost().cloned().map(lost)) {
                    Some(cause) => return Poll::Ready(cause),
                    None => self.fail_on_breach(&sink.connection.outbox, now),
                }
                continue;
            }
            // A timer that fires too early is harmless: the loop looks at the clock again. To set it for each message
            // would cost more, because most deadlines are put off before they pass.
            if self.timer.is_elapsed() || at < self.timer.deadline() {
                self.timer.as_mut().reset(at);
            }
            ready!(self.timer.as_mut().poll(cx));
        }
    }

    /// Acts on what the script wants; returns whether that is the end at once.
    fn apply(&mut self, wish: Wish, now: Instant) -> bool {
        let body = match wish {
            Wish::Stay => return false,
            Wish::Terminate => return true,
            Wish::Close(body) => body,
            Wish::Leave(body) => {
                self.leaving = true;
                body
            }
        };
        self.deadlines.note_close_wanted(now);
        self.closing.note_wanted(OurClose { body });
        false
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, outbox: &Outbox, now: Instant) {
        let Driver { stream, closing, deadlines, has_next, accepts_again, .. } = self;
        self.writer.poll_write(cx, &mut Turn { stream, outbox, has_next, accepts_again, closing, deadlines, now });
    }

    // Reading

    fn poll_read(&mut self, cx: &mut Context<'_>, sink: &mut EventSink, now: Instant) -> Poll<Cause> {
        let mut scratch = SCRATCH.lock();
        scratch.resize(READ_SIZE, 0);
        let mut payload = 0;
        for _ in 0..READS_PER_TURN {
            if payload >= PAYLOAD_PER_TURN {
                break;
            }
            if self.deadlines.is_paused() && self.admits(cx.waker(), sink).is_none() {
                return Poll::Pending;
            }
            if !self.leftover.is_empty() || self.deadlines.is_paused() {
                let leftover = std::mem::take(&mut self.leftover);
                payload += self.decode(&leftover, cx.waker(), sink, now);
                if self.deadlines.is_paused() {
                    return Poll::Pending;
                }
            }
            let read = match ready!(self.poll_some(cx, &mut scratch)) {
                Ok(Read::InPlace(0) | Read::Apart([])) => {
                    return Poll::Ready(self.writer.lost().cloned().map_or(Cause::EndOfStream, lost));
                }
                Ok(read) => read,
                Err(error) => return Poll::Ready(self.cause_of_loss(&error)),
            };
            self.deadlines.note_received_bytes();
            payload += match read {
                Read::Apart(bytes) => self.decode(bytes, cx.waker(), sink, now),
                Read::InPlace(count) => {
                    if let Err(violation) = self.decoder.note_read(count) {
                        self.note_breach(violation, now);
                    }
                    self.decode(&[], cx.waker(), sink, now);
                    count
                }
            };
        }
        yield_turn(cx);
        Poll::Pending
    }

    /// Reads once: into the message that is arriving, if much of it is missing, and otherwise into `scratch`.
    fn poll_some<'a>(&mut self, cx: &mut Context<'_>, scratch: &'a mut [u8]) -> Poll<io::Result<Read<'a>>> {
        if let Some((payload, most)) = self.decoder.space() {
            let mut limited = (&mut self.stream).take(most as u64);
            let count = ready!(pin!(limited.read_buf(payload)).poll(cx))?;
            return Poll::Ready(Ok(Read::InPlace(count)));
        }
        let mut buffer = ReadBuf::new(scratch);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        let count = buffer.filled().len();
        Poll::Ready(Ok(Read::Apart(&scratch[..count])))
    }

    /// Decodes received bytes and delivers what they hold, while the script's queue has capacity; returns the bytes of
    /// payload.
    fn decode(&mut self, mut input: &[u8], reader: &Waker, sink: &mut EventSink, now: Instant) -> usize {
        let mut arrivals = Arrivals::default();
        loop {
            let Some(mut admitted) = self.admits(reader, sink) else {
                self.leftover = input.to_vec();
                self.deadlines.note_pause(now);
                break;
            };
            match self.decode_up_to(&mut admitted, &mut input, &mut arrivals, sink, now) {
                // All that was admitted is decoded; there may be more capacity by now.
                Ok(()) if admitted == 0 => arrivals.charge(sink),
                Ok(()) => {
                    self.deadlines.note_reading(now);
                    break;
                }
                Err(violation) => self.note_breach(violation, now),
            }
        }
        if self.leaving {
            return arrivals.payload;
        }
        arrivals.deliver(sink)
    }

    fn note_breach(&mut self, violation: Violation, now: Instant) {
        self.breach = Some(violation);
        self.deadlines.note_breach(now);
    }

    /// Decodes until `admitted` bytes are used up, or the input is.
    ///
    /// # Errors
    /// The peer broke the protocol.
    fn decode_up_to(
        &mut self,
        admitted: &mut usize,
        input: &mut &[u8],
        arrivals: &mut Arrivals,
        sink: &EventSink,
        now: Instant,
    ) -> Result<(), Violation> {
        while *admitted > 0 {
            if let Some((kind, payload)) = self.decoder.whole_message(input) {
                *admitted = admitted.saturating_sub(queue::cost(payload.len()));
                arrivals.add_message(kind, payload, input.len());
                continue;
            }
            let Some(incoming) = self.decoder.next(input)? else { return Ok(()) };
            let payload = incoming.payload_len();
            if let Some(event) = self.event_of(incoming, sink, now) {
                *admitted = admitted.saturating_sub(queue::cost(event.payload_len()));
                arrivals.add_event(event, payload, sink);
            }
        }
        Ok(())
    }

    /// Delivers the bytes of the last read that were not decoded. The decompressed size is limited as well: by what the
    /// script's queue may hold, or by [`PAYLOAD_PER_TURN`] where that is more.
    fn deliver_leftover(&mut self, sink: &mut EventSink) {
        let leftover = std::mem::take(&mut self.leftover);
        if self.leaving {
            return;
        }
        let limit = self.settings.max_queue.max(PAYLOAD_PER_TURN);
        let (mut input, now) = (&leftover[..], Instant::now());
        let mut arrivals = Arrivals::default();
        while arrivals.payload < limit
            && let Ok(Some(incoming)) = self.decoder.next(&mut input)
        {
            let payload = incoming.payload_len();
            if let Some(event) = self.event_of(incoming, sink, now) {
                arrivals.add_event(event, payload, sink);
            }
        }
        arrivals.deliver(sink);
    }

    /// Returns how many bytes of events the script's queue admits; where nothing more is delivered, that does not
    /// matter. If it is full, the reader is woken when it has capacity again.
    fn admits(&self, reader: &Waker, sink: &EventSink) -> Option<usize> {
        let delivers = self.closing.may_receive() && self.breach.is_none() && !self.leaving;
        if delivers { sink.connection.budget.poll_admits(reader) } else { Some(usize::MAX) }
    }

    /// Fails the connection if the peer broke the protocol. Called when the script has seen what came before the
    /// breach, so that its answers to that still go out before our Close, or when its two seconds have passed.
    fn fail_on_breach(&mut self, outbox: &Outbox, now: Instant) {
        if let Some(violation) = self.breach.take() {
            self.has_next = outbox.shut();
            self.closing.note_violation(violation);
            self.deadlines.note_failed(now);
        }
    }

    /// Lets what the peer sent take its effect on the connection; returns what the script gets of it.
    fn event_of(&mut self, incoming: Incoming, sink: &EventSink, now: Instant) -> Option<Event> {
        match incoming {
            Incoming::Message(kind, payload) => Some(Event::Message(kind, payload)),
            Incoming::Ping(payload) => {
                if !self.closing.is_sent() {
                    self.writer.queue_pong(&payload);
                }
                self.settings.report_pings.then_some(Event::Ping(payload))
            }
            Incoming::Pong(payload) => match self.deadlines.keepalive().note_pong(&payload, now) {
                PongOf::Script => Some(Event::Pong(payload)),
                PongOf::Engine { latency } => {
                    if let Some(latency) = latency {
                        sink.connection.set_latency(latency);
                        sink.log.debug(|| format!("the ping was answered after {:.1} ms", 1e3 * latency.as_secs_f64()));
                    }
                    None
                }
            },
            Incoming::Close(body) => {
                let code = body.as_ref().map_or(NO_STATUS, |body| body.code.get());
                sink.log.info(|| format!("the peer sent Close with {code}"));
                if self.settings.after_loss == AfterLoss::Another && retries::heals(code) {
                    // The peer may ignore what follows its Close.
                    self.accepts_again |= sink.connection.outbox.put_back(self.writer.withhold());
                } else {
                    sink.connection.outbox.refuse();
                }
                self.closing.note_received(body.clone());
                self.deadlines.note_close_received(now);
                Some(Event::Closing { code, reason: body.map_or(String::new(), |body| body.reason) })
            }
        }
    }

    fn cause_of_loss(&self, error: &io::Error) -> Cause {
        match (Stream::classify(error), self.writer.lost()) {
            // A TLS alert says why the peer took nothing more.
            (Loss::Tls(text), _) => Cause::Lost(ErrorCode::Tls, text),
            (_, Some(earlier)) => lost(earlier.clone()),
            (Loss::EndOfStream, None) => Cause::EndOfStream,
            (Loss::Reset(text), None) => Cause::Lost(ErrorCode::Reset, text),
        }
    }
}

fn lost((code, text): (ErrorCode, String)) -> Cause {
    Cause::Lost(code, text)
}
