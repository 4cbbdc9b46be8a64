//! Decides whether a host that waits asks the system again and again for a moment before it sleeps.
//!
//! Where an answer comes within microseconds, to put the thread to sleep and to wake it may take longer than the answer. But
//! where another program uses the other CPUs, or the peer shares this one, the peer answers sooner if this thread sleeps. So
//! both ways are measured, and the better one is used. Comes in: how long waits took. Goes out: how the next one begins.
//! Reads no clock.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How long a wait spins at most before it sleeps.
pub const LIMIT: Duration = Duration::from_micros(50);

/// Sleeping waits that take longer than this on average gain nothing from spinning. An idle machine takes 100 microseconds
/// to wake up.
const SHORT: Duration = Duration::from_micros(250);

/// Longer waits count as if they took this long, so that a few short ones outweigh one of them.
const LONGEST: Duration = Duration::from_micros(500);

/// Of this many short waits, one begins in the other way, to measure it again.
const TRIAL: u32 = 256;

/// How a wait begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The thread sleeps at once.
    Sleep,
    /// The thread spins for up to [`LIMIT`], and then sleeps.
    Spin,
}

/// What is known of the last waits.
#[derive(Debug)]
pub struct Spin {
    has_other_cpus: bool,
    waits: AtomicU32,
    sleeping: Average,
    spinning: Average,
}

impl Spin {
    /// Knows nothing of any wait yet, and that this process may use `cpus` CPUs. On one CPU no wait ever spins.
    pub fn new(cpus: usize) -> Spin {
        Spin {
            has_other_cpus: cpus > 1,
            waits: AtomicU32::new(0),
            sleeping: Average::new(LONGEST),
            // So that it is tried as soon as waits are short.
            spinning: Average::new(Duration::ZERO),
        }
    }

    /// Tells whether this process may use several CPUs.
    pub fn has_other_cpus(&self) -> bool {
        self.has_other_cpus
    }

    /// Returns how the next wait should begin.
    pub fn next(&self) -> Way {
        let sleeping = self.sleeping.get();
        if !self.has_other_cpus || sleeping > SHORT {
            return Way::Sleep;
        }
        let spinning = self.spinning.get();
        let pays = spinning < sleeping && spinning <= LIMIT;
        let is_trial = self.waits.fetch_add(1, Ordering::Relaxed).is_multiple_of(TRIAL);
        if pays != is_trial { Way::Spin } else { Way::Sleep }
    }

    /// Notes how long a wait took that began in this way.
    pub fn note(&self, way: Way, wait: Duration) {
        match way {
            Way::Sleep => self.sleeping.add(wait),
            Way::Spin => self.spinning.add(wait),
        }
    }
}

/// The average of the last waits, in nanoseconds, to which each new one adds a quarter.
#[derive(Debug)]
struct Average(AtomicU32);

impl Average {
    fn new(wait: Duration) -> Average {
        Average(AtomicU32::new(nanos(wait)))
    }

    fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed).into())
    }

    fn add(&self, wait: Duration) {
        let average = self.0.load(Ordering::Relaxed);
        self.0.store(average - average / 4 + nanos(wait) / 4, Ordering::Relaxed);
    }
}

fn nanos(wait: Duration) -> u32 {
    u32::try_from(wait.min(LONGEST).as_nanos()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn micros(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    /// Notes `waits` waits that take `sleeping` or `spinning`, by how they begin; returns how many waits began by spinning.
    fn spins(spin: &Spin, waits: usize, sleeping: Duration, spinning: Duration) -> usize {
        let mut spins = 0;
        for _ in 0..waits {
            let way = spin.next();
            spins += usize::from(way == Way::Spin);
            spin.note(way, if way == Way::Spin { spinning } else { sleeping });
        }
        spins
    }

    #[test]
    fn spins_where_that_is_faster() {
        let spin = Spin::new(2);
        spins(&spin, 5120, micros(100), micros(20));
        let count = spins(&spin, 25600, micros(100), micros(20));
        assert_eq!(count, 25500);
    }

    #[test]
    fn sleeps_where_that_is_faster_and_tries_to_spin_now_and_then() {
        let spin = Spin::new(2);
        spins(&spin, 5120, micros(15), micros(30));
        assert_eq!(spins(&spin, 25600, micros(15), micros(30)), 100);
    }

    #[test]
    fn sleeps_where_no_spin_lasts_until_the_answer() {
        let spin = Spin::new(2);
        spins(&spin, 5120, micros(220), micros(200));
        assert_eq!(spins(&spin, 25600, micros(220), micros(200)), 100);
    }

    #[test]
    fn never_spins_where_waits_are_long() {
        assert_eq!(spins(&Spin::new(2), 1000, micros(1000), micros(1000)), 0);
        let spin = Spin::new(2);
        spins(&spin, 5120, micros(100), micros(20));
        spins(&spin, 1000, micros(1000), micros(1000));
        assert_eq!(spins(&spin, 1000, micros(1000), micros(1000)), 0);
        // And it finds out when they are short again.
        spins(&spin, 5000, micros(100), micros(20));
        assert!(spins(&spin, 1000, micros(100), micros(20)) > 990);
    }

    #[test]
    fn never_spins_on_one_cpu() {
        assert_eq!(spins(&Spin::new(1), 1000, micros(100), micros(20)), 0);
    }
}
