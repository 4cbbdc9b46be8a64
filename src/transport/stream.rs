//! The byte stream beneath a connection: a wire, or TLS over a wire.
//!
//! Comes in: an established wire. Goes out: bytes both ways, and what an I/O error means. Knows nothing of what the
//! bytes say. Dropping the stream ends it: over TLS by close_notify first.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::io_text;
use super::socket::Socket;
use super::tls;
use super::wire::Wire;

/// An established transport. What was written is sent by a flush at the latest.
pub struct Stream(Inner);

enum Inner {
    Plain(Socket<Wire>),
    // Boxed, because the state of a TLS session takes a kilobyte, which an unencrypted connection should not carry.
    Tls(Box<tls::Channel<Wire>>),
}

/// What an I/O error of an established stream means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The peer ended the stream. Over TLS it did so without close_notify, as many servers do.
    EndOfStream,
    /// The stream broke, with the cause.
    Reset(String),
    /// A TLS record was bad, or the peer sent a TLS alert, with the cause.
    Tls(String),
}

impl Stream {
    pub(super) fn plain(wire: Wire) -> Stream {
        Stream(Inner::Plain(Socket::new(wire)))
    }

    pub(super) fn secure(channel: tls::Channel<Wire>) -> Stream {
        Stream(Inner::Tls(Box::new(channel)))
    }

    /// Says what an error of reading, writing or flushing means. The texts hold no secrets.
    pub fn classify(error: &io::Error) -> Loss {
        if let Some(text) = tls::cause(error) {
            return Loss::Tls(text);
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Loss::EndOfStream,
            _ => Loss::Reset(io_text::describe(error)),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Inner::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Inner::Tls(channel) => Pin::new(channel).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Inner::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Inner::Tls(channel) => Pin::new(channel).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Inner::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Inner::Tls(channel) => Pin::new(channel).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Inner::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Inner::Tls(channel) => Pin::new(channel).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_an_end_from_a_break() {
        assert_eq!(Stream::classify(&io::ErrorKind::UnexpectedEof.into()), Loss::EndOfStream);
        let Loss::Reset(text) = Stream::classify(&io::ErrorKind::ConnectionReset.into()) else { panic!("no reset") };
        assert!(text.starts_with("connection reset"), "{text}");
    }
}
