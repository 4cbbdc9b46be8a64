//! The byte stream beneath a connection: TCP, or TLS over TCP.
//!
//! Comes in: an established socket. Goes out: bytes both ways, and what an I/O error means. Knows nothing of what the
//! bytes say.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::tls;

/// An established transport; write, then flush.
pub struct Stream(Inner);

enum Inner {
    Plain(Unvectored<TcpStream>),
    // Boxed: the state of a TLS session is a kilobyte, and an unencrypted connection should not carry it.
    Tls(Box<tls::Channel>),
}

/// What an I/O error of an established stream means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The peer ended the stream; over TLS it did so without close_notify, as many servers do.
    EndOfStream,
    /// The stream broke, with the cause.
    Reset(String),
    /// A TLS record was bad, or the peer sent a TLS alert, with the cause.
    Tls(String),
}

impl Stream {
    pub(super) fn plain(socket: TcpStream) -> Stream {
        Stream(Inner::Plain(Unvectored(socket)))
    }

    pub(super) fn secure(channel: tls::Channel) -> Stream {
        Stream(Inner::Tls(Box::new(channel)))
    }

    /// Tells what an error of reading, writing or flushing means; the texts hold no secrets.
    pub fn classify(error: &io::Error) -> Loss {
        if let Some(text) = tls::cause(error) {
            return Loss::Tls(text);
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Loss::EndOfStream,
            _ => Loss::Reset(cause(error)),
        }
    }
}

/// Returns the system's words for an error in our style: lower case, no number.
pub(super) fn cause(error: &io::Error) -> String {
    let mut text = error.to_string();
    if let Some(at) = text.find(" (os error ") {
        text.truncate(at);
    }
    lower_first(&text)
}

/// Returns a text as our style has it: beginning in lower case.
pub(super) fn lower_first(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    text
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

/// Lets only plain writes through to a socket, and ends the stream when it is dropped.
///
/// The standard library writes to sockets with MSG_NOSIGNAL, but a vectored write has no such flag: with the peer gone
/// it raises SIGPIPE, which a Lua host does not ignore, and the process ends. TLS writes vectored where it may.
///
/// To close a socket tells the peer nothing while the child of a fork has it, too.
pub(super) struct Unvectored<S: AsyncWrite + Unpin>(pub(super) S);

impl<S: AsyncWrite + Unpin> Drop for Unvectored<S> {
    fn drop(&mut self) {
        // Of a socket this is done at once, and an error means that there is nothing to end.
        let _ = Pin::new(&mut self.0).poll_shutdown(&mut Context::from_waker(Waker::noop()));
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Unvectored<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

// poll_write_vectored and is_write_vectored stay as the trait has them: the first buffer by poll_write, and false.
impl<S: AsyncWrite + Unpin> AsyncWrite for Unvectored<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::IoSlice;

    /// A socket that takes plain writes and dies of a vectored one, as a process does of SIGPIPE.
    struct Mortal(Vec<u8>);

    impl AsyncWrite for Mortal {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            self.0.extend_from_slice(buf);
            Poll::Ready(Ok(buf.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            panic!("a vectored write reached the socket");
        }

        fn is_write_vectored(&self) -> bool {
            true
        }
    }

    #[test]
    fn lets_no_vectored_write_through() {
        let mut socket = Unvectored(Mortal(Vec::new()));
        assert!(!socket.is_write_vectored());
        let mut cx = Context::from_waker(Waker::noop());
        let slices = [IoSlice::new(b""), IoSlice::new(b"ab"), IoSlice::new(b"c")];
        let Poll::Ready(Ok(2)) = Pin::new(&mut socket).poll_write_vectored(&mut cx, &slices) else {
            panic!("the first buffer that holds anything is written, and it alone");
        };
        assert_eq!(socket.0.0, b"ab");
    }

    #[test]
    fn tells_an_end_from_a_break() {
        assert_eq!(Stream::classify(&io::ErrorKind::UnexpectedEof.into()), Loss::EndOfStream);
        let reset = io::Error::from_raw_os_error(libc::ECONNRESET);
        assert_eq!(Stream::classify(&reset), Loss::Reset("connection reset by peer".to_owned()));
    }
}
