//! Where the script plans the next attempt of a connection that is opened again, and the connection takes the plan.
//!
//! Comes in, on the host's thread: the script's answer. Goes out, on the thread that drives: the same.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::sync::Mutex;
use crate::transport::Plan;

/// What the script has answered.
pub enum Answer {
    /// The next attempt is like the one before.
    Same,
    /// The next attempt goes by this plan.
    New(Arc<Plan>),
    /// The script could not plan the attempt.
    Failed,
}

/// The answer of one connection's script.
#[derive(Default)]
pub struct Preparation {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    answer: Option<Answer>,
    task: Option<Waker>,
}

impl Preparation {
    /// Hands over the script's answer.
    pub fn answer(&self, answer: Answer) {
        let task = {
            let mut state = self.state.lock();
            state.answer = Some(answer);
            state.task.take()
        };
        if let Some(task) = task {
            task.wake();
        }
    }

    /// Is ready with the answer. If there is none, registers the task to be woken and to ask again.
    pub fn poll_answer(&self, cx: &Context<'_>) -> Poll<Answer> {
        let mut state = self.state.lock();
        match state.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                state.task = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
