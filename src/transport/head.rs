//! Reads the head of an HTTP/1.1 response: the status line and the headers.
//!
//! Comes in: a stream of bytes. Goes out: a parsed [`Head`] and the bytes that followed it. Knows the rules of HTTP
//! (RFC 9112) and the limits, not which headers a WebSocket needs.

use std::borrow::Cow;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::stream::{Loss, Stream};
use crate::error::{ErrorCode, Failure};
use crate::header::is_token;

/// The server, whose head may have 64 KiB.
pub(super) const SERVER: Sender = Sender { name: "server", max_head: 64 * 1024, code: ErrorCode::Handshake };
/// A proxy, whose head may have 16 KiB.
pub(super) const PROXY: Sender = Sender { name: "proxy", max_head: 16 * 1024, code: ErrorCode::Proxy };
/// The most header lines in a head.
pub(super) const MAX_HEADERS: usize = 124;
/// The longest header name that a text shows, in bytes.
const MAX_SHOWN_NAME: usize = 64;
/// The size of one read, in bytes.
pub(super) const READ: usize = 4096;
const BEGINNING: &[u8] = b"HTTP/1.";

/// Who sends a head.
pub(super) struct Sender {
    name: &'static str,
    /// The longest head, in bytes.
    max_head: usize,
    /// The code of failures.
    code: ErrorCode,
}

/// A parsed head.
pub(super) struct Head {
    /// The digit after `HTTP/1.`.
    pub minor_version: u8,
    pub status: u16,
    /// Names in lower case, in the order of the wire.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Head {
    /// Returns the values of all lines with a name, which is given in lower case.
    pub fn lines<'a>(&'a self, lower: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(name, _)| name == lower).map(|(_, value)| &value[..])
    }

    /// Returns the elements of a comma-separated list, which may be spread over several lines (RFC 9110 section 5.6.1).
    pub fn list<'a>(&'a self, lower: &str) -> impl Iterator<Item = &'a [u8]> {
        let elements = self.lines(lower).flat_map(|line| line.split(|byte| *byte == b','));
        elements.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
    }

    /// Returns whether another response follows (RFC 9110 section 15.2).
    fn is_interim(&self) -> bool {
        matches!(self.status, 100 | 102..=199)
    }

    fn parse(bytes: &[u8]) -> Result<Head, String> {
        let mut slots = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut slots);
        match response.parse(bytes) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Err("the response's head is cut short".to_owned()),
            Err(error) => return Err(describe(error, bytes)),
        }
        let (Some(minor_version), Some(status)) = (response.version, response.code) else {
            return Err("the response has no status".to_owned());
        };
        let lower = |header: &httparse::Header| (header.name.to_ascii_lowercase(), header.value.to_vec());
        Ok(Head { minor_version, status, headers: response.headers.iter().map(lower).collect() })
    }
}

/// Reads the head of a server's first response that is not interim, and returns it with the bytes that followed it.
///
/// # Errors
/// `handshake` if the stream ends first or what arrives is no head; `tls`.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<(Head, Vec<u8>), Failure> {
    let mut search = Search::of(&SERVER);
    search.buffer().reserve(READ);
    loop {
        if let Some(found) = search.advance()? {
            return Ok(found);
        }
        match stream.read_buf(search.buffer()).await {
            Ok(0) => return Err(search.end()),
            Ok(_) => {}
            Err(error) => {
                return Err(match Stream::classify(&error) {
                    Loss::EndOfStream => search.end(),
                    Loss::Reset(cause) => reset(cause),
                    Loss::Tls(cause) => Failure::new(ErrorCode::Tls, cause),
                });
            }
        }
    }
}

/// Returns the failure for a transport that broke before the server had answered.
pub(super) fn reset(cause: String) -> Failure {
    Failure { unanswered: true, ..SERVER.refuse(cause) }
}

/// Finds the head of the first response that is not interim, in pieces of any size.
pub(super) struct Search {
    sender: &'static Sender,
    buffer: Vec<u8>,
    scanner: Scanner,
    /// The size of the interim responses so far, in bytes.
    interim: usize,
}

impl Search {
    /// Starts with the first response of `sender`.
    pub fn of(sender: &'static Sender) -> Search {
        Search { sender, buffer: Vec::new(), scanner: Scanner::default(), interim: 0 }
    }

    /// Returns the buffer to which received bytes are appended.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Looks at what has arrived, and returns the head with the bytes that followed it; `None` if it is not complete.
    ///
    /// # Errors
    /// What has arrived is no head, or is too long.
    pub fn advance(&mut self) -> Result<Option<(Head, Vec<u8>)>, Failure> {
        let Sender { name, max_head, .. } = *self.sender;
        let refuse = |cause| self.sender.refuse(cause);
        while let Some(end) = self.scanner.scan(&self.buffer, max_head).map_err(refuse)? {
            let tail = self.buffer.split_off(end);
            let head = Head::parse(&unfold(&self.buffer)).map_err(refuse)?;
            if !head.is_interim() {
                return Ok(Some((head, tail)));
            }
            self.interim += end;
            if self.interim > max_head {
                return Err(refuse(format!("the {name} sent too many interim responses, limit {max_head} bytes")));
            }
            self.buffer = tail;
            self.scanner = Scanner::default();
        }
        Ok(None)
    }

