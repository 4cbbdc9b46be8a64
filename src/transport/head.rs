//! One HTTP/1.1 response as a peer sends it: its head, byte by byte, and the beginning of a body.
//!
//! Comes in: a stream of bytes. Goes out: a parsed [`Head`] and what came behind it. Knows the rules of HTTP (RFC
//! 9112) and the bounds, not what a WebSocket wants of the headers.

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout_at};

use super::stream::{Loss, Stream};
use crate::error::{ErrorCode, Failure};

/// The longest head, in bytes.
pub(super) const MAX_HEAD: usize = 64 * 1024;
/// The most header lines in a head.
pub(super) const MAX_HEADERS: usize = 124;
/// The most of a refusal's body that is kept, in bytes.
pub(super) const MAX_BODY: usize = 4096;
/// The most bytes read for it: chunks of one byte come with five bytes of framing each.
const MAX_RAW_BODY: usize = 6 * MAX_BODY;

/// The longest line before a chunk, in bytes: a size, and what nobody needs (RFC 9112 section 7.1.1 wants a limit).
const MAX_CHUNK_LINE: usize = 256;

const READ: usize = 4096;
const BEGINNING: &[u8] = b"HTTP/1.";

/// A parsed head.
pub(super) struct Head {
    /// The digit behind `HTTP/1.`.
    pub minor_version: u8,
    pub status: u16,
    /// Names in lower case, in the order of the wire.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Head {
    /// Returns the values of every line with a lower-case name.
    pub fn lines<'a>(&'a self, lower: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(name, _)| name == lower).map(|(_, value)| &value[..])
    }

    /// Returns the elements of a comma-separated list over all its lines (RFC 9110 section 5.6.1).
    pub fn list<'a>(&'a self, lower: &str) -> impl Iterator<Item = &'a [u8]> {
        let elements = self.lines(lower).flat_map(|line| line.split(|byte| *byte == b','));
        elements.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
    }

    /// Tells whether another response follows (RFC 9110 section 15.2).
    fn is_interim(&self) -> bool {
        matches!(self.status, 100 | 102..=199)
    }

    fn parse(bytes: &[u8]) -> Result<Head, String> {
        let mut slots = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut slots);
        match response.parse(bytes) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Err("the response's head is cut short".to_owned()),
            Err(error) => return Err(format!("the response is not HTTP: {error}")),
        }
        let (Some(minor_version), Some(status)) = (response.version, response.code) else {
            return Err("the response has no status".to_owned());
        };
        let lower = |header: &httparse::Header| (header.name.to_ascii_lowercase(), header.value.to_vec());
        Ok(Head { minor_version, status, headers: response.headers.iter().map(lower).collect() })
    }
}

/// Reads the head of the first response that is not interim, and returns it with the bytes that came behind it.
///
/// # Errors
/// `handshake` where the stream ends first or what comes is no head; `tls`.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<(Head, Vec<u8>), Failure> {
    let mut search = Search::default();
    search.room().reserve(READ);
    loop {
        if let Some(found) = search.advance()? {
            return Ok(found);
        }
        match stream.read_buf(search.room()).await {
            Ok(0) => return Err(search.end()),
            Ok(_) => {}
            Err(error) => {
                return Err(match Stream::classify(&error) {
                    Loss::EndOfStream => search.end(),
                    Loss::Reset(cause) => refuse(cause),
                    Loss::Tls(cause) => Failure::new(ErrorCode::Tls, cause),
                });
            }
        }
    }
}

/// Looks for the head of the first response that is not interim, in bytes that come cut anywhere.
#[derive(Default)]
pub(super) struct Search {
    buffer: Vec<u8>,
    scanner: Scanner,
    /// The bytes of the interim responses before.
    interim: usize,
}

