//! Every deadline of an open connection; pure, time is passed in.
//!
//! Comes in: what happened, and when. Goes out: the next moment at which something is due, and what. One phase holds at
//! a time, and each has one deadline:
//!
//! | phase | ends at | put off by | while reading is paused |
//! |---|---|---|---|
//! | open | `ping_timeout` after a Ping was due | a byte that arrives; capacity that opens in a transport that was full | the time of the pause does not count |
//! | breached: the script may still answer what came before the peer's breach | [`LINGER`] after the breach | nobody | reading is not paused |
//! | sending our Close | `close_timeout` after it was wanted | bytes that the transport takes and messages that are deflated: they are finite, because nothing more is accepted | checked [`CATCH_UP`] after the pause |
//! | awaiting the peer's Close | `close_timeout` after ours was written | nobody | checked [`CATCH_UP`] after the pause, or as soon as reading is paused again |
//! | answering the peer's Close | [`LINGER`] after it arrived, and at most `close_timeout` after it arrived | the [`LINGER`]: bytes that the transport takes; the `close_timeout`: nobody | reading is not paused |
//! | lingering: both Close frames were exchanged, or the peer broke the protocol, or writing failed | [`LINGER`] after that | nobody | the time of the pause does not count |
//!
//! Reading is paused while the script does not take what waits for it. The peer's bytes, its Close among them, may wait in
//! the socket meanwhile, and the peer may wait for us to read. So no deadline ends a connection in the pause during
//! which it passed; but it is put off once and never starts anew, or a peer that keeps the queue full would live for ever.
//!
//! Bytes that go into a transport which was not full are no sign of life: the kernel takes them for a link that was cut.
//!
//! A deadline that is seen [`LATE`] passed while the process was stopped or starved. It is put off once, by
//! [`CATCH_UP`], because what the peer did in time may not be read yet.

use std::time::Duration;

use tokio::time::Instant;

use super::keepalive::{Keepalive, without_pause};

/// How long the peer may take for the last step: to end the stream, or to make progress with reading after its Close.
pub const LINGER: Duration = Duration::from_secs(2);

/// A deadline that is seen this late passed while the process was stopped or starved.
const LATE: Duration = Duration::from_millis(500);

/// How much longer a deadline runs that passed while the peer's bytes were not read.
const CATCH_UP: Duration = Duration::from_secs(1);

/// What is due at a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// A keepalive Ping.
    Ping,
    /// The end: the peer showed no sign of life for too long.
    Silence,
    /// The failing of the connection: the script's [`LINGER`] to answer has passed.
    Breach,
    /// The end: the messages before our Close, or our Close itself, could not be written.
    CloseUnwritten,
    /// The end: the peer did not answer our Close.
    CloseUnanswered,
    /// The end: the peer's [`LINGER`] to end the stream has passed.
    Linger,
}

/// The next moment at which something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// When.
    pub at: Instant,
    /// What.
    pub due: Due,
}

/// What the connection waits for; the moments are those from which the phase's deadline counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    Breached { since: Instant },
    SendingClose { since: Instant },
    AwaitingClose { since: Instant },
    AnsweringClose { received: Instant, since: Instant },
    Lingering { since: Instant },
}

/// The deadlines of one connection.
#[derive(Debug)]
pub struct Deadlines {
    phase: Phase,
    keepalive: Keepalive,
    close_timeout: Duration,
    /// Since when reading is paused.
    paused: Option<Instant>,
    /// No deadline counts before this moment.
    put_off: Option<PutOff>,
}

/// Until when, and why, a deadline was put off.
#[derive(Clone, Copy, Debug)]
struct PutOff {
    until: Instant,
    reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// The process was stopped or starved.
    Late,
    /// The deadline passed while reading was paused.
    Pause,
}

impl Deadlines {
    /// Makes the deadlines of a connection that opened just now.
    pub fn new(keepalive: Keepalive, close_timeout: Duration) -> Deadlines {
        Deadlines { phase: Phase::Open, keepalive, close_timeout, paused: None, put_off: None }
    }

    /// Returns the next deadline as it is seen at `now`.
    pub fn next(&mut self, now: Instant) -> Option<Deadline> {
        let Deadline { at, due } = self.current()?;
        if due == Due::Ping {
            return Some(Deadline { at, due });
        }
        if now > at + LATE {
            self.put_off_once(at, now, Reason::Late);
        }
        Some(Deadline { at: self.put_off.map_or(at, |put_off| at.max(put_off.until)), due })
    }

