//! The opening handshake on the side of the server: reads the head of the request, and makes the response.
//!
//! Comes in: a new stream. Goes out: the request with its path, query and headers, and the bytes that came after it.
//! It checks that the request is a valid opening handshake (RFC 6455 section 4.2.1), because the client is under test.

use std::io;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::stream::Stream;

/// The largest head. It is large because scripts are sent in the request line.
const LARGEST: usize = 1 << 20;

/// A request's head.
pub struct Request {
    /// The head as it was received, including the empty line.
    pub head: Vec<u8>,
    /// The bytes that came after the head.
    pub tail: BytesMut,
    /// The target up to `?`.
    pub path: String,
    query: Vec<(String, Vec<u8>)>,
    headers: Vec<(String, String)>,
}

impl Request {
    /// Reads a head; returns `None` if the client ended the stream before.
    ///
    /// # Errors
    /// Those of the stream, and a head that is not HTTP or too large.
    pub async fn read(stream: &mut Stream) -> io::Result<Option<Request>> {
        let mut buffer = BytesMut::with_capacity(4096);
        loop {
            if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = buffer.split_to(end + 4).to_vec();
                return Request::parse(head, buffer).map(Some);
            }
            if buffer.len() > LARGEST {
                return Err(io::Error::other("request head too large"));
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    fn parse(head: Vec<u8>, tail: BytesMut) -> io::Result<Request> {
        let mut headers = [httparse::EMPTY_HEADER; 256];
        let mut parsed = httparse::Request::new(&mut headers);
        parsed.parse(&head).map_err(io::Error::other)?;
        let target = parsed.path.unwrap_or("/");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = path.to_owned();
        let query = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name.to_owned(), percent_decode(value.as_bytes())))
            .collect();
        let headers = parsed
            .headers
            .iter()
            .map(|header| (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned()))
            .collect();
        Ok(Request { head, tail, path, query, headers })
    }

    /// Returns each value of a query parameter, percent-decoded.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.query.iter().filter(move |(known, _)| known == name).map(|(_, value)| &value[..])
    }

    /// Returns the first value of a query parameter.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// Returns the first value of a query parameter as text, `""` where there is none.
    pub fn text(&self, name: &str) -> &str {
        self.bytes(name).and_then(|value| std::str::from_utf8(value).ok()).unwrap_or("")
    }

    /// Returns a query parameter as a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name).parse().ok()
    }

    /// Returns the first value of a header by its lower-case name, `""` where there is none.
    pub fn header(&self, lower: &str) -> &str {
        self.headers.iter().find(|(name, _)| name == lower).map_or("", |(_, value)| value)
    }

    /// Returns what makes the request an invalid opening handshake, or `None` if it is valid.
    pub fn fault(&self) -> Option<&'static str> {
        let lists =
            |name, token: &str| self.header(name).split(',').any(|item| item.trim().eq_ignore_ascii_case(token));
        if !self.head.starts_with(b"GET /") {
            return Some("not GET with a path");
        }
        if !lists("upgrade", "websocket") {
            return Some("no Upgrade: websocket");
        }
        if !lists("connection", "upgrade") {
            return Some("no Connection: Upgrade");
        }
        if self.header("sec-websocket-version") != "13" {
            return Some("no Sec-WebSocket-Version: 13");
        }
        let key = data_encoding::BASE64.decode(self.header("sec-websocket-key").as_bytes());
        if !key.is_ok_and(|key| key.len() == 16) {
            return Some("no Sec-WebSocket-Key of 16 bytes");
        }
        for once in ["host", "sec-websocket-key", "sec-websocket-version"] {
            if self.headers.iter().filter(|(name, _)| name == once).count() != 1 {
                return Some("Host, Sec-WebSocket-Key or Sec-WebSocket-Version not exactly once");
            }
        }
        None
    }

    /// Returns the Sec-WebSocket-Accept for the key of the request.
    pub fn accept(&self) -> String {
        derive_accept_key(self.header("sec-websocket-key").as_bytes())
    }

    /// Returns a valid 101 response with what the query asks for: `protocol` or `choose`, `extensions`, `header`, each
    /// as often as it is given.
    pub fn switching(&self) -> Vec<u8> {
        let mut head = Vec::from("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
        let mut add = |name: &str, value: &[u8]| {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        };
        add("Sec-WebSocket-Accept: ", self.accept().as_bytes());
        for (parameter, name) in [
            ("protocol", "Sec-WebSocket-Protocol: "),
            ("choose", "Sec-WebSocket-Protocol: "),
            ("extensions", "Sec-WebSocket-Extensions: "),
            ("header", ""),
        ] {
            self.all(parameter).for_each(|value| add(name, value));
        }
        head.extend_from_slice(b"\r\n");
        head
    }
}

/// Returns a complete response that refuses the handshake.
pub fn refusal(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} Refused\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}").into()
}

/// Replaces each `%XX` by its byte, and leaves everything else unchanged.
pub fn percent_decode(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|pair| data_encoding::HEXLOWER_PERMISSIVE.decode(pair).ok());
        match (first, pair.as_deref()) {
            (b'%', Some([byte])) => {
                decoded.push(*byte);
                rest = &after[2..];
            }
            _ => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_a_query_may_hold() {
        assert_eq!(percent_decode(b"a%20b%FFc%4"), b"a b\xffc%4");
    }
}
