//! The opening handshake (RFC 6455 section 4.1): writes the request and checks the response.
//!
//! Comes in: endpoint, options and a stream. Goes out: the response with what was agreed, or why it was refused. Knows
//! nothing of name resolution, TLS and frames.

use std::io;
use std::ops::Range;
use std::time::Duration;

use data_encoding::BASE64;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::handshake::client::{generate_key, generate_request};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::http;

use super::answer::{check_not_empty, only_line, refuse};
use super::body::{self, Body};
use super::deadline::{Deadline, during};
use super::head::{self, Head, SERVER, Search};
use super::io_text;
use super::redirect::{Decision, Redirects};
use super::remark;
use super::secrets::Secrets;
use super::stream::Stream;
use crate::error::{ErrorCode, Failure, InvalidInput};
use crate::extension::{self, Agreed, Compression};
use crate::options::Options;
use crate::response::Response;
use crate::url::Endpoint;

/// How long to wait for the body of a response that refuses the handshake.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// The outcome of a handshake: the response, what was agreed on compression, and the bytes that followed.
pub type Verdict = Result<(Response, Option<Agreed>, Vec<u8>), Failure>;

/// The answer to a request that was not refused.
pub(super) enum Answer {
    /// The connection is open.
    Accepted(Response, Option<Agreed>, Vec<u8>),
    /// The server redirects to this endpoint, by a response whose body is not read.
    Redirected(Endpoint, Response),
}

/// Why a response does not open the connection.
enum Refusal {
    /// The response breaks a rule.
    Broken(Failure),
    /// The status says so. What its text says after the status.
    Status(String),
    /// The response leads to another endpoint.
    Redirect(Box<Endpoint>),
}

/// A request as it is sent, and what its response must contain.
#[derive(Clone)]
pub struct Request {
    bytes: Vec<u8>,
    /// Where the key stands in `bytes`.
    key: Range<usize>,
    accept: String,
    protocols: Vec<String>,
    require_protocol: bool,
    compression: Option<Compression>,
    /// The endpoint to which the target of a redirect is relative.
    endpoint: Endpoint,
    secrets: Secrets,
    /// Those that are not in the query: some of a query may well stand in an answer's headers, too.
    private: Secrets,
}

