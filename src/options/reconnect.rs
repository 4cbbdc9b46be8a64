//! How a connection that was lost is opened again.
//!
//! Comes in: what the option `reconnect` gave. Goes out: [`Reconnect`], whose rules `check` knows. Decides nothing
//! about a single attempt; `src/connection/retries.rs` does.

use std::time::Duration;

use crate::error::InvalidInput;

/// When and how often a lost connection is opened again.
#[derive(Clone, Debug, PartialEq)]
pub struct Reconnect {
    /// The delay before the first attempt.
    pub min_delay: Duration,
    /// The longest delay between two attempts.
    pub max_delay: Duration,
    /// What each delay is multiplied by to get the next.
    pub factor: f64,
    /// The part of each delay that is chosen at random, from 0 to 1.
    pub jitter: f64,
    /// The most attempts in a row; `None` sets no limit.
    pub max_retries: Option<usize>,
    /// How long a connection must have been open so that the attempts are counted anew.
    pub stable_after: Duration,
    /// The script has a function that gives the URL and the headers of each attempt.
    pub before: bool,
}

impl Default for Reconnect {
    fn default() -> Self {
        Reconnect {
            min_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
            factor: 2.0,
            jitter: 0.5,
            max_retries: None,
            stable_after: Duration::from_secs(5),
            before: false,
        }
    }
}

impl Reconnect {
    /// Checks the rules between the values.
    ///
    /// # Errors
    /// `min_delay` is longer than `max_delay`.
    pub fn check(&self) -> Result<(), InvalidInput> {
        let [least, most] = [self.min_delay, self.max_delay].map(|delay| delay.as_secs_f64());
        if least > most {
            return Err(InvalidInput::new(format!(
                "option reconnect.min_delay is {least} s, must be at most reconnect.max_delay, which is {most} s"
            )));
        }
        Ok(())
    }
}
