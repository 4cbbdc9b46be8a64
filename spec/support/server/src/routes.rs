//! What each path does.
//!
//! Comes in: a stream, plain or TLS, before its opening handshake. Goes out: the behaviour that the path and its query
//! ask for; README.md of spec/support lists them.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::echo::echo;
use crate::frames::{close_body, encode};
use crate::head::{Request, refusal};
use crate::malformed;
use crate::peer::Peer;
use crate::record::{Record, Records};
use crate::script;
use crate::stream::Stream;

/// The bytes that are encoded at once if much is sent.
const BATCH: usize = 256 * 1024;

/// Serves one connection to its end.
///
/// # Errors
/// Those of the stream, for the port's record.
pub async fn serve(mut stream: Stream, records: &Records) -> io::Result<()> {
    let Some(request) = Request::read(&mut stream).await? else { return Ok(()) };
    if request.path == "/malformed" {
        return malformed::serve(stream, &request).await;
    }
    let record = records.get(request.text("token"));
    record.add("connections", 1);
    record.set("request", &request.head);
    let peer = |stream| Peer::new(stream, &request.tail, record.clone());
    if request.path == "/script" {
        return script::run(peer(stream), &request, records.directory(), &record).await;
    }
    if let Some(answer) = refuse(&request) {
        record.add("refused", 1);
        let mut peer = peer(stream);
        peer.write(&answer).await?;
        return peer.finish().await;
    }
    if matches!(&*request.path, "/" | "/echo" | "/mysock" | "/protocol" | "/auth") {
        tokio::io::AsyncWriteExt::write_all(&mut stream, &request.switching()).await?;
        tokio::io::AsyncWriteExt::flush(&mut stream).await?;
        echo(stream, request.tail, &record).await;
        return Ok(());
    }
    let mut peer = peer(stream);
    peer.write(&request.switching()).await?;
    match &*request.path {
        "/close" | "/linger" => close(peer, &request).await,
        "/push" => push(peer, &request, &record).await,
        "/flood" => flood(peer, &request, &record).await,
        "/ping" => ping(peer, &request, &record).await,
        "/headers" => {
            peer.send(0x81, String::from_utf8_lossy(&request.head).as_bytes()).await?;
            peer.serve().await
        }
        "/drop" => {
            take_messages(&mut peer, request.number("after").unwrap_or(1)).await?;
            if request.bytes("close_notify").is_some() { peer.finish().await } else { peer.cut().await }
        }
        "/reset" => {
            take_messages(&mut peer, request.number("after").unwrap_or(1)).await?;
            peer.reset()
        }
        "/silent" => {
            peer.ignore().await;
            Ok(())
        }
        "/stall" => {
            peer.stall().await;
            Ok(())
        }
        "/report" => report(peer, &request, &record).await,
        // "/count-messages": the record contains everything.
        _ => peer.serve().await,
    }
}

fn refuse(request: &Request) -> Option<Vec<u8>> {
    if let Some(fault) = request.fault() {
        return Some(refusal(400, "", fault));
    }
    match &*request.path {
        "/auth" if request.header("authorization") != basic(request) => {
            Some(refusal(401, "WWW-Authenticate: Basic realm=\"test\"\r\n", "who are you?"))
        }
        "/status" => {
            let headers: String =
                request.all("header").map(|line| format!("{}\r\n", String::from_utf8_lossy(line))).collect();
            let status = request.number("code").and_then(|code| u16::try_from(code).ok()).unwrap_or(503);
            Some(refusal(status, &headers, request.text("body")))
        }
        "/" | "/echo" | "/mysock" | "/protocol" | "/auth" | "/close" | "/linger" | "/push" | "/flood" | "/ping"
        | "/headers" | "/drop" | "/reset" | "/silent" | "/stall" | "/report" | "/count-messages" => None,
        _ => Some(refusal(404, "", "no such path")),
    }
}

fn basic(request: &Request) -> String {
    let or = |name, default| request.bytes(name).unwrap_or(default);
    let pair = [or("user", b"user"), or("password", b"pass")].join(&b':');
    format!("Basic {}", data_encoding::BASE64.encode(&pair))
}

async fn close(mut peer: Peer, request: &Request) -> io::Result<()> {
    take_messages(&mut peer, request.number("after").unwrap_or(0)).await?;
    sleep(Duration::from_millis(request.number("delay").unwrap_or(0))).await;
    peer.send(0x88, &closing(request)).await?;
    while let Some(frame) = peer.next().await {
        if frame.opcode == 8 && request.path == "/close" {
            return peer.finish().await;
        }
    }
    Ok(())
}

fn closing(request: &Request) -> Vec<u8> {
    let code = request.number("code").and_then(|code| u16::try_from(code).ok());
    close_body(code, request.bytes("reason").unwrap_or_default())
}

