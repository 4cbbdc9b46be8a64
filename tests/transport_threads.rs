//! Work that blocks has threads of its own; where the system has none left, the connection fails and nothing is printed.

// Helpers of tests may panic as tests do; clippy.toml reaches the test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::process::Command;

use support::client::Client;
use websocket_core::error::ErrorCode;
use websocket_core::event::Event;
use websocket_core::options::Options;

#[test]
fn fails_without_a_word_on_stderr_where_no_thread_can_be_started() {
    for child in ["child_resolves_a_name_without_threads", "child_reads_trust_roots_without_threads"] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        // A thread has a stack of 4 GiB in the child, and its memory ends before that.
        command.args(["--exact", child, "--ignored", "--nocapture"]).env("RUST_MIN_STACK", (4_u64 << 30).to_string());
        let output = command.output().unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}{stderr}");
        assert_eq!(stderr, "");
    }
}

/// Opens `url` after the system has refused this process the memory for any further thread's stack.
fn fails_for_want_of_a_thread(url: &str, code: ErrorCode) {
    // The first connection starts the engine's own thread, which must be there before the limit.
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
    fails_for_want_of_a_thread("ws://localhost:9/", ErrorCode::Dns);
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn child_reads_trust_roots_without_threads() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    fails_for_want_of_a_thread(&format!("wss://{}/", listener.local_addr().unwrap()), ErrorCode::Tls);
}
