//! When to ping, and when the peer counts as dead; pure, time is passed in.
//!
//! A Ping is due every `interval`. From that moment the peer has `timeout` to show a sign of life, also while the
//! transport is too full for the Ping to be written. The payload begins with four random bytes, so that no Pong that the
//! script asked for is taken for an answer.

use std::time::Duration;

use tokio::time::Instant;

/// The keepalive of one connection.
#[derive(Debug)]
pub struct Keepalive {
    interval: Option<Duration>,
    timeout: Option<Duration>,
    prefix: [u8; 4],
    count: u32,
    next: Option<Instant>,
    ping: Ping,
}

/// Whose Ping a Pong answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PongOf {
    /// Not one of the keepalive: the script may wait for it, or the peer sent it unasked.
    Script,
    /// One of the keepalive.
    Engine {
        /// How long the answer took; known only for the first answer to the last Ping, if that was noted as written.
        latency: Option<Duration>,
    },
}

/// What became of the last Ping.
#[derive(Clone, Copy, Debug)]
enum Ping {
    /// It was answered, or none was due yet.
    None,
    /// No sign of life followed. `since`: when it was due; `written`: when the transport accepted it.
    Unanswered { since: Instant, written: Option<Instant> },
    /// A sign of life followed, but not its Pong yet.
    Alive { written: Option<Instant> },
}

impl Keepalive {
    /// Starts at `now`; the first Ping is due one `interval` later. An `interval` of `None` never pings, a `timeout` of
    /// `None` waits for ever.
    pub fn new(interval: Option<Duration>, timeout: Option<Duration>, now: Instant) -> Keepalive {
        let next = interval.and_then(|interval| now.checked_add(interval));
        Keepalive { interval, timeout, prefix: rand::random(), count: 0, next, ping: Ping::None }
    }

    /// If a Ping is due, starts its time-out and returns its payload. None is due while there was no sign of life since
    /// the last one.
    pub fn take_due_ping(&mut self, now: Instant) -> Option<[u8; 8]> {
        let interval = self.interval?;
        if self.next? > now {
            return None;
        }
        self.next = now.checked_add(interval);
        if matches!(self.ping, Ping::Unanswered { .. }) {
            return None;
        }
        self.ping = Ping::Unanswered { since: now, written: None };
        self.count = self.count.wrapping_add(1);
        let mut payload = [0; 8];
        payload[..4].copy_from_slice(&self.prefix);
        payload[4..].copy_from_slice(&self.count.to_be_bytes());
        Some(payload)
    }

    /// Notes that the transport accepted the Ping; the latency counts from here.
    pub fn note_written(&mut self, now: Instant) {
        match &mut self.ping {
            Ping::Unanswered { written, .. } | Ping::Alive { written } => *written = Some(now),
            // Over TLS its Pong may already be here.
            Ping::None => {}
        }
    }

    /// Notes a sign of life.
    pub fn note_life(&mut self) {
        if let Ping::Unanswered { written, .. } = self.ping {
            self.ping = Ping::Alive { written };
        }
    }

    /// Notes that reading was paused from `began` to `ended`: that time does not count, because the peer's bytes were not
    /// read and the peer may have waited for us.
    pub fn note_pause(&mut self, began: Instant, ended: Instant) {
        if let Ping::Unanswered { since, .. } = &mut self.ping {
            *since = without_pause(*since, began, ended);
        }
    }

    /// Notes a Pong, and returns whose Ping it answers.
    pub fn note_pong(&mut self, payload: &[u8], now: Instant) -> PongOf {
        let number = payload.strip_prefix(&self.prefix).and_then(|number| <[u8; 4]>::try_from(number).ok());
        let Some(number) = number else { return PongOf::Script };
        if u32::from_be_bytes(number) != self.count {
            return PongOf::Engine { latency: None };
        }
        match std::mem::replace(&mut self.ping, Ping::None) {
            Ping::Alive { written } | Ping::Unanswered { written, .. } => {
                PongOf::Engine { latency: written.map(|written| now - written) }
            }
            Ping::None => PongOf::Engine { latency: None },
        }
    }

    /// Returns the moment at which the next Ping is due.
    pub fn next_ping(&self) -> Option<Instant> {
        self.next
    }

    /// Returns the moment at which the peer counts as dead if it shows no sign of life before.
    pub fn expiry(&self) -> Option<Instant> {
        match (self.ping, self.timeout) {
            (Ping::Unanswered { since, .. }, Some(timeout)) => since.checked_add(timeout),
            _ => None,
        }
    }
}

