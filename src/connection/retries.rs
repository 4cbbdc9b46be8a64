//! Whether and when a lost connection is opened again, pure.
//!
//! Comes in: how a connection ended and how long it was open, the date, and a random number. Goes out: the number of
//! the next attempt and the delay before it. Reads no clock.

use std::time::{Duration, SystemTime};

use crate::error::ErrorCode;
use crate::event::{End, EndedBy};
use crate::options::Reconnect;
use crate::response::Response;

/// The longest delay that a server may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// The attempts of one connection.
#[derive(Debug)]
pub struct Retries {
    options: Reconnect,
    /// Attempts since the connection was last stable.
    attempts: usize,
    /// The delay before the next attempt, unless the server asks for more.
    delay: Duration,
}

/// The next attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// Its number, which counts from 1.
    pub attempt: usize,
    /// How long to wait before it.
    pub delay: Duration,
}

impl Retries {
    /// Makes the attempts of a connection that was not lost yet.
    pub fn new(options: Reconnect) -> Retries {
        let delay = options.min_delay;
        Retries { options, attempts: 0, delay }
    }

    /// Tells whether the script plans each attempt.
    pub fn are_planned(&self) -> bool {
        self.options.before
    }

    /// Returns the attempt that follows an end; `None` if that is fatal, or no attempt is left. `open_for`: how long
    /// the connection was open. `now`: for a date in Retry-After. `random`: from 0 up to 1, for the jitter.
    pub fn after(&mut self, end: &End, open_for: Option<Duration>, now: SystemTime, random: f64) -> Option<Retry> {
        if !may_heal(end) {
            return None;
        }
        if open_for.is_some_and(|time| time >= self.options.stable_after) {
            *self = Retries::new(self.options.clone());
        }
        let asked = end.response.as_deref().and_then(|response| retry_after(response, now));
        self.next(asked.unwrap_or_default(), random)
    }

    /// Returns the attempt that follows one that could not begin; `None` if none is left.
    pub fn again(&mut self, random: f64) -> Option<Retry> {
        self.next(Duration::ZERO, random)
    }

    fn next(&mut self, least: Duration, random: f64) -> Option<Retry> {
        if self.options.max_retries.is_some_and(|most| self.attempts >= most) {
            return None;
        }
        self.attempts += 1;
        let delay = self.delay.mul_f64(1.0 - self.options.jitter * random.clamp(0.0, 1.0));
        let next = self.delay.as_secs_f64() * self.options.factor;
        self.delay = Duration::try_from_secs_f64(next).unwrap_or(Duration::MAX).min(self.options.max_delay);
        Some(Retry { attempt: self.attempts, delay: delay.max(least) })
    }
}

/// Tells whether a connection that ended so may be opened again with success. The caller checks that the script did not
/// want the end.
fn may_heal(end: &End) -> bool {
    match end.error {
        Some(
            ErrorCode::Dns
            | ErrorCode::Connect
            | ErrorCode::Proxy
            | ErrorCode::Timeout
            | ErrorCode::Reset
            | ErrorCode::Keepalive,
        ) => true,
        Some(ErrorCode::HttpStatus) => {
            end.response.as_ref().is_some_and(|response| matches!(response.status, 408 | 429 | 500..=599))
        }
        // What a proxy does whose server is being started again: it accepts, and drops.
        Some(_) => end.unanswered,
        None => !end.violation && end.by != EndedBy::Us && heals(end.code),
    }
}

/// Tells whether a close code stands for a condition that passes (RFC 6455 section 7.4.1, and IANA's registry of close
/// codes).
pub fn heals(code: u16) -> bool {
    matches!(code, 1001 | 1006 | 1011..=1014)
}