impl Search {
    /// Returns where bytes are appended as they come.
    pub fn room(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Goes as far as the bytes reach, and returns the head with what came behind it; `None` where it is not whole.
    ///
    /// # Errors
    /// `handshake` where what came is no head, or too long.
    pub fn advance(&mut self) -> Result<Option<(Head, Vec<u8>)>, Failure> {
        while let Some(end) = self.scanner.scan(&self.buffer).map_err(refuse)? {
            let tail = self.buffer.split_off(end);
            let head = Head::parse(&self.buffer).map_err(refuse)?;
            if !head.is_interim() {
                return Ok(Some((head, tail)));
            }
            self.interim += end;
            if self.interim > MAX_HEAD {
                return Err(refuse(format!("the server sent too many interim responses, limit {MAX_HEAD} bytes")));
            }
            self.buffer = tail;
            self.scanner = Scanner::default();
        }
        Ok(None)
    }

    /// Tells what it means that the stream ends here.
    pub fn end(&self) -> Failure {
        refuse(if self.buffer.is_empty() {
            "the server closed the connection without a response".to_owned()
        } else {
            "the server closed the connection inside the response's head".to_owned()
        })
    }
}

fn refuse(cause: String) -> Failure {
    Failure::new(ErrorCode::Handshake, cause)
}

/// Finds a head's end, and refuses what lenient parsers read in more than one way (RFC 9112 sections 2.2 and 5.2).
///
/// Looks at every byte once, however the bytes are cut.
#[derive(Default)]
struct Scanner {
    at: usize,
    lines: usize,
    line_len: usize,
    after_cr: bool,
}

impl Scanner {
    fn scan(&mut self, buffer: &[u8]) -> Result<Option<usize>, String> {
        while let Some(&byte) = buffer.get(self.at) {
            if self.at == MAX_HEAD {
                return Err(format!("the response's head is too big, limit {MAX_HEAD} bytes"));
            }
            if BEGINNING.get(self.at).is_some_and(|expected| *expected != byte) {
                return Err("the response is not HTTP/1.1".to_owned());
            }
            self.at += 1;
            if std::mem::take(&mut self.after_cr) {
                if byte != b'\n' {
                    return Err("the response's head has a carriage return without line feed".to_owned());
                }
                if self.line_len == 0 {
                    return Ok(Some(self.at));
                }
                self.lines += 1;
                self.line_len = 0;
                // The first line is the status.
                if self.lines > MAX_HEADERS + 1 {
                    return Err(format!("the response has too many headers, limit {MAX_HEADERS}"));
                }
                continue;
            }
            match byte {
                b'\r' => self.after_cr = true,
                b'\n' => return Err("the response's head has a line feed without carriage return".to_owned()),
                0 => return Err("the response's head has a NUL".to_owned()),
                b' ' | b'\t' if self.line_len == 0 => {
                    return Err("the response has a folded header line".to_owned());
                }
                _ => self.line_len += 1,
            }
        }
        Ok(None)
    }
}

/// Reads what is wanted of a refusal's body, as far as it comes until `until`.
///
/// Never fails: a body that breaks off is what came of it.
pub(super) async fn read_body(stream: &mut (impl AsyncRead + Unpin), mut body: Body, until: Instant) -> Vec<u8> {
    while body.wants_more() {
        body.room().reserve(READ);
        match timeout_at(until, stream.read_buf(body.room())).await {
            Ok(Ok(read)) if read > 0 => {}
            _ => break,
        }
    }
    body.finish()
}

enum Framing {
    /// At most so many bytes, or to the end of the stream.
    Plain(usize),
    Chunked,
}

impl Framing {
    /// RFC 9112 section 6.3.
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

/// The first [`MAX_BODY`] bytes of a refusal's body, in bytes that come cut anywhere.
pub(super) struct Body {
    framing: Framing,
    raw: Vec<u8>,
    /// Where the first chunk begins that has not come whole.
    chunk_at: usize,
    decoded: Vec<u8>,
}

impl Body {
    /// `raw`: what came with the head.
    pub fn new(head: &Head, raw: Vec<u8>) -> Body {
        Body { framing: Framing::of(head), raw, chunk_at: 0, decoded: Vec::new() }
    }