impl Request {
    /// Creates the request with a new random key.
    ///
    /// # Errors
    /// The options contradict each other or the URL's credentials, or a request cannot contain the path or the Host.
    pub fn new(endpoint: &Endpoint, options: &Options) -> Result<Request, InvalidInput> {
        let mut options = options.clone();
        if let Some((user, password)) = &endpoint.credentials {
            if options.basic_auth.is_some() {
                return Err(InvalidInput::new("credentials are given twice: in the URL and as option basic_auth"));
            }
            options.set_basic_auth(user, password)?;
        }
        options.check()?;
        let host = match options.header("host") {
            Some(host) => host.to_owned(),
            None => endpoint.host_header().into_bytes(),
        };
        let key = generate_key();
        let mut bytes = required_lines(&endpoint.resource, &host, &key)?;
        let at = bytes.windows(key.len()).position(|window| window == key.as_bytes());
        let at = at.ok_or_else(|| InvalidInput::new("invalid request: it has no key"))?;
        // Our headers replace the empty line at the end. In the http crate's map they would lose their order.
        bytes.truncate(bytes.len().saturating_sub(2));
        if let Some(agent) = &options.user_agent {
            push_line(&mut bytes, "User-Agent", agent);
        }
        if !options.protocols.is_empty() {
            push_line(&mut bytes, "Sec-WebSocket-Protocol", options.protocols.join(", ").as_bytes());
        }
        if let Some(compression) = &options.compression {
            push_line(&mut bytes, "Sec-WebSocket-Extensions", compression.offer().as_bytes());
        }
        if let Some(origin) = &options.origin {
            push_line(&mut bytes, "Origin", origin);
        }
        if let Some(auth) = &options.basic_auth {
            let pair = [&auth.user[..], b":", &auth.password].concat();
            push_line(&mut bytes, "Authorization", format!("Basic {}", BASE64.encode(&pair)).as_bytes());
        }
        for (name, value) in options.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")) {
            push_line(&mut bytes, name, value);
        }
        bytes.extend_from_slice(b"\r\n");
        let (secrets, private) = (Secrets::of(endpoint, &options), Secrets::without_query(&options));
        Ok(Request {
            bytes,
            key: at..at + key.len(),
            accept: derive_accept_key(key.as_bytes()),
            protocols: options.protocols,
            require_protocol: options.require_protocol,
            compression: options.compression,
            endpoint: endpoint.clone(),
            secrets,
            private,
        })
    }

    /// Returns the same request with another random key, for another attempt.
    pub(super) fn renewed(&self) -> Request {
        let (mut request, key) = (self.clone(), generate_key());
        request.bytes.splice(self.key.clone(), key.bytes());
        request.accept = derive_accept_key(key.as_bytes());
        request
    }

    /// Returns the request with the secrets of one before it, which no text may show either.
    pub(super) fn after(mut self, before: &Request) -> Request {
        self.secrets.join(&before.secrets);
        self.private.join(&before.private);
        self
    }

    /// Returns the request as it is sent.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Checks a response that arrives in these pieces and then ends, without a network. Public for the fuzz target of
    /// the handshake.
    ///
    /// # Errors
    /// `handshake`, `http_status`.
    #[doc(hidden)]
    pub fn check_response<'a>(&self, pieces: impl IntoIterator<Item = &'a [u8]>) -> Verdict {
        let mut pieces = pieces.into_iter();
        let mut search = Search::of(&SERVER);
        let (head, tail) = loop {
            if let Some(found) = search.advance()? {
                break found;
            }
            let piece = pieces.next().ok_or_else(|| search.end())?;
            search.buffer().extend_from_slice(piece);
        };
        let refusal = match self.check(&head, Redirects::default()) {
            Ok(agreed) => return Ok(accepted(head, agreed, tail)),
            Err(refusal) => refusal,
        };
        let mut body = Body::new(&head, tail);
        while body.wants_more()
            && let Some(piece) = pieces.next()
        {
            body.buffer().extend_from_slice(piece);
        }
        Err(self.refuse(refusal, head, body.finish()))
    }

    /// Sends the request, and reads and checks the response.
    ///
    /// # Errors
    /// `handshake`, `http_status`, `tls` if an alert arrives instead of a response, `timeout`.
    pub(super) async fn perform(
        &self,
        stream: &mut Stream,
        deadline: &Deadline,
        phase: &str,
        redirects: Redirects,
    ) -> Result<Answer, Failure> {
        let (head, tail) = deadline.run(phase, self.exchange(stream)).await?;
        deadline.log.debug(|| format!("the server answered with status {}", head.status));
        let refusal = match self.check(&head, redirects) {
            Ok(agreed) => {
                let (response, agreed, tail) = accepted(head, agreed, tail);
                return Ok(Answer::Accepted(response, agreed, tail));
            }
            // Nobody sees the body of a redirect that is followed.
            Err(Refusal::Redirect(target)) => return Ok(Answer::Redirected(*target, refusal_of(head, Vec::new()))),
            Err(refusal) => refusal,
        };
        let until = (Instant::now() + BODY_TIMEOUT).min(deadline.at);
        let body = body::read(stream, Body::new(&head, tail), until).await;
        Err(during(self.refuse(refusal, head, body), phase))
    }

    async fn exchange(&self, stream: &mut Stream) -> Result<(Head, Vec<u8>), Failure> {
        // A server may respond and close before it has read everything. Its response explains more than the error of
        // writing does.
        let written = stream.write_all(&self.bytes).await;
        let written = if written.is_ok() { stream.flush().await } else { written };
        let failure = match head::read(stream).await {
            Ok(found) => return Ok(found),
            Err(failure) => failure,
        };
        // The system tells of a reset once. If that was told to the write, the read has only seen the end.
        if let Err(error) = written
            && error.kind() == io::ErrorKind::ConnectionReset
            && failure.unanswered
        {
            return Err(head::reset(io_text::describe(&error)));
        }
        Err(match failure.text.contains('"') {
            true => Failure { text: self.discreet(failure.text), ..failure },
            false => failure,
        })
    }

    /// Returns a text that has words of the server, or another one if these may repeat a secret.
    fn discreet(&self, text: String) -> String {
        if self.private.may_stand_in(&text) {
            return "the response is malformed, and repeats a part of the request".to_owned();
        }
        text
    }

    fn check(&self, head: &Head, redirects: Redirects) -> Result<(String, Option<Agreed>), Refusal> {
        if head.status != 101 {
            return Err(match redirects.decide(head, &self.endpoint) {
                Decision::Follow(target) => Refusal::Redirect(Box::new(target)),
                Decision::Refuse(text) => Refusal::Status(text),
            });
        }
        self.check_switch(head).map_err(Refusal::Broken)
    }

    /// Checks a head with the status 101 in the order of RFC 6455 section 4.1. Returns the subprotocol and what was
    /// agreed on compression.
    fn check_switch(&self, head: &Head) -> Result<(String, Option<Agreed>), Failure> {
        if head.minor_version != 1 {
            return Err(Failure::new(
                ErrorCode::Handshake,
                "the server switched protocols by HTTP/1.0, must be HTTP/1.1",
            ));
        }
        check_not_empty(head, "Upgrade", "upgrade")?;
        let mut upgrade = head.list("upgrade").peekable();
        if upgrade.peek().is_none() || !upgrade.all(|token| token.eq_ignore_ascii_case(b"websocket")) {
            return Err(refuse("upgrade", "the response's Upgrade header is missing or not \"websocket\""));
        }
        check_not_empty(head, "Connection", "connection")?;
        if !head.list("connection").any(|token| token.eq_ignore_ascii_case(b"upgrade")) {
            return Err(refuse("connection", "the response's Connection header is missing or without \"upgrade\""));
        }
        const ACCEPT: &str = "sec-websocket-accept";
        match only_line(head, "Sec-WebSocket-Accept", ACCEPT)? {
            Some(accept) if accept == self.accept.as_bytes() => {}
            Some(_) => return Err(refuse(ACCEPT, "the response's Sec-WebSocket-Accept does not match the key")),
            None => return Err(refuse(ACCEPT, "the response has no Sec-WebSocket-Accept")),
        }
        const EXTENSIONS: &str = "sec-websocket-extensions";
        check_not_empty(head, "Sec-WebSocket-Extensions", EXTENSIONS)?;
        let agreed = extension::agree(self.compression.as_ref(), head.lines(EXTENSIONS))
            .map_err(|cause| refuse(EXTENSIONS, &self.discreet(cause)))?;
        Ok((self.check_protocol(head)?, agreed))
    }

    fn check_protocol(&self, head: &Head) -> Result<String, Failure> {
        const NAME: &str = "sec-websocket-protocol";
        match only_line(head, "Sec-WebSocket-Protocol", NAME)? {
            None if self.require_protocol => Err(refuse(NAME, "the server chose none of the subprotocols")),
            None => Ok(String::new()),
            Some(chosen) => match self.protocols.iter().find(|offered| offered.as_bytes() == chosen) {
                Some(offered) => Ok(offered.clone()),
                None => Err(refuse(NAME, "the server chose a subprotocol that was not offered")),
            },
        }
    }

    /// Returns the failure for a response that does not open the connection.
    fn refuse(&self, refusal: Refusal, head: Head, body: Vec<u8>) -> Failure {
        let about = match refusal {
            Refusal::Broken(failure) => return with_response(failure, head, body),
            Refusal::Status(about) => about,
            Refusal::Redirect(_) => String::new(),
        };
        let remark = remark::of(&head, &body, &self.secrets);
        let remark = remark.map_or(String::new(), |line| format!(", saying \"{line}\""));
        let text = format!("the server answered with status {}{about}{remark}", head.status);
        with_response(Failure::new(ErrorCode::HttpStatus, text), head, body)
    }
}

