//! One conversation with a server, from the first attempt to connect to the exit status.
//!
//! Comes in: what the arguments ask for, the events of the connection, pieces of stdin, signals. Goes out: messages to
//! the server, messages to the screen, and the status. Everything happens on this thread. While it waits, it drives the
//! engine; while it is held up by stdout, the engine's own thread does, which answers pings and stops reading once
//! enough waits.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IsTerminal};
use std::mem;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Receiver;
use websocket_core::close::{CloseCode, CloseFrame};
use websocket_core::connection::{Connection, Outgoing, Refusal, Wish};
use websocket_core::event::{End, Event, Kind, Reconnecting};
use websocket_core::queue::{Item, Queue};
use websocket_core::runtime::{Lease, Wait};
use websocket_core::transport::Plan;

use crate::arguments::{Connect, Detail, Patience, in_our_words};
use crate::outcome::{Missing, Reason, outcome};
use crate::screen::{Screen, note};
use crate::signals;
use crate::source::{Input, Next, Source};
use crate::status::Status;

/// How long an answer to a message of `-x` is waited for, unless the arguments say it.
const ANSWER: Duration = Duration::from_secs(10);
/// How long the next message is waited for after the end of a pipe or a file, unless the arguments say it.
const AFTER_INPUT: Duration = Duration::from_secs(1);
/// A wait without a limit ends after this, and begins anew.
const LONG: Duration = Duration::from_secs(3600);

/// The identity of the only connection.
const ONLY: u64 = 1;

/// How far the conversation is.
enum Stage {
    /// The connection was not open yet.
    Opening,
    /// What comes next is sent at once.
    Sending,
    /// This message waits until the outbox accepts messages again.
    Full(Outgoing),
    /// What was sent must be written.
    Writing,
    /// The next message is waited for, until a moment or without a limit.
    Waiting(Option<Instant>),
    /// This side has closed the connection.
    Closing,
}

/// What ended a wait.
enum Woke {
    Events,
    Input,
    Written,
    Signal(i32),
    TimeOut,
}

struct Session {
    lease: Lease,
    queue: Arc<Queue>,
    connection: Arc<Connection>,
    signals: Receiver<i32>,
    source: Source,
    patience: Patience,
    screen: Screen,
    stage: Stage,
    reason: Option<Reason>,
    url: String,
    manner: Manner,
}

/// How a person at a terminal is served, and a program.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Tells when the connection opens and ends; lines that are no message are passed over.
    Person,
    /// Tells only what went wrong; a line that is no message ends the conversation.
    Program,
}

/// Connects, converses and returns how it ended.
pub fn run(connect: Connect) -> Status {
    let plan = match Plan::new(connect.endpoint.clone(), &connect.options) {
        Ok(plan) => plan,
        Err(error) => {
            note(&in_our_words(&error.to_string()));
            return Status::Usage;
        }
    };
    let session = match Session::start(connect, plan) {
        Ok(session) => session,
        Err(error) => {
            note(&format!("the system refuses a thread or a file descriptor: {error}"));
            return Status::Failed;
        }
    };
    let (status, reason) = session.converse();
    if let Some(Reason::Signal(signal)) = reason {
        signals::end_by(signal);
    }
    status
}

impl Session {
    fn start(connect: Connect, plan: Plan) -> io::Result<Session> {
        let signals = signals::hear()?;
        let lease = Lease::new()?;
        let queue: Arc<Queue> = Arc::default();
        if connect.detail == Detail::Log {
            queue.start_lines();
        }
        let connection = Connection::new(&connect.options);
        connection.start(&lease, plan, &connect.options, ONLY, Arc::clone(&queue));
        let is_typed = io::stdin().is_terminal();
        let (source, usual) = match connect.messages {
            messages if !messages.is_empty() => (Source::Messages(messages.into()), ANSWER),
            _ => (Source::Lines(Input::new(connect.form)), if is_typed { Duration::ZERO } else { AFTER_INPUT }),
        };
        let is_seen = is_typed && io::stderr().is_terminal() && matches!(source, Source::Lines(_));
        Ok(Session {
            lease,
            queue,
            connection,
            signals,
            source,
            patience: connect.patience.unwrap_or(Patience::Limited(usual)),
            screen: Screen::new(connect.layout),
            stage: Stage::Opening,
            reason: None,
            url: connect.endpoint.to_string(),
            manner: if is_seen { Manner::Person } else { Manner::Program },
        })
    }

