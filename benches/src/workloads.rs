//! The workloads of the benchmarks for the clients in Rust. scripts/lib/bench/README.md describes them for all clients.
//!
//!     bench-LIBRARY WORKLOAD URL COUNT SIZE
//!
//! Comes in: a [`Client`]. Goes out: one line of JSON on stdout.

use std::cell::Cell;
use std::env;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};
use tokio::task::{LocalSet, spawn_local};

use crate::client::{Client, Result};
use crate::{payload, usage};

/// Messages that are sent before the library is asked to write.
pub const BATCH: usize = 1000;
/// Connections that are opened at the same time.
const AT_ONCE: usize = 50;
/// Connections that are open before their memory is measured.
const FIRST: usize = 10;
/// Messages to all connections together, one to each in turn, and bursts of 16 to each in turn.
const FANS: [(&str, usize, usize); 2] = [("single", 40_000, 1), ("burst", 160_000, 16)];

/// What a run has used between two moments.
pub struct Clock {
    wall: Instant,
    cpu: Duration,
}

impl Clock {
    /// Begins now.
    pub fn start() -> Clock {
        Clock { cpu: usage::cpu(), wall: Instant::now() }
    }

    /// Returns the JSON members `PREFIXwall` and `PREFIXcpu`, in seconds since the beginning.
    pub fn read(&self, prefix: &str) -> String {
        let (wall, cpu) = (self.wall.elapsed().as_secs_f64(), (usage::cpu() - self.cpu).as_secs_f64());
        format!(r#""{prefix}wall": {wall:.9}, "{prefix}cpu": {cpu:.6}"#)
    }
}

/// Runs the workload that the arguments name, and prints what it has used.
///
/// # Errors
/// The client fails, or the arguments are wrong.
pub fn main<C: Client>() -> Result<()> {
    let clock = Clock::start();
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [workload, url, count, size] = arguments.as_slice() else {
        return Err("usage: bench-LIBRARY WORKLOAD URL COUNT SIZE".into());
    };
    let (count, size) = (count.parse()?, size.parse()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let line = LocalSet::new().block_on(&runtime, async {
        match workload.as_str() {
            "callback" | "loop" => echo::<C>(url, count, size).await,
            "receive" => receive::<C>(url, count, size).await,
            "send" => send::<C>(url, count, size).await,
            "connections" => connections::<C>(url, count).await,
            "idle" => idle::<C>(url, count, size).await,
            "startup" => {
                C::connect(&format!("{url}/echo")).await?;
                Ok(clock.read(""))
            }
            _ => Err(format!("no workload {workload}").into()),
        }
    })?;
    println!("{{{line}, \"operations\": {count}}}");
    Ok(())
}

async fn echo<C: Client>(url: &str, count: usize, size: usize) -> Result<String> {
    let texts = payload::texts(size);
    let mut client = C::connect(&format!("{url}/echo")).await?;
    let mut clock = Clock::start();
    for number in 0..count + count / 10 {
        if number == count / 10 {
            clock = Clock::start();
        }
        client.send(&texts[number % texts.len()]).await?;
        expect(client.receive().await?, size)?;
    }
    Ok(clock.read(""))
}

async fn receive<C: Client>(url: &str, count: usize, size: usize) -> Result<String> {
    let mut client = C::connect(&format!("{url}/flood/{size}")).await?;
    let mut clock = Clock::start();
    for messages in [count / 10, count] {
        clock = Clock::start();
        client.send(&messages.to_string()).await?;
        for _ in 0..messages {
            expect(client.receive().await?, size)?;
        }
    }
    Ok(clock.read(""))
}

async fn send<C: Client>(url: &str, count: usize, size: usize) -> Result<String> {
    let texts = payload::texts(size);
    let mut client = C::connect(&format!("{url}/sink")).await?;
    let mut clock = Clock::start();
    for messages in [count / 10, count] {
        clock = Clock::start();
        let mut left = messages;
        while left > 0 {
            let part = left.min(BATCH).min(texts.len());
            client.send_batch(&texts[..part]).await?;
            left -= part;
        }
        client.send(".").await?;
        expect(client.receive().await?, 1)?;
    }
    Ok(clock.read(""))
}

fn expect(found: usize, size: usize) -> Result<()> {
    if found == size { Ok(()) } else { Err(format!("a message of {found} bytes instead of {size}").into()) }
}

/// Counts the messages that all connections have received.
#[derive(Default)]
struct Counter {
    left: Cell<usize>,
    none_left: Notify,
}

impl Counter {
    fn count(&self) {
        self.left.set(self.left.get() - 1);
        if self.left.get() == 0 {
            self.none_left.notify_one();
        }
    }
}

/// Opens `count` connections, a few at a time. Each sends a message and waits for its echo; then it counts what comes.
async fn open<C: Client>(url: &str, count: usize, counter: &Rc<Counter>) -> Result<()> {
    let (opened, mut answers) = mpsc::unbounded_channel();
    let begin = |number| {
        let (url, opened, counter) = (url.to_owned(), opened.clone(), Rc::clone(counter));
        spawn_local(async move {
            let client = talk::<C>(&url, number).await;
            let Ok(mut client) = client.map_err(|error| opened.send(Err(error.to_string()))) else { return };
            let _ = opened.send(Ok(()));
            while client.receive().await.is_ok() {
                counter.count();
            }
        });
    };
    (0..count.min(AT_ONCE)).for_each(&begin);
    for number in 0..count {
        answers.recv().await.ok_or("no answer")??;
        if number + AT_ONCE < count {
            begin(number + AT_ONCE);
        }
    }
    Ok(())
}

async fn talk<C: Client>(url: &str, number: usize) -> Result<C> {
    let mut client = C::connect(url).await?;
    client.send(&payload::text(64, number)).await?;
    expect(client.receive().await?, 64)?;
    Ok(client)
}

async fn connections<C: Client>(url: &str, count: usize) -> Result<String> {
    let url = format!("{url}/fan/{}", std::process::id());
    let counter = Rc::new(Counter::default());
    let mut trigger = C::connect(&url.replace("/fan/", "/trigger/")).await?;
    let clock = Clock::start();
    open::<C>(&url, count.min(FIRST), &counter).await?;
    let before = usage::memory();
    open::<C>(&url, count - count.min(FIRST), &counter).await?;
    let mut line = clock.read("");
    let more = count.saturating_sub(FIRST);
    let memory = usage::memory().saturating_sub(before) as f64 / more.max(1) as f64;
    line += &format!(r#", "memory": {memory:.2}"#);
    if url.starts_with("wss:") {
        return Ok(line); // the service needs plain sockets
    }
    for (name, messages, burst) in FANS {
        counter.left.set(messages);
        let clock = Clock::start();
        trigger.send(&format!("fan {messages} {burst}")).await?;
        counter.none_left.notified().await;
        line += &format!(r#", {}, "{name}_operations": {messages}"#, clock.read(&format!("{name}_")));
    }
    Ok(line)
}

async fn idle<C: Client>(url: &str, count: usize, seconds: usize) -> Result<String> {
    open::<C>(&format!("{url}/echo"), count, &Rc::default()).await?;
    let clock = Clock::start();
    tokio::time::sleep(Duration::from_secs(seconds as u64)).await;
    Ok(clock.read(""))
}