    /// Returns the deadline of the phase.
    fn current(&self) -> Option<Deadline> {
        let deadline = |at, due| Some(Deadline { at, due });
        match self.phase {
            Phase::Open => {
                let ping = self.keepalive.next_ping().map(|at| Deadline { at, due: Due::Ping });
                let expiry = if self.paused.is_none() { self.keepalive.expiry() } else { None };
                let silence = expiry.map(|at| Deadline { at, due: Due::Silence });
                ping.into_iter().chain(silence).min_by_key(|deadline| deadline.at)
            }
            Phase::Breached { since } => deadline(since + LINGER, Due::Breach),
            Phase::SendingClose { .. } | Phase::AwaitingClose { .. } => {
                let at = self.close_deadline()?;
                let due = if matches!(self.phase, Phase::SendingClose { .. }) {
                    Due::CloseUnwritten
                } else {
                    Due::CloseUnanswered
                };
                let passes_in_this_pause = self.paused.is_some_and(|began| began < at);
                if passes_in_this_pause { None } else { deadline(at, due) }
            }
            Phase::AnsweringClose { received, since } => {
                let silent = since + LINGER;
                let at = received.checked_add(self.close_timeout).map_or(silent, |at| at.min(silent));
                deadline(at, Due::CloseUnwritten)
            }
            Phase::Lingering { since } if self.paused.is_none() => deadline(since + LINGER, Due::Linger),
            Phase::Lingering { .. } => None,
        }
    }

    /// Returns the moment at which `close_timeout` has passed.
    fn close_deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::SendingClose { since } | Phase::AwaitingClose { since } => since.checked_add(self.close_timeout),
            _ => None,
        }
    }

    /// Puts off the deadline `at`, unless it was put off before.
    fn put_off_once(&mut self, at: Instant, now: Instant, reason: Reason) {
        if self.put_off.is_none_or(|put_off| put_off.until <= at) {
            self.put_off = Some(PutOff { until: now + CATCH_UP, reason });
        }
    }

    /// Tells whether neither side has begun to end the connection.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Tells whether reading is paused.
    pub fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// Returns the keepalive, to note what became of its Pings.
    pub fn keepalive(&mut self) -> &mut Keepalive {
        &mut self.keepalive
    }

    /// Notes that bytes arrived.
    pub fn note_received_bytes(&mut self) {
        self.keepalive.note_life();
    }

    /// Notes that a transport which was full has taken bytes again.
    pub fn note_capacity_opened(&mut self) {
        self.keepalive.note_life();
    }

    /// Notes progress towards writing our Close: the transport accepted bytes, or a message was deflated.
    pub fn note_progress(&mut self, now: Instant) {
        if let Phase::SendingClose { since } | Phase::AnsweringClose { since, .. } = &mut self.phase {
            *since = now;
        }
    }

    /// Notes that reading is paused, if it was not paused already.
    pub fn note_pause(&mut self, now: Instant) {
        if self.paused.is_none() {
            self.paused = Some(now);
            // What waited in the socket has been read once.
            if let (Phase::AwaitingClose { .. }, Some(PutOff { until, reason: Reason::Pause })) =
                (self.phase, &mut self.put_off)
            {
                *until = now.min(*until);
            }
        }
    }

    /// Notes that reading goes on.
    pub fn note_reading(&mut self, now: Instant) {
        let Some(began) = self.paused.take() else { return };
        self.keepalive.note_pause(began, now);
        if let Phase::Lingering { since } = &mut self.phase {
            *since = without_pause(*since, began, now);
        }
        if let Some(at) = self.close_deadline()
            && (began..=now).contains(&at)
        {
            self.put_off_once(at, now, Reason::Pause);
        }
    }

    /// Notes that the script wants a Close frame to be sent.
    pub fn note_close_wanted(&mut self, now: Instant) {
        if self.phase == Phase::Open {
            self.phase = Phase::SendingClose { since: now };
        }
    }

    /// Notes that the transport took our Close.
    pub fn note_close_written(&mut self, now: Instant) {
        self.phase = match self.phase {
            Phase::SendingClose { .. } => Phase::AwaitingClose { since: now },
            Phase::AnsweringClose { .. } => Phase::Lingering { since: now },
            phase => phase,
        }
    }

    /// Notes that the peer's Close arrived.
    pub fn note_close_received(&mut self, now: Instant) {
        self.phase = match self.phase {
            Phase::Open | Phase::SendingClose { .. } => Phase::AnsweringClose { received: now, since: now },
            Phase::AwaitingClose { .. } => Phase::Lingering { since: now },
            phase => phase,
        }
    }

    /// Notes that the peer broke the protocol.
    pub fn note_breach(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Lingering { .. }) {
            self.phase = Phase::Breached { since: now };
        }
    }

    /// Notes that the connection is failed because of the peer's breach (RFC 6455 section 7.1.7).
    pub fn note_failed(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Lingering { .. }) {
            self.phase = Phase::Lingering { since: now };
        }
    }

    /// Notes that nothing can be written any more.
    pub fn note_write_lost(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Breached { .. } | Phase::Lingering { .. }) {
            self.phase = Phase::Lingering { since: now };
        }
    }
}

#[cfg(test)]
mod tests;
