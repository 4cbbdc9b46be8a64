//! What carries the bytes beneath a connection: a TCP socket, a Unix socket, or TLS to a proxy.
//!
//! Comes in: a connected socket. Goes out: bytes both ways. Knows nothing of what the bytes say.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

#[cfg(unix)]
use super::local::Local;
use super::tls;

/// A way to the server.
pub(super) enum Wire {
    Tcp(TcpStream),
    #[cfg(unix)]
    Local(Local),
    // Boxed, as the state of a TLS session takes a kilobyte.
    Tls(Box<tls::Channel<Wire>>),
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Tcp(socket) => Pin::new(socket).poll_read(cx, buf),
            #[cfg(unix)]
            Wire::Local(socket) => Pin::new(socket).poll_read(cx, buf),
            Wire::Tls(channel) => Pin::new(channel).poll_read(cx, buf),
        }
    }
}

/// Has no vectored writes: [`super::socket`] says why.
impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Tcp(socket) => Pin::new(socket).poll_write(cx, buf),
            #[cfg(unix)]
            Wire::Local(socket) => Pin::new(socket).poll_write(cx, buf),
            Wire::Tls(channel) => Pin::new(channel).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Tcp(socket) => Pin::new(socket).poll_flush(cx),
            #[cfg(unix)]
            Wire::Local(socket) => Pin::new(socket).poll_flush(cx),
            Wire::Tls(channel) => Pin::new(channel).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
            #[cfg(unix)]
            Wire::Local(socket) => Pin::new(socket).poll_shutdown(cx),
            Wire::Tls(channel) => Pin::new(channel).poll_shutdown(cx),
        }
    }
}