fn accepted(
    head: Head,
    (protocol, agreed): (String, Option<Agreed>),
    tail: Vec<u8>,
) -> (Response, Option<Agreed>, Vec<u8>) {
    let Head { status, headers, .. } = head;
    let extensions = agreed.as_ref().map_or(String::new(), |agreed| agreed.answer.clone());
    (Response { status, headers, body: Vec::new(), protocol, extensions }, agreed, tail)
}

fn with_response(refused: Failure, head: Head, body: Vec<u8>) -> Failure {
    Failure { response: Some(Box::new(refusal_of(head, body))), ..refused }
}

fn refusal_of(head: Head, body: Vec<u8>) -> Response {
    let Head { status, headers, .. } = head;
    Response { status, headers, body, ..Response::default() }
}

/// Returns the request line, the five headers that RFC 6455 requires, and the empty line.
fn required_lines(resource: &str, host: &[u8], key: &str) -> Result<Vec<u8>, InvalidInput> {
    let host = http::HeaderValue::from_bytes(host).ok().filter(|host| host.to_str().is_ok());
    let host = host.ok_or_else(|| InvalidInput::new("header \"Host\" must be visible ASCII"))?;
    let request = http::Request::get(resource)
        .header("Host", host)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", key)
        .body(())
        .map_err(|error| InvalidInput::new(format!("invalid URL: path and query: {error}")))?;
    let (bytes, _) =
        generate_request(request).map_err(|error| InvalidInput::new(format!("invalid request: {error}")))?;
    Ok(bytes)
}