/// Returns the moment from which a time-out counts that began at `since`, when a pause does not count.
pub fn without_pause(since: Instant, began: Instant, ended: Instant) -> Instant {
    let counted = began.saturating_duration_since(since);
    ended.checked_sub(counted).unwrap_or(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn started() -> (Keepalive, Instant) {
        let now = Instant::now();
        (Keepalive::new(Some(20 * SECOND), Some(5 * SECOND), now), now)
    }

    #[test]
    fn expires_a_timeout_after_a_ping_was_due_whether_or_not_it_was_written() {
        for written in [None, Some(20), Some(24)] {
            let (mut keepalive, now) = started();
            assert_eq!((keepalive.take_due_ping(now + 19 * SECOND), keepalive.expiry()), (None, None));
            assert!(keepalive.take_due_ping(now + 20 * SECOND).is_some());
            if let Some(written) = written {
                keepalive.note_written(now + written * SECOND);
            }
            assert_eq!(keepalive.expiry(), Some(now + 25 * SECOND));
            assert_eq!(
                keepalive.take_due_ping(now + 40 * SECOND),
                None,
                "no second ping while the first has no answer"
            );
            assert_eq!(keepalive.expiry(), Some(now + 25 * SECOND));
        }
    }

    #[test]
    fn a_sign_of_life_lasts_until_the_next_ping_is_due() {
        let (mut keepalive, now) = started();
        keepalive.take_due_ping(now + 20 * SECOND).unwrap();
        keepalive.note_life();
        assert_eq!((keepalive.expiry(), keepalive.next_ping()), (None, Some(now + 40 * SECOND)));
        assert!(keepalive.take_due_ping(now + 40 * SECOND).is_some());
        assert_eq!(keepalive.expiry(), Some(now + 45 * SECOND));
    }

    #[test]
    fn knows_its_own_pongs_and_how_long_they_took() {
        let (mut keepalive, now) = started();
        let unmeasured = PongOf::Engine { latency: None };
        assert_eq!(keepalive.note_pong(b"hello", now), PongOf::Script);
        let first = keepalive.take_due_ping(now + 20 * SECOND).unwrap();
        // A sign of life before the ping is written does not hide when that was.
        keepalive.note_life();
        keepalive.note_written(now + 21 * SECOND);
        assert_eq!(keepalive.note_pong(&first, now + 22 * SECOND), PongOf::Engine { latency: Some(SECOND) });
        assert_eq!(
            keepalive.note_pong(&first, now + 23 * SECOND),
            unmeasured,
            "a second pong for one ping is no latency"
        );
        assert_eq!(keepalive.note_pong(&first[..7], now), PongOf::Script);
    }

    #[test]
    fn accepts_a_pong_that_comes_before_its_ping_is_noted_as_written() {
        let (mut keepalive, now) = started();
        let unmeasured = PongOf::Engine { latency: None };
        let ping = keepalive.take_due_ping(now + 20 * SECOND).unwrap();
        // TLS has sent the ping, but still holds bytes that follow it.
        assert_eq!(keepalive.note_pong(&ping, now + 21 * SECOND), unmeasured, "when it was written is not known");
        keepalive.note_written(now + 22 * SECOND);
        assert_eq!(keepalive.expiry(), None);
        assert!(keepalive.take_due_ping(now + 40 * SECOND).is_some());
    }

    #[test]
    fn does_not_count_the_time_of_a_pause() {
        // (the pause's begin and end, the expiry), for a ping that is due at 20 with a time-out of 5.
        for (began, ended, expiry) in [(22, 60, 63), (20, 60, 65), (10, 60, 65), (10, 20, 25), (22, 23, 26)] {
            let (mut keepalive, now) = started();
            keepalive.take_due_ping(now + 20 * SECOND).unwrap();
            keepalive.note_pause(now + began * SECOND, now + ended * SECOND);
            assert_eq!(keepalive.expiry(), Some(now + expiry * SECOND), "a pause from {began} to {ended}");
        }
    }

    #[test]
    fn many_short_pauses_do_not_start_the_timeout_anew() {
        let (mut keepalive, now) = started();
        keepalive.take_due_ping(now + 20 * SECOND).unwrap();
        for number in 0..100 {
            let began = now + 20 * SECOND + number * SECOND / 50;
            keepalive.note_pause(began, began + SECOND / 100);
        }
        assert_eq!(keepalive.expiry(), Some(now + 26 * SECOND), "a hundred pauses of 10 ms are one second");
    }

    #[test]
    fn stays_silent_when_it_is_off() {
        let now = Instant::now();
        let mut keepalive = Keepalive::new(None, Some(SECOND), now);
        assert_eq!(
            (keepalive.take_due_ping(now + 1000 * SECOND), keepalive.next_ping(), keepalive.expiry()),
            (None, None, None)
        );
    }
}
