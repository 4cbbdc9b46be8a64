//! One timer for one deadline after another, such as the ends of all waits.
//!
//! Comes in: the moment that is waited for now. Goes out: that it has come. To set a timer for each wait would cost
//! more than a short wait itself, so the timer stays as it is while it is set for an earlier moment. It then fires too
//! early, and is set anew.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

/// The timer. It is made when it is needed first, because that must happen inside of the runtime.
#[derive(Default)]
pub struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Is ready when `deadline` has passed. If it has not, registers the caller to be woken then or before.
    pub fn poll(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(deadline.into())));
        if sleep.deadline() > deadline.into() {
            sleep.as_mut().reset(deadline.into());
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline.into());
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn ends_no_wait_before_its_deadline_and_every_wait_after_it() {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let mut alarm = Alarm::default();
        for limit in [20, 5, 40, 0, 10].map(Duration::from_millis) {
            let deadline = Instant::now() + limit;
            runtime.block_on(poll_fn(|cx| alarm.poll(deadline, cx)));
            assert!(Instant::now() >= deadline);
        }
    }
}
