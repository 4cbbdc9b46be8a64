//! The echo server, and the client against it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use super::program::{Ended, Program};
use super::support::PATIENCE;

fn listening() -> (Program, String) {
    let server = Program::start(&["listen", "0"]);
    let url = server.line();
    assert!(url.starts_with("ws://127.0.0.1:") && url.ends_with('/'), "{url}");
    (server, url)
}

#[test]
fn echoes_texts_and_bytes_on_a_free_port_of_loopback() {
    let (_server, url) = listening();
    let text = "J\u{fc}rgen".repeat(100_000);
    assert_eq!(Program::run(&[&url, "-x", "hello", "-x", ""], b""), Ended::well("hello\n\n"));
    assert_eq!(Program::run(&[&url, "-x", "00ff", "--binary"], b""), Ended::well("00ff\n"));
    assert_eq!(Program::run(&[&url, "--wait=0"], text.as_bytes()), Ended::well(&format!("{text}\n")));
}

#[test]
fn chooses_the_first_subprotocol_that_is_offered() {
    let (_server, url) = listening();
    let address = url.trim_start_matches("ws://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
                   Sec-WebSocket-Protocol: chat, super\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let lines: Vec<String> =
        BufReader::new(stream).lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
    assert!(lines.iter().any(|line| line == "sec-websocket-protocol: chat"), "{lines:?}");
}

#[test]
fn says_when_the_port_is_taken() {
    let (_server, url) = listening();
    let address = url.trim_start_matches("ws://").trim_end_matches('/');
    let port = address.rsplit(':').next().unwrap();
    let ended = Program::run(&["listen", port], b"");
    assert_eq!(ended.status, Some(1));
    assert!(ended.stderr.starts_with(&format!("websocket: cannot serve at {address}: ")), "{}", ended.stderr);
}
