//! A descriptor that is readable while events wait, for hosts whose own loop waits for descriptors.
//!
//! Comes in: whether something waits. Goes out: a byte in a pair of sockets, or none. Knows nothing of what waits.

use std::io::{self, Read};
#[cfg(windows)]
use std::net::{Ipv4Addr, TcpListener, TcpStream as Stream};
#[cfg(unix)]
use std::os::fd::AsRawFd;
#[cfg(unix)]
use std::os::unix::net::UnixStream as Stream;
#[cfg(windows)]
use std::os::windows::io::AsRawSocket;

use socket2::SockRef;

use crate::process::WITHOUT_SIGNAL;

/// The descriptor of one Lua state.
#[derive(Debug)]
pub struct Readiness {
    /// What the host watches.
    watched: Stream,
    other: Stream,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Nothing waits.
    Empty,
    /// Something waits.
    Readable,
    /// The host dispatches, so it needs no news. A loop that it runs meanwhile would turn without end.
    Muted,
}

impl Readiness {
    /// Makes a descriptor that is muted.
    ///
    /// # Errors
    /// The process has no descriptors left.
    pub fn new() -> io::Result<Readiness> {
        // Sockets, not a pipe, because they can be made non-blocking without `unsafe`. Whatever a host does with the
        // descriptor, nothing here waits.
        let (watched, other) = pair()?;
        watched.set_nonblocking(true)?;
        other.set_nonblocking(true)?;
        Ok(Readiness { watched, other, state: State::Muted })
    }

    /// Returns the descriptor; on Windows the handle of the socket, for `select` and its like.
    pub fn descriptor(&self) -> i64 {
        #[cfg(unix)]
        return self.watched.as_raw_fd().into();
        // A handle of Windows has 32 significant bits.
        #[cfg(windows)]
        return self.watched.as_raw_socket() as i64;
    }

    /// Notes that something waits.
    pub fn set(&mut self) {
        if self.state == State::Empty {
            self.state = State::Readable;
            // It takes a byte, because nobody else writes. If the host has closed the descriptor, it wants no news; the
            // standard library of Rust 1.88 would raise SIGPIPE then.
            let _ = SockRef::from(&self.other).send_with_flags(&[0], WITHOUT_SIGNAL);
        }
    }

    /// Makes the descriptor unreadable until [`unmute`](Readiness::unmute).
    pub fn mute(&mut self) {
        if self.state == State::Readable {
            let _ = self.watched.read(&mut [0; 8]);
        }
        self.state = State::Muted;
    }

    /// Ends [`mute`](Readiness::mute). Nothing waits, until [`set`](Readiness::set) is called.
    pub fn unmute(&mut self) {
        if self.state == State::Muted {
            self.state = State::Empty;
        }
    }
}

/// Makes two sockets that are connected to each other.
#[cfg(unix)]
fn pair() -> io::Result<(Stream, Stream)> {
    Stream::pair()
}

/// Makes two sockets that are connected to each other. Another program may reach the listener first, so its sockets are
/// dropped.
#[cfg(windows)]
fn pair() -> io::Result<(Stream, Stream)> {
    const MOST_STRANGERS: usize = 16;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let watched = Stream::connect(listener.local_addr()?)?;
    for _ in 0..=MOST_STRANGERS {
        let (other, peer) = listener.accept()?;
        if peer == watched.local_addr()? {
            other.set_nodelay(true)?;
            return Ok((watched, other));
        }
    }
    Err(io::Error::other("other programs connect to the port of the descriptor"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn is_readable(readiness: &Readiness) -> bool {
        // Whatever is there stays there.
        let mut copy = readiness.watched.try_clone().unwrap();
        match copy.read_exact(&mut [0; 1]) {
            Ok(()) => {
                readiness.other.try_clone().unwrap().write_all(&[0]).unwrap();
                true
            }
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                false
            }
        }
    }

    #[test]
    fn is_readable_from_set_to_mute() {
        let mut readiness = Readiness::new().unwrap();
        readiness.set();
        assert!(!is_readable(&readiness));
        readiness.unmute();
        for _ in 0..3 {
            assert!(!is_readable(&readiness));
            readiness.set();
            readiness.set();
            assert!(is_readable(&readiness));
            readiness.mute();
            assert!(!is_readable(&readiness));
            readiness.set();
            assert!(!is_readable(&readiness));
            readiness.unmute();
            assert!(!is_readable(&readiness));
        }
        readiness.set();
        readiness.unmute();
        assert!(is_readable(&readiness));
    }
}
