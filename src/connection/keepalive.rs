//! When to ping, and when the peer counts as dead; pure, time is passed in.
//!
//! Every `interval` a Ping goes out. From the moment the transport has it, the peer has `timeout` to send anything at
//! all. The payload begins with four random bytes, so that no pong for the script is taken for an answer.

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

/// What became of the last Ping.
#[derive(Clone, Copy, Debug)]
enum Ping {
    /// None is under way.
    None,
    /// It waits for the transport.
    Queued,
    /// The transport has it since then, and nothing has come back; the time-out counts from `since`.
    Written { at: Instant, since: Instant },
    /// Something has come back, though not yet its pong.
    Alive { at: Instant },
}

impl Keepalive {
    /// Starts at `now` with the first Ping one `interval` away; `None` for `interval` sends none, for `timeout` waits
    /// for ever.
    pub fn new(interval: Option<Duration>, timeout: Option<Duration>, now: Instant) -> Keepalive {
        let next = interval.map(|interval| now + interval);
        Keepalive { interval, timeout, prefix: rand::random(), count: 0, next, ping: Ping::None }
    }

    /// Returns the payload of the Ping to send now, if one is due.
    pub fn due(&mut self, now: Instant) -> Option<[u8; 8]> {
        let interval = self.interval?;
        if self.next? > now {
            return None;
        }
        self.next = Some(now + interval);
        if matches!(self.ping, Ping::Queued | Ping::Written { .. }) {
            return None;
        }
        self.ping = Ping::Queued;
        self.count = self.count.wrapping_add(1);
        let mut payload = [0; 8];
        payload[..4].copy_from_slice(&self.prefix);
        payload[4..].copy_from_slice(&self.count.to_be_bytes());
        Some(payload)
    }

    /// Notes that the transport has the Ping.
    pub fn written(&mut self, now: Instant) {
        // Over TLS its pong may be here already.
        if matches!(self.ping, Ping::Queued) {
            self.ping = Ping::Written { at: now, since: now };
        }
    }

    /// Notes that bytes arrived: the peer lives.
    pub fn heard(&mut self) {
        if let Ping::Written { at, .. } = self.ping {
            self.ping = Ping::Alive { at };
        }
    }

    /// Notes that reading goes on after a rest of our own doing: the time of the rest does not count.
    pub fn resumed(&mut self, now: Instant) {
        if let Ping::Written { since, .. } = &mut self.ping {
            *since = now;
        }
    }

    /// Tells whether a Pong answers one of our Pings, and if it is the last one, how long it took.
    pub fn pong(&mut self, payload: &[u8], now: Instant) -> Option<Option<Duration>> {
        let number = payload.strip_prefix(&self.prefix).and_then(|rest| <[u8; 4]>::try_from(rest).ok())?;
        if u32::from_be_bytes(number) != self.count {
            return Some(None);
        }
        match std::mem::replace(&mut self.ping, Ping::None) {
            Ping::Alive { at } | Ping::Written { at, .. } => Some(Some(now - at)),
            Ping::Queued | Ping::None => Some(None),
        }
    }

    /// Returns the moment of the next Ping.
    pub fn next_ping(&self) -> Option<Instant> {
        self.next
    }

    /// Returns the moment at which [`due`](Self::due) or [`expired`](Self::expired) may change next.
    pub fn deadline(&self) -> Option<Instant> {
        match (self.next, self.expiry()) {
            (Some(next), Some(expiry)) => Some(next.min(expiry)),
            (next, expiry) => next.or(expiry),
        }
    }

    /// Tells whether the peer has been silent for too long.
    pub fn expired(&self, now: Instant) -> bool {
        self.expiry().is_some_and(|expiry| expiry <= now)
    }

    fn expiry(&self) -> Option<Instant> {
        match (self.ping, self.timeout) {
            (Ping::Written { since, .. }, Some(timeout)) => since.checked_add(timeout),
            _ => None,
        }
    }
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
    fn expires_when_nothing_comes_after_a_written_ping() {
        let (mut keepalive, now) = started();
        assert_eq!(keepalive.due(now + 19 * SECOND), None);
        assert!(keepalive.due(now + 20 * SECOND).is_some());
        assert!(!keepalive.expired(now + 100 * SECOND), "a ping that waits for the transport proves nothing");
        keepalive.written(now + 21 * SECOND);
        assert_eq!(keepalive.deadline(), Some(now + 26 * SECOND));
        assert!(!keepalive.expired(now + 25 * SECOND));
        assert!(keepalive.expired(now + 26 * SECOND));
    }

    #[test]
    fn takes_any_byte_for_life() {
        let (mut keepalive, now) = started();
        keepalive.due(now + 20 * SECOND).unwrap();
        keepalive.written(now + 20 * SECOND);
        keepalive.heard();
        assert!(!keepalive.expired(now + 100 * SECOND));
        assert_eq!(keepalive.deadline(), Some(now + 40 * SECOND));
    }

    #[test]
    fn knows_its_own_pongs_and_how_long_they_took() {
        let (mut keepalive, now) = started();
        assert_eq!(keepalive.pong(b"hello", now), None);
        let first = keepalive.due(now + 20 * SECOND).unwrap();
        keepalive.written(now + 20 * SECOND);
        keepalive.heard();
        assert_eq!(keepalive.pong(&first, now + 21 * SECOND), Some(Some(SECOND)));
        assert_eq!(keepalive.pong(&first, now + 22 * SECOND), Some(None), "once answered, twice is no latency");
        assert_eq!(keepalive.pong(&first[..7], now), None);
    }

    #[test]
    fn takes_a_pong_that_overtakes_the_account_of_its_ping() {
        let (mut keepalive, now) = started();
        let ping = keepalive.due(now + 20 * SECOND).unwrap();
        // TLS was through with the Ping, but not with what stands behind it.
        assert_eq!(keepalive.pong(&ping, now + 21 * SECOND), Some(None), "when it was written is not known");
        keepalive.written(now + 22 * SECOND);
        assert!(!keepalive.expired(now + 39 * SECOND));
        assert!(keepalive.due(now + 40 * SECOND).is_some());
    }

    #[test]
    fn does_not_count_the_time_of_a_rest() {
        let (mut keepalive, now) = started();
        keepalive.due(now + 20 * SECOND).unwrap();
        keepalive.written(now + 20 * SECOND);
        keepalive.resumed(now + 60 * SECOND);
        assert!(!keepalive.expired(now + 64 * SECOND));
        assert!(keepalive.expired(now + 65 * SECOND));
    }

    #[test]
    fn stays_silent_when_it_is_off() {
        let now = Instant::now();
        let mut keepalive = Keepalive::new(None, Some(SECOND), now);
        assert_eq!((keepalive.due(now + 1000 * SECOND), keepalive.deadline()), (None, None));
    }
}