fn push_line(bytes: &mut Vec<u8>, name: &str, value: &[u8]) {
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(b": ");
    bytes.extend_from_slice(value);
    bytes.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(options: &Options) -> Request {
        Request::new(&Endpoint::parse("ws://localhost/").unwrap(), options).unwrap()
    }

    #[test]
    fn checks_a_response_in_pieces_of_any_size() {
        let mut options = Options::default();
        options.add_protocol("chat").unwrap();
        let request = request(&options);
        let head = format!(
            "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: chat\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            request.accept
        );
        let answer = [b"HTTP/1.1 103 E\r\n\r\n", head.as_bytes(), b"\x81\x00"].concat();
        for size in [1, 7, answer.len()] {
            let mut pieces = answer.chunks(size);
            let (response, _, mut tail) = request.check_response(&mut pieces).unwrap();
            tail.extend(pieces.flatten());
            assert_eq!((response.status, &*response.protocol, &*tail), (101, "chat", &b"\x81\x00"[..]));
        }
    }

    #[test]
    fn renews_the_key_and_nothing_else() {
        let first = request(&Options::default());
        let second = first.renewed();
        assert_ne!(first.bytes[first.key.clone()], second.bytes[second.key.clone()]);
        assert_eq!(derive_accept_key(&second.bytes[second.key.clone()]), second.accept);
        let mut restored = second.bytes.clone();
        restored.splice(second.key.clone(), first.bytes[first.key.clone()].iter().copied());
        assert_eq!(restored, first.bytes);
    }

    #[test]
    fn returns_as_much_of_a_refusals_body_as_arrived() {
        let request = request(&Options::default());
        let answer = b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nnot\r\n9\r\n you";
        for size in [1, 7, answer.len()] {
            let failure = request.check_response(answer.chunks(size)).unwrap_err();
            let response = failure.response.unwrap();
            assert_eq!((failure.code, response.status), (ErrorCode::HttpStatus, 403));
            assert_eq!(response.body, b"not you");
        }
    }
}