    /// Returns the failure for a stream that ends here.
    pub fn end(&self) -> Failure {
        let how = if self.buffer.is_empty() { "without a response" } else { "inside the response's head" };
        let failure = self.sender.refuse(format!("the {} closed the connection {how}", self.sender.name));
        Failure { unanswered: true, ..failure }
    }
}

impl Sender {
    fn refuse(&self, cause: String) -> Failure {
        Failure::new(self.code, cause)
    }
}

/// Replaces each fold of a header line by a space (RFC 9112 section 5.2): the white space on both sides of the line
/// end, and the line end itself.
fn unfold(head: &[u8]) -> Cow<'_, [u8]> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    if !head.windows(3).any(|window| window.starts_with(b"\r\n") && is_blank(&window[2])) {
        return Cow::Borrowed(head);
    }
    let mut unfolded: Vec<u8> = Vec::with_capacity(head.len());
    let mut rest = head;
    while let Some((byte, behind)) = rest.split_first() {
        match behind {
            [b'\n', blank, ..] if *byte == b'\r' && is_blank(blank) => {
                while unfolded.last().is_some_and(is_blank) {
                    unfolded.pop();
                }
                unfolded.push(b' ');
                let blanks = behind[1..].iter().take_while(|byte| is_blank(byte)).count();
                rest = &behind[1 + blanks..];
            }
            _ => {
                unfolded.push(*byte);
                rest = behind;
            }
        }
    }
    Cow::Owned(unfolded)
}

/// Says what is wrong with a head that is not HTTP, without its values: they may be secret.
fn describe(error: httparse::Error, head: &[u8]) -> String {
    match error {
        httparse::Error::HeaderName | httparse::Error::HeaderValue => {}
        _ => return "the response's status line is not HTTP".to_owned(),
    }
    let lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let bad = (1..).zip(lines).skip(1).find_map(|(number, line)| header_problem(number, line));
    bad.unwrap_or_else(|| "the response has an invalid header".to_owned())
}

/// Says what is wrong with a header line; `None` where nothing is.
fn header_problem(number: usize, line: &[u8]) -> Option<String> {
    if line.is_empty() {
        return None;
    }
    let Some(colon) = line.iter().position(|byte| *byte == b':') else {
        return Some(format!("line {number} of the response's head has no colon"));
    };
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if name.is_empty() {
        return Some(format!("line {number} of the response's head has no header name"));
    }
    let shown = std::str::from_utf8(name).ok().map(str::trim_end).filter(|name| {
        name.len() <= MAX_SHOWN_NAME && name.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
    });
    let Some(shown) = shown else {
        return Some(format!("the header name in line {number} is invalid"));
    };
    if !is_token(shown) {
        return Some(format!("the header name \"{shown}\" is invalid"));
    }
    if shown.len() < name.len() {
        return Some(format!("the response has white space between the header name \"{shown}\" and its colon"));
    }
    let is_control = |byte: &u8| (*byte < 0x20 && *byte != b'\t') || *byte == 0x7f;
    let has_control = value.iter().any(is_control);
    has_control.then(|| format!("the value of the header \"{shown}\" holds a control character"))
}

/// Finds the end of a head, and refuses what different parsers understand in different ways (RFC 9112 section 2.2).
///
/// Looks at every byte once, whatever the size of the pieces.
#[derive(Default)]
struct Scanner {
    at: usize,
    lines: usize,
    line_len: usize,
    after_cr: bool,
}

impl Scanner {
    fn scan(&mut self, buffer: &[u8], max_head: usize) -> Result<Option<usize>, String> {
        while let Some(&byte) = buffer.get(self.at) {
            if self.at == max_head {
                return Err(format!("the response's head is too big, limit {max_head} bytes"));
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
                // The first line is the status line.
                if self.lines > MAX_HEADERS + 1 {
                    return Err(format!("the response has too many headers, limit {MAX_HEADERS}"));
                }
                continue;
            }
            match byte {
                b'\r' => self.after_cr = true,
                b'\n' => return Err("the response's head has a line feed without carriage return".to_owned()),
                0 => return Err("the response's head has a NUL".to_owned()),
                b' ' | b'\t' if self.line_len == 0 && self.lines == 1 => {
                    return Err("the response has a line folded before the first header".to_owned());
                }
                b' ' | b'\t' if self.line_len == 0 => {
                    // The header continues, so it is not counted again.
                    self.lines -= 1;
                    self.line_len = 1;
                }
                _ => self.line_len += 1,
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// Returns one byte for each read.
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

    /// Returns what `read` finds: status, number of headers and size of what follows; or the text of the failure.
    fn outcome(
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
        fn finds_the_same_head_in_pieces_of_any_size(
            mut bytes in "HTTP/1\\.1 101 [a-z ]{0,9}\r\n([A-Za-z-]{1,9}:[ -~]{0,30}\r\n){0,130}\r\n[a-z]{0,9}",
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        ) {
            let mut bytes = std::mem::take(&mut bytes).into_bytes();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let whole = outcome(&bytes[..], <[u8]>::len);
            let dripped = outcome(Dripping(&bytes), |_| 0);
            match (whole, dripped) {
                (Ok((status, headers, _)), Ok(same)) => prop_assert_eq!(same, (status, headers, 0)),
                (whole, dripped) => prop_assert_eq!(whole.err(), dripped.err()),
            }
        }
    }
}