    fn converse(mut self) -> (Status, Option<Reason>) {
        let mut taken = VecDeque::new();
        loop {
            self.send();
            match self.wait() {
                Woke::Signal(signal) => self.interrupt(signal),
                Woke::Written => self.await_next(),
                Woke::TimeOut => self.time_out(),
                Woke::Events | Woke::Input => {}
            }
            self.queue.take_all(&mut taken);
            while let Some(item) = taken.pop_front() {
                if let Some(end) = self.take(item) {
                    // The last answer may have come together with the end.
                    self.note_answers();
                    return (self.end(&end), self.reason);
                }
            }
            let flushed = self.screen.flush();
            self.note_written(flushed);
        }
    }

    /// Sends what there is to send, as far as the outbox accepts it.
    fn send(&mut self) {
        while matches!(self.stage, Stage::Sending) {
            match self.source.next() {
                Next::Message(message) => self.send_message(message),
                Next::Later => return,
                Next::End if matches!(self.source, Source::Messages(_)) => self.close(Reason::Answered),
                Next::End => self.stage = Stage::Writing,
                Next::Unusable(text) => {
                    note(&text);
                    if self.manner == Manner::Program {
                        self.close(Reason::Unusable);
                    }
                }
                Next::Broken(text) => {
                    note(&text);
                    self.close(Reason::Unusable);
                }
            }
        }
    }

    /// Notes where every message of `-x` is answered.
    fn note_answers(&mut self) {
        if matches!((&self.stage, &self.source), (Stage::Sending, Source::Messages(left)) if left.is_empty()) {
            self.close(Reason::Answered);
        }
    }

    fn send_message(&mut self, message: Outgoing) {
        // A refusal gives nothing back, so the outbox is asked first.
        match self.connection.outbox.check(usize::MAX) {
            Err(Refusal::Full(_)) => self.stage = Stage::Full(message),
            // The end of the connection is in the queue.
            Err(Refusal::Closed) => self.stage = Stage::Closing,
            Ok(()) => {
                let _ = self.connection.outbox.send(message);
                if matches!(self.source, Source::Messages(_)) {
                    self.stage = Stage::Writing;
                }
            }
        }
    }

    fn wait(&mut self) -> Woke {
        let limit = match self.stage {
            Stage::Waiting(Some(deadline)) => deadline.saturating_duration_since(Instant::now()),
            _ => LONG,
        };
        let Session { lease, queue, connection, signals, source, stage, .. } = self;
        let woke = lease.wait(Wait::up_to(limit), |cx| {
            if let Poll::Ready(Some(signal)) = signals.poll_recv(cx) {
                return Poll::Ready(Woke::Signal(signal));
            }
            if matches!(stage, Stage::Writing) && connection.outbox.poll_written(cx).is_ready() {
                return Poll::Ready(Woke::Written);
            }
            if matches!(stage, Stage::Sending) && source.poll_read(cx).is_ready() {
                return Poll::Ready(Woke::Input);
            }
            queue.poll_ready(cx).map(|()| Woke::Events)
        });
        woke.unwrap_or(Woke::TimeOut)
    }

    /// Everything is written: the next message is waited for.
    fn await_next(&mut self) {
        self.stage = Stage::Waiting(match self.patience {
            Patience::Limited(limit) => Instant::now().checked_add(limit),
            Patience::Endless => None,
        });
    }

    fn time_out(&mut self) {
        match (&self.stage, &self.source, self.patience) {
            (Stage::Waiting(Some(_)), Source::Lines(_), _) => self.close(Reason::Finished),
            (Stage::Waiting(Some(_)), Source::Messages(_), Patience::Limited(limit)) => {
                note(&format!("no answer within {} s", limit.as_secs_f64()));
                self.close(Reason::Unanswered);
            }
            _ => {}
        }
    }

    /// Closes the connection, or where it is closing already, waits for it no longer.
    fn interrupt(&mut self, signal: i32) {
        if matches!(self.stage, Stage::Closing) {
            self.reason = Some(Reason::Signal(signal));
            self.connection.outbox.end_by(Wish::Terminate);
        } else {
            self.close(Reason::Signal(signal));
        }
    }

