//! Why a connection failed, and why an argument was refused.
//!
//! A [`Failure`] happens while a connection opens or runs: it has a stable code for programs and a text for people. An
//! [`InvalidInput`] is the caller's mistake: it is raised before anything happens. Neither text ever contains
//! credentials, header values, query strings or payload.

use std::fmt;

use crate::response::Response;

/// The stable error codes that scripts may compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The host's name did not resolve.
    Dns,
    /// No address of the host accepted the TCP connection.
    Connect,
    /// The proxy cannot be reached, refuses, or does not speak its protocol.
    Proxy,
    /// The TLS handshake or a TLS record failed.
    Tls,
    /// `open_timeout` passed before the connection was open.
    Timeout,
    /// The response to the opening handshake was not what RFC 6455 section 4.1 requires.
    Handshake,
    /// The server answered the opening handshake with a status other than 101.
    HttpStatus,
    /// The transport failed.
    Reset,
    /// The peer did not answer a keepalive ping in time.
    Keepalive,
    /// At least `max_buffered` bytes wait to be sent.
    BufferFull,
    /// The connection is closing or closed.
    Closed,
    /// A defect in this library.
    Internal,
}

impl ErrorCode {
    /// Returns the code as scripts see it.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorCode::Dns => "dns",
            ErrorCode::Connect => "connect",
            ErrorCode::Proxy => "proxy",
            ErrorCode::Tls => "tls",
            ErrorCode::Timeout => "timeout",
            ErrorCode::Handshake => "handshake",
            ErrorCode::HttpStatus => "http_status",
            ErrorCode::Reset => "reset",
            ErrorCode::Keepalive => "keepalive",
            ErrorCode::BufferFull => "buffer_full",
            ErrorCode::Closed => "closed",
            ErrorCode::Internal => "internal",
        }
    }
}

/// The failure of a connection.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The kind of failure, for programs.
    pub code: ErrorCode,
    /// Phase, cause and host:port, for people.
    pub text: String,
    /// The lower-case name of the header for which a response was refused.
    pub header: Option<&'static str>,
    /// The server's response, if it did not open the connection, as far as it was read.
    pub response: Option<Box<Response>>,
    /// The transport ended or broke before the other side had answered, so that nothing was refused.
    pub unanswered: bool,
}

impl Failure {
    /// Creates a failure without header and response.
    pub fn new(code: ErrorCode, text: impl Into<String>) -> Self {
        Failure { code, text: text.into(), header: None, response: None, unanswered: false }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

/// The error for an argument that was refused. The text names the value and the limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidInput(String);

impl InvalidInput {
    /// Creates the error from its text.
    pub fn new(text: impl Into<String>) -> Self {
        InvalidInput(text.into())
    }
}

impl fmt::Display for InvalidInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidInput {}
