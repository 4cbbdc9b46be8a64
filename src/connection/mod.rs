//! One WebSocket connection each: what the script sends comes in, events go out, and exactly one end, last.
//!
//! Reading order: `outbox` (the script's side), `output`, `keepalive`, `closing` (pure parts), `driver` (the network's
//! side). Knows neither Lua nor how bytes reach the peer.

mod closing;
mod driver;
mod keepalive;
mod outbox;
mod output;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use self::driver::Driver;
pub use self::outbox::{MESSAGE_OVERHEAD, Outbox, Outgoing, Progress, Refusal, Wish};
use crate::error::{ErrorCode, Failure};
use crate::event::{End, Event};
use crate::extension::Compression;
use crate::options::Options;
use crate::protocol::Limits;
use crate::queue::{Budget, Charge, ConnectionId, Item, Queue};
use crate::runtime::Lease;
use crate::transport::{Opened, Plan};

/// What host and engine share of one connection.
pub struct Connection {
    /// What the script wants done.
    pub outbox: Outbox,
    /// Microseconds of the last keepalive Ping's way there and back, or `NO_LATENCY`.
    latency: AtomicU64,
}

const NO_LATENCY: u64 = u64::MAX;

impl Connection {
    /// Makes a connection that nothing is done for yet: the outbox already takes what is sent.
    pub fn new(options: &Options) -> Arc<Connection> {
        Arc::new(Connection { outbox: Outbox::new(options.max_buffered), latency: AtomicU64::new(NO_LATENCY) })
    }

    /// Opens it in the background, once; its events go to `queue` under `id`.
    pub fn start(self: &Arc<Self>, lease: &Lease, plan: Plan, options: &Options, id: ConnectionId, queue: Arc<Queue>) {
        let teller =
            Teller { id, queue, budget: Budget::new(options.max_queue), connection: Arc::clone(self), ended: false };
        let authority = plan.authority();
        // Boxed, so that an open connection does not keep the room of its opening.
        lease.spawn(run(Box::pin(plan.open()), authority, Settings::of(options), teller));
    }

    /// Returns how long the last keepalive Ping took there and back.
    pub fn latency(&self) -> Option<Duration> {
        match self.latency.load(Ordering::Relaxed) {
            NO_LATENCY => None,
            micros => Some(Duration::from_micros(micros)),
        }
    }

    fn set_latency(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(NO_LATENCY - 1);
        self.latency.store(micros, Ordering::Relaxed);
    }
}

/// What an open connection needs to know of the options.
struct Settings {
    limits: Limits,
    compression: Option<Compression>,
    close_timeout: Duration,
    ping_interval: Option<Duration>,
    ping_timeout: Option<Duration>,
    report_pings: bool,
}

impl Settings {
    fn of(options: &Options) -> Settings {
        Settings {
            limits: Limits { max_message_size: options.max_message_size, max_fragments: options.max_fragments },
            compression: options.compression.clone(),
            close_timeout: options.close_timeout,
            ping_interval: options.ping_interval,
            ping_timeout: options.ping_timeout,
            report_pings: options.report_pings,
        }
    }
}

type Opening = Pin<Box<dyn Future<Output = Result<Opened, Failure>> + Send>>;

async fn run(opening: Opening, authority: String, settings: Settings, mut teller: Teller) {
    let end = match open(opening, &teller.connection.outbox).await {
        None => End::dropped(),
        Some(Err(failure)) => closing::end_of_failure(failure),
        Some(Ok(Opened { stream, response, agreed, tail })) => {
            let open = teller.charged(Event::Open(Box::new(response)));
            teller.queue.push([open]);
            let mut driver = Driver::new(stream, agreed.as_ref(), tail, settings);
            let mut end = poll_fn(|cx| driver.poll(cx, &mut teller)).await;
            // A violation's text goes to the peer, too, and it knows where it is.
            if !end.violation && !end.text.is_empty() {
                end.text = format!("{}: connection to {authority}", end.text);
            }
            end
        }
    };
    teller.end(end);
}

/// Opens, unless the script gives it up before.
async fn open(mut opening: Opening, outbox: &Outbox) -> Option<Result<Opened, Failure>> {
    poll_fn(|cx| match outbox.wish(cx.waker()) {
        Wish::Stay => opening.as_mut().poll(cx).map(Some),
        _ => Poll::Ready(None),
    })
    .await
}

/// Tells the events of one connection to its Lua state. Whatever becomes of the task, an end is told.
struct Teller {
    id: ConnectionId,
    queue: Arc<Queue>,
    budget: Arc<Budget>,
    connection: Arc<Connection>,
    ended: bool,
}

impl Teller {
    fn tell(&mut self, event: Event) {
        self.queue.push([Item::Event(self.id, event, Charge::none())]);
    }

    /// Makes an item of an event that the budget is charged for.
    fn charged(&self, event: Event) -> Item {
        let charge = self.budget.charge(event.payload_len());
        Item::Event(self.id, event, charge)
    }

    fn end(&mut self, end: End) {
        self.ended = true;
        self.connection.outbox.end();
        self.tell(Event::End(Box::new(end)));
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if !self.ended {
            let failure = Failure::new(ErrorCode::Internal, "internal error: the connection's task ended early");
            self.end(closing::end_of_failure(failure));
        }
    }
}
