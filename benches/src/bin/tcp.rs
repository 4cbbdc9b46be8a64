//! What this machine's sockets can do without WebSocket: the reference of most tables.
//!
//! The server's module `raw` has the protocol. The flood has the same bytes as for the other clients, but is not parsed;
//! `send` copies each message once and writes a batch at a time.

use std::env;
use std::io::{Read, Write};
use std::net::TcpStream;

use websocket_benches::client::Result;
use websocket_benches::payload;
use websocket_benches::server::frames;
use websocket_benches::workloads::{BATCH, Clock};

fn main() -> Result<()> {
    let clock = Clock::start();
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [workload, url, count, size] = arguments.as_slice() else {
        return Err("usage: bench-tcp WORKLOAD URL COUNT SIZE".into());
    };
    let (count, size) = (count.parse()?, size.parse()?);
    let line = match workload.as_str() {
        "callback" | "loop" => echo(url, count, size)?,
        "receive" => receive(url, count, size)?,
        "send" => send(url, count, size)?,
        "startup" => {
            connect(url, "/sink")?;
            clock.read("")
        }
        _ => return Err(format!("no workload {workload}").into()),
    };
    println!("{{{line}, \"operations\": {count}}}");
    Ok(())
}

fn connect(url: &str, path: &str) -> Result<TcpStream> {
    let address = url.strip_prefix("ws://").ok_or("a URL of ws is needed")?;
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    write!(socket, "RAW {path}\r\n\r\n")?;
    socket.read_exact(&mut [0])?;
    Ok(socket)
}

fn echo(url: &str, count: usize, size: usize) -> Result<String> {
    let texts = payload::texts(size);
    let mut socket = connect(url, &format!("/echo/{size}"))?;
    let mut answer = vec![0; size];
    let mut clock = Clock::start();
    for number in 0..count + count / 10 {
        if number == count / 10 {
            clock = Clock::start();
        }
        socket.write_all(texts[number % texts.len()].as_bytes())?;
        socket.read_exact(&mut answer)?;
    }
    Ok(clock.read(""))
}

fn receive(url: &str, count: usize, size: usize) -> Result<String> {
    let mut socket = connect(url, &format!("/flood/{size}"))?;
    let frame = frames::header(frames::TEXT, size).1 + size;
    let mut scratch = vec![0; 64 * 1024];
    let mut clock = Clock::start();
    for messages in [count / 10, count] {
        clock = Clock::start();
        socket.write_all(&(messages as u64).to_be_bytes())?;
        let mut left = messages * frame;
        while left > 0 {
            let part = left.min(scratch.len());
            left -= socket.read(&mut scratch[..part])?;
        }
    }
    Ok(clock.read(""))
}

fn send(url: &str, count: usize, size: usize) -> Result<String> {
    let texts = payload::texts(size);
    let mut socket = connect(url, "/sink")?;
    let mut batch = Vec::new();
    let mut clock = Clock::start();
    for messages in [count / 10, count] {
        clock = Clock::start();
        socket.write_all(&((messages * size) as u64).to_be_bytes())?;
        for number in 0..messages {
            batch.extend_from_slice(texts[number % texts.len()].as_bytes());
            if (number + 1) % BATCH == 0 || number + 1 == messages {
                socket.write_all(&batch)?;
                batch.clear();
            }
        }
        socket.read_exact(&mut [0])?;
    }
    Ok(clock.read(""))
}
