//! Decides who drives the runtime: a host that waits, the helper, or for a moment nobody.
//!
//! ```text
//!              a host waits                      a tick passed without a host,
//!                                                or a host works for long
//!   ┌──────────┐ <─────────────── ┌────────┐ ───────────────> ┌────────────┐
//!   │ the host │                  │ nobody │                  │ the helper │
//!   │ drives   │ ───────────────> │ drives │ <─────────────── │ drives     │
//!   └──────────┘ it has what it   └────────┘ a host waits,    └────────────┘
//!                waited for                  or the end
//! ```
//!
//! While a host drives, the other hosts that wait are in a line. Whoever stops driving wakes the first of them, and so
//! does a host that leaves the line while nobody drives. The helper drives only when the line is empty. While nobody
//! drives, and while hosts take short turns, the helper wakes up once in a tick to see whether it must drive. When a
//! host takes a long turn, the helper sleeps until no host drives or waits. So a host that waits again and again never
//! makes a system call to wake the helper, and a process that only waits has no ticks. A host that waits in slices
//! leaves the helper asleep between them.
//!
//! Comes in: hosts that wait, and the helper. Goes out: the turn, to one of them at a time. Knows nothing of what is
//! driven. `tests/loom.rs` tries every order.

use std::collections::VecDeque;
use std::mem;
use std::ops::DerefMut;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::parker::Parker;
use crate::sync::{Condvar, Mutex};

/// How long the helper waits for a host to drive before it drives itself.
const TICK: Duration = Duration::from_millis(2);

/// How long the helper sleeps before it looks whether a host still drives. One that promised to wait again may be
/// interrupted before it does.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// Who drives one runtime.
#[derive(Debug)]
pub struct Turns {
    state: Mutex<State>,
    /// Notified when the helper must not sleep any longer.
    helper: Condvar,
}

#[derive(Debug)]
struct State {
    driver: Driver,
    /// The hosts that wait while another thread drives, the first one first.
    line: VecDeque<Arc<Parker>>,
    /// How many turns hosts have taken since the helper's last tick.
    host_turns: usize,
    /// The helper sleeps without ticks.
    helper_sleeps: bool,
    /// A host that cannot drive waits for the helper to do so.
    helper_is_called: bool,
    /// Wakes the helper while it drives.
    helper: Option<Waker>,
    ended: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Driver {
    Nobody,
    Host,
    Helper,
}

/// The turn of one thread, which may drive until it drops this.
#[derive(Debug)]
pub struct Turn<'a> {
    turns: &'a Turns,
    then: Then,
}

/// What a host does when the deadline of its wait has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It does other work, so the helper must look after the runtime.
    Leave,
    /// It waits again at once, so the helper need not be woken.
    WaitAgain,
}

impl Default for Turns {
    fn default() -> Turns {
        let state = State {
            driver: Driver::Nobody,
            line: VecDeque::new(),
            // The helper leaves the first tick to a host.
            host_turns: 1,
            helper_sleeps: false,
            helper_is_called: false,
            helper: None,
            ended: false,
        };
        Turns { state: Mutex::new(state), helper: Condvar::default() }
    }
}

impl Turns {
    /// Waits until `poll` is ready, at most until `deadline`. When this host's turn comes before that, calls `drive`
    /// with `poll`, and returns its result.
    pub fn wait<T, P: FnMut(&mut Context<'_>) -> Poll<T>>(
        &self,
        deadline: Option<Instant>,
        then: Then,
        mut poll: P,
        drive: impl FnOnce(P) -> Option<T>,
    ) -> Option<T> {
        if let Some(turn) = self.take() {
            return turn.drive(then, poll, drive);
        }
        let place = Place { turns: self, parker: Arc::default() };
        let waker = Waker::from(Arc::clone(&place.parker));
        loop {
            if let Some(turn) = place.take_or_stay() {
                return turn.drive(then, poll, drive);
            }
            if let Poll::Ready(result) = poll(&mut Context::from_waker(&waker)) {
                return Some(result);
            }
            if has_passed(deadline) {
                return None;
            }
            place.parker.park(deadline);
        }
    }

    /// As [`Turns::wait`], for a host that cannot drive: another host does, or the helper, which does not wait for a
    /// tick.
    pub fn wait_for_others<T>(
        &self,
        deadline: Option<Instant>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Option<T> {
        self.call_helper(self.state.lock());
        let parker = Arc::new(Parker::default());
        let waker = Waker::from(Arc::clone(&parker));
        loop {
            if let Poll::Ready(result) = poll(&mut Context::from_waker(&waker)) {
                return Some(result);
            }
            if has_passed(deadline) {
                return None;
            }
            parker.park(deadline);
        }
    }

    /// Takes the turn for a host, if nobody drives.
    pub fn take(&self) -> Option<Turn<'_>> {
        let taken = self.state.lock().take();
        taken.then(|| Turn::of(self))
    }