    /// Closes the connection once what waits is written. Only the first reason counts.
    fn close(&mut self, reason: Reason) {
        let code = match reason {
            Reason::Signal(_) | Reason::ReaderGone | Reason::Unwritable => CloseCode::GOING_AWAY,
            _ => CloseCode::NORMAL,
        };
        self.reason.get_or_insert(reason);
        self.stage = Stage::Closing;
        self.connection.outbox.end_by(Wish::Close(Some(CloseFrame::new(code, ""))));
    }

    /// Handles what has arrived. Returns the end of the connection.
    fn take(&mut self, item: Item) -> Option<Box<End>> {
        match item {
            Item::Messages(_, mut batch, _charge) => {
                while let Some((kind, payload)) = batch.front() {
                    self.show(kind, payload);
                    batch.pop();
                }
            }
            Item::Event(_, event, _charge) => match event {
                Event::Open(response) => self.open(&response.protocol),
                Event::Message(kind, payload) => self.show(kind, &payload),
                Event::Reconnecting(reconnecting) => note(&describe(&reconnecting)),
                Event::Line(level, text) => note(&format!("{} {text}", level.as_str())),
                Event::Drain => self.resume(),
                Event::End(end) => return Some(end),
                Event::Ping(_) | Event::Pong(_) | Event::Closing { .. } | Event::Preparing(_) => {}
            },
            Item::Deferred(_) | Item::Timer(_) => {}
        }
        None
    }

    fn open(&mut self, protocol: &str) {
        if self.manner == Manner::Person {
            let with = if protocol.is_empty() { String::new() } else { format!(", subprotocol {protocol}") };
            note(&format!("connected to {}{with}", self.url));
        }
        if !matches!(self.stage, Stage::Opening) {
            return;
        }
        self.stage = Stage::Sending;
        if let Err(error) = self.source.start() {
            note(&format!("stdin cannot be read: {error}"));
            self.close(Reason::Unusable);
        }
    }

    fn show(&mut self, kind: Kind, payload: &[u8]) {
        // What the server said before it has got a message is no answer to that.
        match (&self.stage, &self.source) {
            (Stage::Writing | Stage::Waiting(_), Source::Messages(_)) => self.stage = Stage::Sending,
            (Stage::Waiting(_), Source::Lines(_)) => self.await_next(),
            _ => {}
        }
        if matches!(self.reason, Some(Reason::ReaderGone | Reason::Unwritable)) {
            return;
        }
        let shown = self.screen.show(kind, payload);
        self.note_written(shown);
    }

    fn note_written(&mut self, written: io::Result<()>) {
        match written {
            Ok(()) => {}
            Err(_) if matches!(self.reason, Some(Reason::ReaderGone | Reason::Unwritable)) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.give_up(Reason::ReaderGone),
            Err(error) => {
                note(&format!("stdout cannot be written: {error}"));
                self.give_up(Reason::Unwritable);
            }
        }
    }

    /// Closes for a reason that counts more than those before.
    fn give_up(&mut self, reason: Reason) {
        self.reason = Some(reason);
        self.close(reason);
    }

    /// Sends the message that was refused.
    fn resume(&mut self) {
        match mem::replace(&mut self.stage, Stage::Sending) {
            Stage::Full(message) => self.send_message(message),
            other => self.stage = other,
        }
    }

    fn end(&mut self, end: &End) -> Status {
        let flushed = self.screen.flush();
        self.note_written(flushed);
        let (status, text) = outcome(self.reason, end, self.missing());
        match text {
            Some(text) => note(&text),
            None if self.manner == Manner::Person => note("closed"),
            None => {}
        }
        status
    }

    fn missing(&self) -> Missing {
        match (&self.source, self.connection.outbox.buffered()) {
            (Source::Messages(_), _) if self.reason.is_none() => Missing::Answer,
            (_, 0) => Missing::Nothing,
            (_, bytes) => Missing::Bytes(bytes),
        }
    }
}

fn describe(reconnecting: &Reconnecting) -> String {
    let Reconnecting { text, code, attempt, delay, lost, .. } = reconnecting;
    let cause = if text.is_empty() { format!("closed by the server with {code}") } else { text.clone() };
    let lost = match lost.count {
        0 => String::new(),
        count => format!("; {count} messages may be lost"),
    };
    format!("reconnecting in {:.1} s, attempt {attempt}: {cause}{lost}", delay.as_secs_f64())
}
