//! Messages of a fixed size without WebSocket: what the sockets of this machine can do.
//!
//! A client begins with `RAW /echo/SIZE`, `RAW /flood/SIZE` or `RAW /sink` and an empty line, as in HTTP, and gets one
//! byte as the answer. Numbers are sent as 8 bytes in network order. echo: messages of SIZE bytes come back. flood: a number asks for that many frames
//! of the WebSocket flood, which the client does not parse. sink: a number, that many bytes, then one byte as the answer.

use std::io::{self, Read, Write};

use super::blocks;

/// Serves a connection until it ends.
///
/// # Errors
/// The stream fails or ends, or the path is unknown.
pub fn serve(stream: &mut (impl Read + Write), path: &str) -> io::Result<()> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        ["echo", size] => echo(stream, size.parse().map_err(io::Error::other)?),
        ["flood", size] => flood(stream, size.parse().map_err(io::Error::other)?),
        ["sink"] => sink(stream),
        _ => Err(io::Error::other(format!("no service {path}"))),
    }
}

fn echo(stream: &mut (impl Read + Write), size: usize) -> io::Result<()> {
    let mut message = vec![0; size];
    loop {
        stream.read_exact(&mut message)?;
        stream.write_all(&message)?;
    }
}

fn flood(stream: &mut (impl Read + Write), size: usize) -> io::Result<()> {
    let block = blocks::of_size(size);
    loop {
        let count = number(stream)?;
        block.write(stream, count)?;
    }
}

fn sink(stream: &mut (impl Read + Write)) -> io::Result<()> {
    let mut scratch = vec![0; 64 * 1024];
    loop {
        let mut left = number(stream)?;
        while left > 0 {
            let part = left.min(scratch.len());
            let count = stream.read(&mut scratch[..part])?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            left -= count;
        }
        stream.write_all(b".")?;
    }
}

fn number(stream: &mut impl Read) -> io::Result<usize> {
    let mut bytes = [0; 8];
    stream.read_exact(&mut bytes)?;
    Ok(u64::from_be_bytes(bytes) as usize)
}
