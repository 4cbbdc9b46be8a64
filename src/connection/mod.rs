//! One WebSocket connection: messages that the script sends come in, events go out, the last of them exactly one end.
//!
//! Reading order: `settings`, `outgoing`, `outbox`, `frames`, `preparation` and `shared` (the script's side), `output`,
//! `recovery`, `keepalive`, `closing`, `deadlines` and `retries` (pure parts), `sink` and `arrivals` (where events go),
//! `writer`, `driver` and `life` (the network's side). Knows neither Lua nor how bytes reach the peer.

mod arrivals;
mod closing;
mod deadlines;
mod driver;
mod frames;
mod keepalive;
mod life;
mod outbox;
#[cfg(test)]
#[path = "outbox/tests.rs"]
mod outbox_tests;
mod outgoing;
mod output;
mod preparation;
mod recovery;
mod retries;
mod settings;
mod shared;
mod sink;
mod writer;

use std::sync::Arc;

use self::life::live;
pub use self::outbox::Outbox;
pub use self::outgoing::{Outgoing, Progress, Refusal, Wish};
pub use self::preparation::Answer;
use self::retries::Retries;
use self::settings::Settings;
pub use self::shared::Connection;
use self::sink::EventSink;
use crate::options::Options;
use crate::queue::{ConnectionId, Queue};
use crate::runtime::Lease;
use crate::transport::Plan;

impl Connection {
    /// Lets the connection live in the background; called once. Its events go to `queue` under `id`.
    pub fn start(self: &Arc<Self>, lease: &Lease, plan: Plan, options: &Options, id: ConnectionId, queue: Arc<Queue>) {
        let sink = EventSink::new(id, queue, Arc::clone(self));
        let retries = options.reconnect.clone().map(|options| Box::new(Retries::new(options)));
        // Not in the task itself, which would keep the memory.
        let plan = Arc::new(plan);
        lease.spawn(live(plan, Arc::new(Settings::of(options)), retries, sink));
    }
}
