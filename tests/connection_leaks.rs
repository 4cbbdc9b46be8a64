//! Connections leave nothing behind when they are over. Alone in its process, because it counts what the process has.

// Helper functions may panic as tests do, but clippy.toml only exempts the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(target_os = "linux")]

mod support;

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use support::client::{Host, body};
use support::peer::{Door, TEXT, close, frame};
use support::{PATIENCE, plan};
use websocket_core::connection::Wish;
use websocket_core::event::Event;
use websocket_core::options::Options;

/// Descriptors and threads of this process.
fn held() -> (Vec<String>, usize) {
    let mut descriptors: Vec<String> = fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .map(|target| target.to_string_lossy().into_owned())
        // The listing itself opens a descriptor.
        .filter(|target| !target.starts_with("/proc/"))
        .collect();
    descriptors.sort();
    (descriptors, fs::read_dir("/proc/self/task").unwrap().count())
}

#[test]
fn leaves_no_descriptor_no_thread_and_no_connection_behind() {
    let door = Arc::new(Door::new());
    let before = held();
    for round in 0..5 {
        let mut host = Host::new();
        let options = Options::default();
        let mut ended = Vec::new();
        for batch in 0..10 {
            let url = door.url();
            let serving = Arc::clone(&door);
            let server = thread::spawn(move || {
                let mut peers: Vec<_> = (0..20).map(|_| serving.peer()).collect();
                for (number, peer) in peers.iter_mut().enumerate() {
                    peer.say(&frame(TEXT, b"hello"));
                    // Half of them are closed by this side.
                    if number % 2 == 0 {
                        peer.say(&close(1000, ""));
                    }
                }
                for mut peer in peers {
                    assert_eq!(peer.hear_close().0, 1000);
                    // This is the answer, or is ignored by a client that was answered before.
                    peer.say(&close(1000, ""));
                }
            });
            let mut connections: HashMap<_, _> =
                (0..20).map(|id| (id, host.start(plan(&url, &options), &options, id))).collect();
            while !connections.is_empty() {
                match host.next_charged() {
                    (id, Event::Message(..), _) => connections[&id].outbox.end_by(Wish::Close(body(1000, ""))),
                    (id, Event::End(end), charge) => {
                        drop(charge);
                        assert!(end.clean, "{round} {batch} {id}: {end:?}");
                        ended.push(connections.remove(&id).unwrap());
                    }
                    _ => {}
                }
            }
            server.join().unwrap();
        }
        drop(host);
        assert!(
            ended.iter().all(|connection| Arc::strong_count(connection) == 1),
            "the engine still holds a connection"
        );
        // Linux lists a thread for up to a millisecond after it was joined.
        let deadline = Instant::now() + PATIENCE;
        while held() != before && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(held(), before);
    }
}
