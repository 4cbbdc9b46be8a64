//! An adapter around a socket: it makes all writes plain writes, reports the most useful error, and ends the stream.
//!
//! Comes in: reads and writes by TLS or by the connection. Goes out: reads and plain writes on the socket. Knows nothing of
//! what the bytes say.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most bytes that one write gathers from several slices: enough for the records of 64 KiB of plaintext, which is the
/// most that rustls buffers. A flight of a TLS handshake is shorter.
const MAX_GATHERED: usize = 72 * 1024;

/// A socket that is written by plain writes only, and whose stream is shut down when it is dropped.
///
/// The standard library writes to sockets with MSG_NOSIGNAL, but a vectored write has no such flag: after the peer has
/// gone it would raise SIGPIPE, which a Lua host does not ignore, and end the process. So the slices of a vectored write
/// are copied into one plain write. That also sends a flight of TLS at once: if it took several writes, a server that
/// refuses after the first would make the others fail.
///
/// Dropping it shuts the stream down, because closing a socket tells the peer nothing while the child of a fork has the
/// socket, too.
pub(super) struct Socket<S: AsyncWrite + Unpin> {
    inner: S,
    phase: Phase,
}

/// The phase of the connection, which decides what happens to an error of writing.
enum Phase {
    /// The error is kept until all that waits to be read was read, because the server's alert, if there is one, tells
    /// more. Until then writes seem to succeed; the connection is lost anyway.
    Handshake { write_error: Option<io::Error> },
    /// The error is returned.
    Established,
}

impl<S: AsyncWrite + Unpin> Socket<S> {
    /// Creates a socket that returns errors of writing.
    pub fn new(inner: S) -> Socket<S> {
        Socket { inner, phase: Phase::Established }
    }

    /// Creates a socket for a handshake. It returns an error of writing only when nothing more can be read.
    pub fn for_handshake(inner: S) -> Socket<S> {
        Socket { inner, phase: Phase::Handshake { write_error: None } }
    }

    /// Returns whether an error of writing is kept.
    pub fn has_write_error(&self) -> bool {
        matches!(self.phase, Phase::Handshake { write_error: Some(_) })
    }

    /// Notes that the handshake is done: errors of writing are returned from now on.
    pub fn note_established(&mut self) {
        self.phase = Phase::Established;
    }

    #[cfg(test)]
    pub fn inner(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Keeps an error of writing `length` bytes during the handshake.
    fn after_write(&mut self, length: usize, result: io::Result<usize>) -> io::Result<usize> {
        match (&mut self.phase, result) {
            (Phase::Handshake { write_error }, Err(error)) => {
                write_error.get_or_insert(error);
                Ok(length)
            }
            (_, result) => result,
        }
    }

    /// Returns the kept error of writing instead of the end of the stream or an error of reading.
    fn after_read(&mut self, result: io::Result<usize>) -> io::Result<()> {
        if let (Phase::Handshake { write_error }, Ok(0) | Err(_)) = (&mut self.phase, &result)
            && let Some(error) = write_error.take()
        {
            return Err(error);
        }
        result.map(|_| ())
    }
}

impl<S: AsyncWrite + Unpin> Drop for Socket<S> {
    fn drop(&mut self) {
        // A socket does this at once, and an error means that there is nothing to end.
        let _ = Pin::new(&mut self.inner).poll_shutdown(&mut Context::from_waker(Waker::noop()));
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Socket<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = ready!(Pin::new(&mut self.inner).poll_read(cx, buf));
        Poll::Ready(self.after_read(result.map(|()| buf.filled().len() - before)))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.inner).poll_write(cx, buf));
        Poll::Ready(self.after_write(buf.len(), result))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut length = 0;
        let fitting = slices.iter().map(|slice| &slice[..]).filter(|slice| !slice.is_empty()).take_while(|slice| {
            let fits = length == 0 || length + slice.len() <= MAX_GATHERED;
            length += slice.len();
            fits
        });
        match fitting.collect::<Vec<_>>()[..] {
            [] => self.poll_write(cx, &[]),
            [one] => self.poll_write(cx, one),
            ref several => self.poll_write(cx, &several.concat()),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A socket that takes plain writes and dies of a vectored one, as a process dies of SIGPIPE.
    struct Fake {
        writes: Vec<Vec<u8>>,
        to_read: &'static [u8],
        is_broken: bool,
    }

    impl Fake {
        fn new() -> Fake {
            Fake { writes: Vec::new(), to_read: b"", is_broken: false }
        }
    }

    impl AsyncRead for Fake {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            buf.put_slice(std::mem::take(&mut self.to_read));
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Fake {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            if self.is_broken {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            self.writes.push(buf.to_vec());
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
    }

    fn write_slices(socket: &mut Socket<Fake>, slices: &[&[u8]]) -> io::Result<usize> {
        let slices: Vec<IoSlice<'_>> = slices.iter().map(|slice| IoSlice::new(slice)).collect();
        match Pin::new(socket).poll_write_vectored(&mut Context::from_waker(Waker::noop()), &slices) {
            Poll::Ready(result) => result,
            Poll::Pending => panic!("the socket never waits"),
        }
    }

    fn read(socket: &mut Socket<Fake>) -> io::Result<Vec<u8>> {
        let mut space = [0; 16];
        let mut buffer = ReadBuf::new(&mut space);
        match Pin::new(socket).poll_read(&mut Context::from_waker(Waker::noop()), &mut buffer) {
            Poll::Ready(result) => result.map(|()| buffer.filled().to_vec()),
            Poll::Pending => panic!("the socket never waits"),
        }
    }

    #[test]
    fn makes_one_plain_write_of_a_vectored_one() {
        let mut socket = Socket::new(Fake::new());
        assert_eq!(write_slices(&mut socket, &[b"", b"ab", b"", b"c", b"def"]).unwrap(), 6);
        assert_eq!(write_slices(&mut socket, &[b"", b"g"]).unwrap(), 1);
        assert_eq!(write_slices(&mut socket, &[b""]).unwrap(), 0);
        assert_eq!(socket.inner.writes, [&b"abcdef"[..], b"g", b""]);
    }

    #[test]
    fn gathers_no_more_than_its_limit() {
        let mut socket = Socket::new(Fake::new());
        let (most, large) = (vec![1; MAX_GATHERED - 1], vec![2; MAX_GATHERED + 1]);
        assert_eq!(write_slices(&mut socket, &[&most, b"x", b"y"]).unwrap(), MAX_GATHERED);
        assert_eq!(write_slices(&mut socket, &[b"x", &large]).unwrap(), 1);
        assert_eq!(write_slices(&mut socket, &[&large, b"x"]).unwrap(), MAX_GATHERED + 1);
    }

    #[test]
    fn returns_what_waits_to_be_read_before_an_error_of_writing_in_a_handshake() {
        let mut socket = Socket::for_handshake(Fake { to_read: b"alert", is_broken: true, ..Fake::new() });
        assert_eq!(write_slices(&mut socket, &[b"ab", b"c"]).unwrap(), 3);
        assert!(socket.has_write_error());
        assert_eq!(read(&mut socket).unwrap(), b"alert");
        assert_eq!(read(&mut socket).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        socket.note_established();
        assert_eq!(write_slices(&mut socket, &[b"x"]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
