//! What the server and the clients of the benchmarks share.
//!
//! Reading order: [`payload`] (the messages), [`upgrade`] (the opening handshake, for both sides), [`usage`] (processor
//! time and memory), then [`client`] and [`workloads`] (what every client in Rust does), and [`server`].

pub mod client;
pub mod payload;
pub mod server;
pub mod upgrade;
pub mod usage;
pub mod workloads;
