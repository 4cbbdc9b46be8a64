//! One WebSocket connection: messages that the script sends come in, events go out, the last of them exactly one end.
//!
//! Reading order: `settings`, `outgoing`, `outbox`, `frames` and `shared` (the script's side), `output`, `keepalive`, `closing` and
//! `deadlines` (pure parts), `sink` and `arrivals` (where events go), `writer` and `driver` (the network's side). Knows
//! neither Lua nor how bytes reach the peer.

mod arrivals;
mod closing;
mod deadlines;
mod driver;
mod frames;
mod keepalive;
mod outbox;
#[cfg(test)]
#[path = "outbox/tests.rs"]
mod outbox_tests;
mod outgoing;
mod output;
mod settings;
mod shared;
mod sink;
mod writer;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use self::driver::Driver;
pub use self::outbox::Outbox;
pub use self::outgoing::{Outgoing, Progress, Refusal, Wish};
use self::settings::Settings;
pub use self::shared::Connection;
use self::sink::EventSink;
use crate::error::Failure;
use crate::event::{End, Event};
use crate::options::Options;
use crate::queue::{Budget, ConnectionId, Queue};
use crate::runtime::Lease;
use crate::transport::{Opened, Plan};

impl Connection {
    /// Opens the connection in the background; called once. Its events go to `queue` under `id`.
    pub fn start(self: &Arc<Self>, lease: &Lease, plan: Plan, options: &Options, id: ConnectionId, queue: Arc<Queue>) {
        let sink = EventSink::new(id, queue, Budget::new(options.max_queue), Arc::clone(self));
        let authority = plan.authority();
        // Boxed, so that an open connection does not keep the memory that its opening needed.
        let opening = Box::pin(async move { plan.open().await });
        lease.spawn(run(opening, authority, Settings::of(options), sink));
    }
}

type Opening = Pin<Box<dyn Future<Output = Result<Opened, Failure>> + Send>>;

async fn run(opening: Opening, authority: String, settings: Settings, mut sink: EventSink) {
    let end = match open(opening, &sink.connection.outbox).await {
        None => End::dropped(),
        Some(Err(failure)) => closing::end_of_failure(failure),
        Some(Ok(Opened { stream, response, agreed, tail })) => {
            sink.deliver([sink.charged(Event::Open(Box::new(response)))]);
            if agreed.is_none() {
                sink.connection.outbox.start_encoding();
            }
            let mut driver = Driver::new(stream, agreed.as_ref(), tail, settings);
            let mut end = poll_fn(|cx| driver.poll(cx, &mut sink)).await;
            // The text of a violation also goes to the peer, which knows its own address.
            if !end.violation && !end.text.is_empty() {
                end.text = format!("{}: connection to {authority}", end.text);
            }
            end
        }
    };
    sink.deliver_end(end);
}

/// Opens; returns `None` if the script wants the connection to end before it is open.
async fn open(mut opening: Opening, outbox: &Outbox) -> Option<Result<Opened, Failure>> {
    poll_fn(|cx| match outbox.poll_asked(cx).wish {
        Wish::Stay => opening.as_mut().poll(cx).map(Some),
        _ => Poll::Ready(None),
    })
    .await
}
