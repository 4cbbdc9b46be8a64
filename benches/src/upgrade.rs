//! The opening handshake (RFC 6455 section 4), as short as loopback allows.
//!
//! Comes in: the head of a request, or a host and a path. Goes out: the bytes of the response or of the request. Does no
//! I/O, except that [`read_head`] reads a head from a blocking stream.

use std::io::{self, Read};

use data_encoding::BASE64;
use sha1::{Digest, Sha1};

/// The longest head that is accepted.
const LONGEST: usize = 8192;

/// Reads up to and including the empty line. Nothing follows it before the reader has answered, so whole chunks are read.
///
/// # Errors
/// The stream fails or ends, or the head is too long.
pub fn read_head(stream: &mut impl Read) -> io::Result<String> {
    let mut head = Vec::with_capacity(LONGEST);
    while !head.ends_with(b"\r\n\r\n") {
        let mut chunk = [0; 1024];
        let count = stream.read(&mut chunk)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(&chunk[..count]);
        if head.len() > LONGEST {
            return Err(io::Error::other("the head is too long"));
        }
    }
    String::from_utf8(head).map_err(io::Error::other)
}

/// Returns the path of a request, `/` if there is none.
pub fn path(head: &str) -> &str {
    head.split_whitespace().nth(1).unwrap_or("/")
}

/// Returns the response that accepts a request, or `None` if the request has no key.
pub fn response(head: &str) -> Option<String> {
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim())
    })?;
    let digest = Sha1::new().chain_update(key).chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
    Some(format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        BASE64.encode(&digest)
    ))
}

/// Returns a request for clients whose library leaves the handshake to its user.
pub fn request(host: &str, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}