    /// Waits until the helper's turn comes; there is none after the end. For the helper.
    pub fn take_as_helper(&self) -> Option<Turn<'_>> {
        let mut state = self.state.lock();
        while !state.ended {
            let is_called = mem::take(&mut state.helper_is_called);
            if state.driver == Driver::Nobody && state.line.is_empty() {
                if is_called || state.host_turns == 0 {
                    state.driver = Driver::Helper;
                    return Some(Turn::of(self));
                }
            } else if state.host_turns <= 1 {
                // A host that takes one turn after another would have taken more of them.
                state.helper_sleeps = true;
                while state.helper_sleeps && !state.ended {
                    let morning = Instant::now() + LONGEST_SLEEP;
                    self.helper.wait_while_until(&mut state, |state| state.helper_sleeps && !state.ended, morning);
                    state.helper_sleeps &= state.driver == Driver::Host;
                }
            }
            state.host_turns = 0;
            self.helper.wait_while_for(&mut state, |state| !state.helper_is_called && !state.ended, TICK);
        }
        None
    }

    /// Has the helper drive without waiting for a tick, if nobody drives now. For a host that does other work for long.
    pub fn let_helper_drive(&self) {
        let state = self.state.lock();
        if state.driver == Driver::Nobody {
            self.call_helper(state);
        }
    }

    /// Has the helper drive at once, unless a host drives.
    fn call_helper(&self, mut state: impl DerefMut<Target = State>) {
        state.helper_is_called = true;
        state.helper_sleeps = false;
        drop(state);
        self.helper.notify_one();
    }

    /// Is ready when the helper must stop driving. If it need not, registers it to be woken and to ask again.
    pub fn poll_stop(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.ended || !state.line.is_empty() {
            return Poll::Ready(());
        }
        state.helper = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Ends the helper. No host may wait any longer.
    pub fn end(&self) {
        let helper = {
            let mut state = self.state.lock();
            state.ended = true;
            state.helper.take()
        };
        self.helper.notify_one();
        if let Some(helper) = helper {
            helper.wake();
        }
    }

    /// Wakes whoever must act now that nobody drives.
    fn pass_on(&self, mut state: impl DerefMut<Target = State>, then: Then) {
        if let Some(next) = state.line.front().map(Arc::clone) {
            drop(state);
            Waker::from(next).wake();
        } else if then == Then::Leave && mem::take(&mut state.helper_sleeps) {
            drop(state);
            self.helper.notify_one();
        }
    }
}

impl<'a> Turn<'a> {
    fn of(turns: &'a Turns) -> Turn<'a> {
        Turn { turns, then: Then::Leave }
    }

    /// Calls `drive`; what comes then is known if that ends without a result.
    fn drive<T, P>(mut self, then: Then, poll: P, drive: impl FnOnce(P) -> Option<T>) -> Option<T> {
        let result = drive(poll);
        if result.is_none() {
            self.then = then;
        }
        result
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.state.lock();
        state.driver = Driver::Nobody;
        state.helper = None;
        self.turns.pass_on(state, self.then);
    }
}

impl State {
    /// Takes the turn for a host; returns whether it has it now.
    fn take(&mut self) -> bool {
        let is_free = self.driver == Driver::Nobody;
        if is_free {
            self.driver = Driver::Host;
            self.host_turns += 1;
        }
        is_free
    }
}

fn has_passed(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| deadline <= Instant::now())
}

/// The place of a host in the line, which it leaves when it drops this.
struct Place<'a> {
    turns: &'a Turns,
    parker: Arc<Parker>,
}

impl<'a> Place<'a> {
    /// Takes the turn, if nobody drives. If somebody does, stays in the line, and asks the helper to stop.
    fn take_or_stay(&self) -> Option<Turn<'a>> {
        let mut state = self.turns.state.lock();
        if state.take() {
            return Some(Turn::of(self.turns));
        }
        if !state.line.iter().any(|place| Arc::ptr_eq(place, &self.parker)) {
            state.line.push_back(Arc::clone(&self.parker));
        }
        let helper = state.helper.take();
        drop(state);
        if let Some(helper) = helper {
            helper.wake();
        }
        None
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.state.lock();
        state.line.retain(|place| !Arc::ptr_eq(place, &self.parker));
        // The turn may have been offered to this host, which does not take it.
        if state.driver == Driver::Nobody {
            self.turns.pass_on(state, Then::Leave);
        }
    }
}
