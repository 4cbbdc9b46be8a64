//! The life of one connection: it opens, carries messages and ends, and where the script wants that, it opens again.
//!
//! Comes in: a plan, and what the script sends and wants. Goes out: events, the last of them one end. What happens on
//! an open connection is the driver's part; whether another attempt follows is decided by `retries`.

use std::future::{Future, poll_fn, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::SystemTime;

use tokio::time::{Instant, sleep};

use super::closing::end_of_failure;
use super::driver::Driver;
use super::outbox::Outbox;
use super::outgoing::{AfterLoss, Wish};
use super::preparation::Answer;
use super::recovery::Recovered;
use super::retries::{Retries, Retry};
use super::settings::Settings;
use super::sink::EventSink;
use crate::event::{End, Event, Messages, Reconnecting};
use crate::quote::quoted;
use crate::response::Response;
use crate::transport::{Opened, Plan};

/// What became of one attempt.
struct Outcome {
    end: End,
    open_since: Option<Instant>,
    /// What the connection has not written, if another may follow.
    unwritten: Recovered,
    /// The outbox accepts messages again, and the script was not told.
    accepts_again: bool,
}

/// Lives until the end. `retries` is present if a lost connection is opened again.
pub async fn live(plan: Arc<Plan>, settings: Arc<Settings>, retries: Option<Box<Retries>>, mut sink: EventSink) {
    let end = match retries {
        None => live_once(plan, &settings, &mut sink).await.end,
        // Boxed, because most connections do without.
        Some(retries) => Box::pin(live_again(plan, settings, *retries, &mut sink)).await,
    };
    sink.deliver_end(end);
}

/// Opens and carries messages until the connection ends for good.
async fn live_again(mut plan: Arc<Plan>, settings: Arc<Settings>, mut retries: Retries, sink: &mut EventSink) -> End {
    loop {
        let Outcome { end, open_since, unwritten, mut accepts_again } =
            live_once(Arc::clone(&plan), &settings, sink).await;
        if unless_ended(&sink.connection.outbox, ready(())).await.is_none() {
            return end;
        }
        let open_for = open_since.map(|since| since.elapsed());
        let Some(mut retry) = retries.after(&end, open_for, SystemTime::now(), rand::random()) else { return end };
        let mut event = reconnecting(&end, retry, unwritten.lost);
        accepts_again |= sink.connection.outbox.put_back(unwritten);
        loop {
            sink.log
                .warning(|| format!("attempt {} in {:.3} s: {}", event.attempt, event.delay.as_secs_f64(), event.text));
            sink.deliver([sink.charged(Event::Reconnecting(Box::new(event)))]);
            if accepts_again && settings.report_drain {
                sink.deliver([sink.charged(Event::Drain)]);
            }
            let prepared = prepare(&retries, retry, sink);
            match unless_ended(&sink.connection.outbox, prepared).await {
                None => return End::dropped(),
                Some(Answer::Same) => break,
                Some(Answer::New(new)) => {
                    plan = new;
                    break;
                }
                Some(Answer::Failed) => {
                    let Some(next) = retries.again(rand::random()) else { return without_plan(end) };
                    retry = next;
                    event = reconnecting(&without_plan(end.clone()), retry, Messages::default());
                    accepts_again = false;
                }
            }
        }
    }
}

/// Waits until the next attempt may begin, and has the script plan it.
async fn prepare(retries: &Retries, Retry { attempt, delay }: Retry, sink: &EventSink) -> Answer {
    sleep(delay).await;
    // Each attempt brings events. A script that takes none must not be given more and more of them.
    poll_fn(|cx| sink.connection.budget.poll_has_capacity(cx.waker())).await;
    if !retries.are_planned() {
        return Answer::Same;
    }
    sink.deliver([sink.charged(Event::Preparing(attempt))]);
    poll_fn(|cx| sink.connection.preparation.poll_answer(cx)).await
}

/// Opens once, and carries messages until the connection ends.
async fn live_once(plan: Arc<Plan>, settings: &Arc<Settings>, sink: &mut EventSink) -> Outcome {
    // Boxed, so that an open connection does not keep the memory that its opening needed.
    let log = sink.log.clone();
    let opening = Box::pin(async move { plan.open_logged(&log).await });
    match unless_ended(&sink.connection.outbox, opening).await {
        None => Outcome::never_open(End::dropped()),
        Some(Err(failure)) => Outcome::never_open(end_of_failure(failure)),
        Some(Ok(opened)) => {
            let mut open = begin(opened, settings, sink);
            let end = poll_fn(|cx| open.driver.poll(cx, sink)).await;
            open.outcome(end, settings)
        }
    }
}

/// An open connection. It is in a box, because a future keeps space for each value on its way.
struct Open {
    driver: Driver,
    since: Instant,
    /// What was reached, for texts.
    reached: String,
}

fn begin(opened: Opened, settings: &Arc<Settings>, sink: &EventSink) -> Box<Open> {
    let Opened { reached, stream, response, agreed, tail } = opened;
    sink.log.info(|| summary(&reached, &response));
    sink.deliver([sink.charged(Event::Open(Box::new(response)))]);
    if agreed.is_none() {
        sink.connection.outbox.start_encoding();
    }
    let driver = Driver::new(stream, agreed.as_ref(), tail, Arc::clone(settings));
    Box::new(Open { driver, since: Instant::now(), reached })
}

impl Open {
    fn outcome(self, mut end: End, settings: &Settings) -> Outcome {
        // The text of a violation also goes to the peer, which knows its own address.
        if !end.violation && !end.text.is_empty() {
            end.text = format!("{}: connection to {}", end.text, self.reached);
        }
        let (unwritten, accepts_again) = match settings.after_loss {
            AfterLoss::Another => self.driver.recover(),
            AfterLoss::Nothing => (Recovered::default(), false),
        };
        Outcome { end, open_since: Some(self.since), unwritten, accepts_again }
    }
}

impl Outcome {
    fn never_open(end: End) -> Outcome {
        Outcome { end, open_since: None, unwritten: Recovered::default(), accepts_again: false }
    }
}

/// Works until the work is done; returns `None` if the script wants the end of the connection first.
async fn unless_ended<T>(outbox: &Outbox, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|cx| match outbox.poll_asked(cx).wish {
        Wish::Stay => work.as_mut().poll(cx).map(Some),
        _ => Poll::Ready(None),
    })
    .await
}

fn summary(reached: &str, response: &Response) -> String {
    // Not which subprotocol: some servers take a token for one.
    let protocol = if response.protocol.is_empty() { "no subprotocol" } else { "a subprotocol" };
    let extensions = match &*response.extensions {
        "" => "no extension".to_owned(),
        extensions => quoted(extensions),
    };
    format!("open: connection to {reached} with {protocol} and {extensions}")
}

/// Says that the script could not plan the attempt after this end.
fn without_plan(end: End) -> End {
    End { text: format!("reconnect.before gave no plan; before that: {}", cause_of(&end)), ..end }
}

/// Says why a connection ended.
fn cause_of(end: &End) -> String {
    match &*end.text {
        "" => format!("the peer closed the connection with {}", end.code),
        text => text.to_owned(),
    }
}

fn reconnecting(end: &End, Retry { attempt, delay }: Retry, lost: Messages) -> Reconnecting {
    Reconnecting {
        text: cause_of(end),
        error: end.error,
        code: end.code,
        reason: end.reason.clone(),
        response: end.response.clone(),
        attempt,
        delay,
        lost,
    }
}
