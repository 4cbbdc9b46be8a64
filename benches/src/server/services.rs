//! What the server does on an open connection, by the path of its request.
//!
//! | path | service |
//! |---|---|
//! | `/echo` | sends every message back |
//! | `/flood/SIZE` | a message is a number; the server sends that many messages of SIZE bytes |
//! | `/sink` | answers a message of one byte, and takes all others |
//! | `/fan/KEY` | as echo; but a message `fan COUNT BURST` has COUNT messages of 64 bytes sent to all connections of the same KEY, BURST to each in turn |
//! | `/trigger/KEY` | the same without being one of these connections |
//!
//! Comes in: the stream after the opening handshake. Goes out: frames. Knows nothing of listening.

use std::io::{self, Read, Write};

use super::blocks;
use super::fan::Fan;
use super::frames::{self, Buffer, CLOSE, Frame, Goes, PING, PONG};

/// Frames from this size on are sent from the place where they were read. Smaller ones are collected for one write.
const LARGE: usize = 16 * 1024;

/// Serves a connection until it ends.
///
/// # Errors
/// The stream fails, or the path is unknown.
pub fn serve(stream: &mut (impl Read + Write), path: &str, group: Option<Fan>) -> io::Result<()> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (parts.as_slice(), group) {
        (["flood", size], _) => flood(stream, size.parse().map_err(io::Error::other)?),
        (["sink"], _) => sink(stream),
        (["fan", key], Some(group)) => group.serve_member(stream, key),
        (["trigger", key], Some(group)) => group.serve(stream, key),
        _ => echo(stream),
    }
}

/// Sends every message back.
fn echo(stream: &mut (impl Read + Write)) -> io::Result<()> {
    each_batch(stream, |stream, buffer, out| {
        while let Some(frame) = buffer.take() {
            if frame.payload.len() < LARGE || frame.is_control() {
                answer(buffer, frame, out);
                continue;
            }
            stream.write_all(out)?;
            out.clear();
            write_in_place(stream, buffer, frame)?;
        }
        Ok(())
    })
}

/// Appends the answer to a frame: its echo, or a Pong.
pub(super) fn answer(buffer: &mut Buffer, frame: Frame, out: &mut Vec<u8>) {
    if frame.first == PONG {
        return;
    }
    let first = if frame.first == PING { PONG } else { frame.first };
    let payload = buffer.bytes(frame.payload);
    frames::unmask(payload, frame.key);
    frames::append(out, first, payload);
}

/// A server's header is shorter than a client's, so it fits in front of the payload.
fn write_in_place(stream: &mut impl Write, buffer: &mut Buffer, frame: Frame) -> io::Result<()> {
    let (header, used) = frames::header(frame.first, frame.payload.len());
    frames::unmask(buffer.bytes(frame.payload.clone()), frame.key);
    let start = frame.payload.start - used;
    let whole = buffer.bytes(start..frame.payload.end);
    whole[..used].copy_from_slice(&header[..used]);
    stream.write_all(whole)
}

fn flood(stream: &mut (impl Read + Write), size: usize) -> io::Result<()> {
    let block = blocks::of_size(size);
    each_batch(stream, |stream, buffer, out| {
        while let Some(frame) = buffer.take() {
            if frame.is_control() {
                answer(buffer, frame, out);
                continue;
            }
            let wanted = buffer.bytes(frame.payload);
            frames::unmask(wanted, frame.key);
            let count = number(wanted)?;
            block.write(stream, count)?;
        }
        Ok(())
    })
}

fn sink(stream: &mut (impl Read + Write)) -> io::Result<()> {
    each_batch(stream, |_, buffer, out| {
        while let Some(frame) = buffer.take() {
            if frame.payload.len() == 1 || frame.is_control() {
                answer(buffer, frame, out);
            }
        }
        Ok(())
    })
}

/// Reads until the stream or the connection ends, calls `take` for every read that made a frame whole, and writes what it
/// has appended.
pub(super) fn each_batch<S: Read + Write>(
    stream: &mut S,
    mut take: impl FnMut(&mut S, &mut Buffer, &mut Vec<u8>) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = Buffer::new();
    let mut out = Vec::new();
    while buffer.fill(stream)? == Goes::On {
        if !buffer.has_frame() {
            continue;
        }
        take(stream, &mut buffer, &mut out)?;
        stream.write_all(&out)?;
        stream.flush()?;
        if out.first() == Some(&CLOSE) {
            break;
        }
        out.clear();
    }
    Ok(())
}

/// Reads a decimal number.
pub(super) fn number(text: &[u8]) -> io::Result<usize> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or_else(|| {
        io::Error::other(format!("a flood begins with a number, not with {:?}", String::from_utf8_lossy(text)))
    })
}
