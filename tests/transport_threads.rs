//! Tests what happens if the system can start no thread for name resolution or for reading trust roots.

// Helper functions may panic as tests do, but clippy.toml only exempts the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// The limit on memory is set by prlimit, and its value is found in /proc.
#![cfg(target_os = "linux")]

mod support;

use std::process::Command;

use support::client::Client;
use websocket_core::error::ErrorCode;
use websocket_core::event::Event;
use websocket_core::options::Options;

#[test]
fn fails_and_prints_nothing_if_no_thread_can_be_started() {
    for child in ["child_resolves_a_name_without_threads", "child_reads_trust_roots_without_threads"] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        // In the child each thread has a stack of 4 GiB, for which the limit that it sets leaves no memory.
        command.args(["--exact", child, "--ignored", "--nocapture"]).env("RUST_MIN_STACK", (4_u64 << 30).to_string());
        let output = command.output().unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}{stderr}");
        assert_eq!(stderr, "");
    }
}

/// Opens `url` after the memory of this process was limited, so that no more threads can be started.
fn fails_without_threads(url: &str, code: ErrorCode) {
    // The first connection starts the engine's helper thread, which must happen before the limit is set.
    let mut client = Client::start("ws://127.0.0.1:9/", &Options::default());
    assert!(matches!(client.next(), Event::End(_)));
    let pages: u64 = std::fs::read_to_string("/proc/self/statm").unwrap().split(' ').next().unwrap().parse().unwrap();
    let limit = format!("--as={}", pages * 4096 + (1 << 30));
    let limited = Command::new("prlimit").args(["--pid", &std::process::id().to_string(), &limit]).status().unwrap();
    assert!(limited.success());
    let options = Options::default();
    client.connection = client.host.start(support::plan(url, &options), &options, 2);
    match client.next() {
        Event::End(end) => {
            assert_eq!(end.error, Some(code), "{}", end.text);
            assert!(end.text.starts_with("no thread could be started: "), "{}", end.text);
        }
        event => panic!("{event:?}"),
    }
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn child_resolves_a_name_without_threads() {
    fails_without_threads("ws://localhost:9/", ErrorCode::Dns);
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn child_reads_trust_roots_without_threads() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    fails_without_threads(&format!("wss://{}/", listener.local_addr().unwrap()), ErrorCode::Tls);
}
