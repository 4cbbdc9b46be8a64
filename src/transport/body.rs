//! Reads the beginning of the body of a response that refuses the opening handshake, because it often says why.
//!
//! Comes in: a parsed head and a stream of bytes. Goes out: the first bytes of the body, without the framing of chunks.
//! Knows the rules of HTTP (RFC 9112) and the limits. A body that ends early is no error.

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout_at};

use super::head::{Head, READ};

/// The most bytes of the body that are kept.
pub(super) const MAX_BODY: usize = 4096;
/// The most bytes that are read for it: a chunk of one byte has five bytes of framing.
const MAX_RAW_BODY: usize = 6 * MAX_BODY;
/// The longest line before a chunk, in bytes. It has the chunk's size, and extensions that nobody needs, for which RFC
/// 9112 section 7.1.1 recommends a limit.
const MAX_CHUNK_LINE: usize = 256;

/// Reads as much of the body as is wanted and arrives before `until`.
///
/// Never fails: if the stream ends or fails, returns what arrived.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin), mut body: Body, until: Instant) -> Vec<u8> {
    while body.wants_more() {
        body.buffer().reserve(READ);
        match timeout_at(until, stream.read_buf(body.buffer())).await {
            Ok(Ok(read)) if read > 0 => {}
            _ => break,
        }
    }
    body.finish()
}

/// Says where the body ends.
enum Framing {
    /// After this many bytes, or at the end of the stream.
    Plain(usize),
    Chunked,
}

impl Framing {
    /// Applies RFC 9112 section 6.3.
    fn of(head: &Head) -> Framing {
        if matches!(head.status, 100..=199 | 204 | 304) {
            return Framing::Plain(0);
        }
        if head.list("transfer-encoding").any(|coding| coding.eq_ignore_ascii_case(b"chunked")) {
            return Framing::Chunked;
        }
        let length = head.lines("content-length").next().and_then(|value| std::str::from_utf8(value).ok());
        Framing::Plain(length.and_then(|text| text.parse().ok()).unwrap_or(MAX_BODY).min(MAX_BODY))
    }
}

/// Collects the first [`MAX_BODY`] bytes of a body from pieces of any size.
pub(super) struct Body {
    framing: Framing,
    raw: Vec<u8>,
    /// The position of the first chunk that is not complete.
    chunk_at: usize,
    decoded: Vec<u8>,
}

impl Body {
    /// Starts with `raw`, the bytes that arrived together with the head.
    pub fn new(head: &Head, raw: Vec<u8>) -> Body {
        Body { framing: Framing::of(head), raw, chunk_at: 0, decoded: Vec::new() }
    }

    /// Returns the buffer to which received bytes are appended.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.raw
    }

    /// Decodes what has arrived, and returns whether more bytes are wanted.
    pub fn wants_more(&mut self) -> bool {
        !self.advance() && self.raw.len() < MAX_RAW_BODY
    }

    /// Decodes what has arrived, and returns whether no more bytes are needed.
    fn advance(&mut self) -> bool {
        if let Framing::Plain(length) = self.framing {
            return self.raw.len() >= length;
        }
        while self.decoded.len() < MAX_BODY {
            let Some((begin, size)) = self.chunk() else { return self.is_broken() };
            if size == 0 {
                return true;
            }
            let Some(data) = begin.checked_add(size).and_then(|end| self.raw.get(begin..end)) else { return false };
            self.decoded.extend_from_slice(data);
            // A line end of two bytes follows the data.
            self.chunk_at = begin + size + 2;
        }
        true
    }

    /// Returns the position of the data of the chunk at `chunk_at`, and its size.
    fn chunk(&self) -> Option<(usize, usize)> {
        match httparse::parse_chunk_size(self.chunk_line()?) {
            Ok(httparse::Status::Complete((line, size))) => Some((self.chunk_at + line, usize::try_from(size).ok()?)),
            _ => None,
        }
    }

    fn is_broken(&self) -> bool {
        self.chunk_line().is_some_and(|line| match httparse::parse_chunk_size(line) {
            Ok(httparse::Status::Complete(_)) => false,
            Ok(httparse::Status::Partial) => line.len() == MAX_CHUNK_LINE,
            Err(_) => true,
        })
    }

    /// Returns what has arrived of the line at `chunk_at`. It is parsed again with each piece, so its length is
    /// limited.
    fn chunk_line(&self) -> Option<&[u8]> {
        let rest = self.raw.get(self.chunk_at..)?;
        Some(&rest[..rest.len().min(MAX_CHUNK_LINE)])
    }

    /// Returns what arrived of the body.
    pub fn finish(mut self) -> Vec<u8> {
        let mut body = match self.framing {
            Framing::Plain(length) => {
                self.raw.truncate(length);
                self.raw
            }
            Framing::Chunked => {
                if let Some((begin, size)) = self.chunk() {
                    let partial = self.raw.get(begin..).unwrap_or_default();
                    self.decoded.extend_from_slice(&partial[..partial.len().min(size)]);
                }
                self.decoded
            }
        };
        body.truncate(MAX_BODY);
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn gives_up_on_a_chunk_whose_line_is_longer_than_the_limit() {
        let mut head = Head { minor_version: 1, status: 403, headers: Vec::new() };
        head.headers.push(("transfer-encoding".to_owned(), b"chunked".to_vec()));
        let line = |length: usize| format!("3\r\nnot\r\n6;{}", "x".repeat(length - 2)).into_bytes();
        let mut body = Body::new(&head, line(MAX_CHUNK_LINE - 1));
        assert!(body.wants_more());
        body.buffer().extend_from_slice(b"x");
        assert!(!body.wants_more());
        assert_eq!(body.finish(), b"not");
        let mut whole = Body::new(&head, [line(MAX_CHUNK_LINE - 2), b"\r\n today".to_vec()].concat());
        whole.wants_more();
        assert_eq!(whole.finish(), b"not today");
    }

    proptest! {
        #[test]
        fn never_keeps_more_of_a_body_than_the_limit(raw in prop::collection::vec("[0-9a-f]{0,17}(\r\n|;|x)[a-z]{0,20}", 0..9)) {
            let raw = raw.concat().into_bytes();
            let mut body = Body { framing: Framing::Chunked, raw, chunk_at: 0, decoded: Vec::new() };
            body.advance();
            prop_assert!(body.finish().len() <= MAX_BODY);
        }
    }
}