/// Returns the delay that a server asks for by Retry-After (RFC 9110 section 10.2.3), at most [`MAX_RETRY_AFTER`].
fn retry_after(response: &Response, now: SystemTime) -> Option<Duration> {
    let (_, value) = response.headers.iter().find(|(name, _)| name == "retry-after")?;
    let text = std::str::from_utf8(value).ok()?.trim();
    let delay = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map_or(Duration::MAX, Duration::from_secs)
    } else {
        httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(delay.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    const SECOND: Duration = Duration::from_secs(1);

    fn closed(code: u16) -> End {
        End { code, by: EndedBy::Peer, ..End::dropped() }
    }

    fn failed(error: ErrorCode) -> End {
        End { error: Some(error), by: EndedBy::Transport, ..End::dropped() }
    }

    fn refused(status: u16, retry_after: Option<&str>) -> End {
        let headers = retry_after.map(|text| ("retry-after".to_owned(), text.as_bytes().to_vec()));
        let response = Response { status, headers: headers.into_iter().collect(), ..Response::default() };
        End { response: Some(Box::new(response)), ..failed(ErrorCode::HttpStatus) }
    }

    fn delays(retries: &mut Retries, end: &End, count: usize, random: f64) -> Vec<f64> {
        (0..count)
            .map_while(|_| retries.after(end, None, UNIX_EPOCH, random))
            .map(|retry| retry.delay.as_secs_f64())
            .collect()
    }

    #[test]
    fn heals_what_passes_and_nothing_else() {
        use ErrorCode::*;
        for code in [Dns, Connect, Proxy, Timeout, Reset, Keepalive] {
            assert!(may_heal(&failed(code)), "{code:?}");
        }
        for code in [Tls, Handshake, Internal, HttpStatus] {
            assert!(!may_heal(&failed(code)), "{code:?}");
        }
        for code in 0..5000 {
            assert_eq!(may_heal(&closed(code)), [1001, 1006, 1011, 1012, 1013, 1014].contains(&code), "{code}");
        }
        for code in [Tls, Handshake] {
            assert!(may_heal(&End { unanswered: true, ..failed(code) }), "{code:?}");
        }
        for status in 0..1000 {
            assert_eq!(may_heal(&refused(status, None)), [408, 429].contains(&status) || status / 100 == 5, "{status}");
        }
        assert!(!may_heal(&End::dropped()));
        assert!(!may_heal(&End { violation: true, ..closed(1011) }));
    }

    #[test]
    fn delays_grow_up_to_the_limit_and_a_part_of_them_is_random() {
        let end = failed(ErrorCode::Connect);
        let options = Reconnect { max_delay: 3 * SECOND, ..Reconnect::default() };
        assert_eq!(delays(&mut Retries::new(options.clone()), &end, 5, 0.0), [0.5, 1.0, 2.0, 3.0, 3.0]);
        assert_eq!(delays(&mut Retries::new(options), &end, 4, 1.0), [0.25, 0.5, 1.0, 1.5]);
        let never = Reconnect { factor: 100.0, max_delay: Duration::MAX, ..Reconnect::default() };
        assert!(delays(&mut Retries::new(never), &end, 20, 0.5).iter().all(|delay| delay.is_finite()));
    }

    #[test]
    fn attempts_end_at_their_limit_and_are_counted_anew_after_a_stable_connection() {
        let end = closed(1012);
        let mut retries = Retries::new(Reconnect { max_retries: Some(2), ..Reconnect::default() });
        let mut attempt =
            |open_for| retries.after(&end, open_for, UNIX_EPOCH, 0.0).map(|retry| (retry.attempt, retry.delay));
        assert_eq!(attempt(None), Some((1, SECOND / 2)));
        assert_eq!(attempt(Some(4 * SECOND)), Some((2, SECOND)));
        assert_eq!(attempt(Some(4 * SECOND)), None);
        assert_eq!(attempt(Some(5 * SECOND)), Some((1, SECOND / 2)));
        assert_eq!(retries.again(0.0), Some(Retry { attempt: 2, delay: SECOND }));
        assert_eq!(retries.again(0.0), None);
    }

    #[test]
    fn a_server_may_ask_for_a_longer_delay_up_to_an_hour() {
        let delay = |text| {
            let mut retries = Retries::new(Reconnect::default());
            retries.after(&refused(503, Some(text)), None, UNIX_EPOCH + 1000 * SECOND, 0.0).unwrap().delay
        };
        assert_eq!(delay("7"), 7 * SECOND);
        assert_eq!(delay("0"), SECOND / 2);
        assert_eq!(delay("Thu, 01 Jan 1970 00:17:00 GMT"), 20 * SECOND);
        for text in ["3601", "99999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            assert_eq!(delay(text), MAX_RETRY_AFTER, "{text}");
        }
        for text in ["", "-1", "1.5", "soon", "Thu, 01 Jan 1970 00:00:00 GMT"] {
            assert_eq!(delay(text), SECOND / 2, "{text}");
        }
    }
}
