//! A Unix socket whose writes never raise SIGPIPE.
//!
//! Comes in: the path of a socket. Goes out: a connected socket, or why there is none. Knows nothing of what the bytes
//! say.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::UnixStream;
use tokio::time::sleep;

use super::io_text::describe;
use crate::error::{ErrorCode, Failure};
use crate::process::WITHOUT_SIGNAL;

/// A connected Unix socket.
///
/// The standard library of Rust 1.88 writes to Unix sockets without MSG_NOSIGNAL, so this sends by itself.
pub(super) struct Local(UnixStream);

/// How long to wait before the next attempt while too many clients wait at the socket.
const PAUSE: Duration = Duration::from_millis(20);

/// Connects to the socket with this path. While the queue of its listener is full, tries again: there Linux answers
/// EAGAIN at once, and reports nothing when a place is free.
///
/// # Errors
/// `connect`.
pub(super) async fn connect(path: &str) -> Result<Local, Failure> {
    loop {
        match UnixStream::connect(path).await {
            Ok(stream) => return Ok(Local(stream)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(PAUSE).await,
            Err(error) => return Err(Failure::new(ErrorCode::Connect, describe(&error))),
        }
    }
}

impl AsyncRead for Local {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Local {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(cx))?;
            let send = || SockRef::from(&self.0).send_with_flags(buf, WITHOUT_SIGNAL);
            match self.0.try_io(Interest::WRITABLE, send) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