    /// Returns where bytes are appended as they come.
    pub fn room(&mut self) -> &mut Vec<u8> {
        &mut self.raw
    }

    /// Goes as far as the bytes reach, and tells whether further ones are wanted.
    pub fn wants_more(&mut self) -> bool {
        !self.advance() && self.raw.len() < MAX_RAW_BODY
    }

    /// Goes as far as the bytes reach; true where no further ones are needed.
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
            // The two bytes are the line end behind the data.
            self.chunk_at = begin + size + 2;
        }
        true
    }

    /// Returns where the data of the chunk at `chunk_at` begins, and its size.
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

    /// Returns what is here of the line at `chunk_at`. It is parsed again with each byte that comes, so it is bounded.
    fn chunk_line(&self) -> Option<&[u8]> {
        let rest = self.raw.get(self.chunk_at..)?;
        Some(&rest[..rest.len().min(MAX_CHUNK_LINE)])
    }

    /// Returns what came of it.
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
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// Gives one byte a read.
    struct Dripping<'a>(&'a [u8]);

    impl AsyncRead for Dripping<'_> {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut tokio::io::ReadBuf<'_>,
        ) -> Poll<std::io::Result<()>> {
            if let Some((first, rest)) = self.0.split_first() {
                buf.put_slice(&[*first]);
                self.0 = rest;
            }
            Poll::Ready(Ok(()))
        }
    }

    /// What a reader makes of bytes: status, headers and how many bytes the head had; or the refusal.
    fn verdict(
        mut stream: impl AsyncRead + Unpin,
        tail: impl Fn(&[u8]) -> usize,
    ) -> Result<(u16, usize, usize), String> {
        let Poll::Ready(result) = pin!(read(&mut stream)).poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("a slice never waits");
        };
        result.map(|(head, rest)| (head.status, head.headers.len(), tail(&rest))).map_err(|failure| failure.text)
    }

    proptest! {
        #[test]
        fn reads_the_same_however_the_bytes_are_cut(
            mut bytes in "HTTP/1\\.1 101 [a-z ]{0,9}\r\n([A-Za-z-]{1,9}:[ -~]{0,30}\r\n){0,130}\r\n[a-z]{0,9}",
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        ) {
            let mut bytes = std::mem::take(&mut bytes).into_bytes();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let whole = verdict(&bytes[..], <[u8]>::len);
            let dripped = verdict(Dripping(&bytes), |_| 0);
            match (whole, dripped) {
                (Ok((status, headers, _)), Ok(same)) => prop_assert_eq!(same, (status, headers, 0)),
                (whole, dripped) => prop_assert_eq!(whole.err(), dripped.err()),
            }
        }

        #[test]
        fn keeps_any_body_within_its_bound(raw in prop::collection::vec("[0-9a-f]{0,17}(\r\n|;|x)[a-z]{0,20}", 0..9)) {
            let raw = raw.concat().into_bytes();
            let mut body = Body { framing: Framing::Chunked, raw, chunk_at: 0, decoded: Vec::new() };
            body.advance();
            prop_assert!(body.finish().len() <= MAX_BODY);
        }
    }

    #[test]
    fn waits_for_no_chunk_whose_line_is_over_the_bound() {
        let mut head = Head { minor_version: 1, status: 403, headers: Vec::new() };
        head.headers.push(("transfer-encoding".to_owned(), b"chunked".to_vec()));
        let line = |length: usize| format!("3\r\nnot\r\n6;{}", "x".repeat(length - 2)).into_bytes();
        let mut body = Body::new(&head, line(MAX_CHUNK_LINE - 1));
        assert!(body.wants_more());
        body.room().extend_from_slice(b"x");
        assert!(!body.wants_more());
        assert_eq!(body.finish(), b"not");
        let mut whole = Body::new(&head, [line(MAX_CHUNK_LINE - 2), b"\r\n today".to_vec()].concat());
        whole.wants_more();
        assert_eq!(whole.finish(), b"not today");
    }
}