async fn push(mut peer: Peer, request: &Request, record: &Record) -> io::Result<()> {
    let count = request.number("count").unwrap_or(1);
    let size = request.number("size").unwrap_or(16) as usize;
    let pause = request.number("interval").map(Duration::from_millis);
    let mut batch = Vec::new();
    let mut done = 0;
    for number in 1..=count {
        message(number, size, request.text("kind"), &mut batch);
        if batch.len() < BATCH && number < count && pause.is_none() {
            continue;
        }
        let then = request.text("then");
        // The end of the connection is sent together with the last message.
        if number == count && then == "close" {
            encode(0x88, &closing(request), &mut batch);
        }
        peer.exchange(&batch).await?;
        batch.clear();
        record.add("sent_messages", number - done);
        done = number;
        if !answer_waiting(&mut peer).await? {
            return Ok(());
        }
        if let Some(pause) = pause {
            sleep(pause).await;
        }
    }
    match request.text("then") {
        "close" => peer.finish().await,
        "eof" => peer.cut().await,
        "reset" => peer.reset(),
        _ => peer.serve().await,
    }
}

async fn flood(mut peer: Peer, request: &Request, record: &Record) -> io::Result<()> {
    let bytes = request.number("bytes").unwrap_or(1 << 30);
    let size = request.number("size").unwrap_or(64 * 1024).max(1);
    let mut batch = Vec::with_capacity(BATCH + size as usize);
    let (mut payload, mut number) = (0, 0);
    while payload < bytes {
        batch.clear();
        let before = number;
        while payload < bytes && batch.len() < BATCH {
            number += 1;
            payload += size;
            message(number, size as usize, request.text("kind"), &mut batch);
        }
        peer.exchange(&batch).await?;
        record.add("sent_messages", number - before);
        if !answer_waiting(&mut peer).await? {
            return Ok(());
        }
    }
    record.mark("flooded", b"1");
    peer.send(0x88, &close_body(Some(1000), b"")).await?;
    while peer.next().await.is_some_and(|frame| frame.opcode != 8) {}
    peer.finish().await
}

async fn ping(mut peer: Peer, request: &Request, record: &Record) -> io::Result<()> {
    let count = request.number("count").unwrap_or(1);
    let pause = request.number("interval").map(Duration::from_millis);
    let begun = Instant::now();
    let mut batch = Vec::new();
    let mut done = 0;
    for number in 1..=count {
        match request.bytes("payload") {
            Some(payload) => encode(0x89, payload, &mut batch),
            None => encode(0x89, number.to_string().as_bytes(), &mut batch),
        }
        if batch.len() < BATCH && number < count && pause.is_none() {
            continue;
        }
        peer.exchange(&batch).await?;
        batch.clear();
        record.add("sent_pings", number - done);
        done = number;
        if !answer_waiting(&mut peer).await? {
            return Ok(());
        }
        if let Some(pause) = pause {
            sleep(pause).await;
        }
    }
    record.set("pinged_ms", begun.elapsed().as_millis().to_string().as_bytes());
    peer.serve().await
}

async fn report(mut peer: Peer, request: &Request, record: &Record) -> io::Result<()> {
    let (key, least) = script::condition(request.text("wait"));
    let deadline = Instant::now() + Duration::from_millis(request.number("timeout").unwrap_or(30_000));
    while !key.is_empty() && !record.has(key, least) && Instant::now() < deadline {
        sleep(Duration::from_millis(5)).await;
    }
    peer.send(0x81, record.lines().as_bytes()).await?;
    peer.serve().await
}

/// Appends the message with this number: the number and a colon, filled up or cut to the size. The filler of a binary
/// message is not UTF-8.
fn message(number: u64, size: usize, kind: &str, batch: &mut Vec<u8>) {
    let binary = kind == "binary" || (kind == "both" && number.is_multiple_of(2));
    let mut payload = format!("{number}:").into_bytes();
    payload.resize(size, if binary { 0xff } else { b'x' });
    encode(if binary { 0x82 } else { 0x81 }, &payload, batch);
}

async fn take_messages(peer: &mut Peer, count: u64) -> io::Result<()> {
    let mut taken = 0;
    while taken < count {
        let Some(frame) = peer.next().await else { return Ok(()) };
        taken += u64::from(frame.opcode < 8 && frame.fin);
        peer.answer(&frame).await?;
    }
    Ok(())
}

async fn answer_waiting(peer: &mut Peer) -> io::Result<bool> {
    while let Some(frame) = peer.next_waiting() {
        if !peer.answer(&frame).await? {
            return Ok(false);
        }
    }
    Ok(true)
}
