//! A server that a test plays frame by frame.
//!
//! Comes in: raw frames to send. Goes out: the frames that were received, unmasked. All calls block, with a deadline for
//! every read and write. It knows no rules of the protocol, so that a test can break each of them.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use super::{GOOD, PATIENCE, fill};

pub const TEXT: u8 = 0x81;
pub const BINARY: u8 = 0x82;
pub const CLOSE: u8 = 0x88;
pub const PING: u8 = 0x89;
pub const PONG: u8 = 0x8a;

/// Creates an unmasked frame.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..126 => bytes.push(length as u8),
        length @ 126..0x1_0000 => {
            bytes.push(126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(payload);
    bytes
}

/// Creates a Close frame.
pub fn close(code: u16, reason: &str) -> Vec<u8> {
    frame(CLOSE, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

/// Returns the code and the reason of a Close frame's payload.
pub fn code_of(payload: &[u8]) -> (u16, &str) {
    (u16::from_be_bytes([payload[0], payload[1]]), std::str::from_utf8(&payload[2..]).unwrap())
}

/// A listener that accepts clients.
pub struct Door(TcpListener);

impl Door {
    pub fn new() -> Door {
        Door(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// Creates a listener whose sockets have small receive buffers, so that the client soon cannot write if they do not
    /// read.
    pub fn narrow() -> Door {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let _inside = runtime.enter();
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8 * 1024).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(8).unwrap().into_std().unwrap();
        listener.set_nonblocking(false).unwrap();
        Door(listener)
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub fn url(&self) -> String {
        format!("ws://{}/", self.address())
    }

    /// Accepts a client's TCP connection.
    pub fn socket(&self) -> TcpStream {
        let (socket, _) = self.0.accept().unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    /// Accepts a client's connection and does the opening handshake.
    pub fn peer(&self) -> Peer {
        Peer::shake_hands(self.socket())
    }
}

/// The server's side of a connection.
pub struct Peer<S = TcpStream> {
    pub stream: S,
}

impl<S: Read + Write> Peer<S> {
    /// Answers the opening handshake.
    pub fn shake_hands(stream: S) -> Peer<S> {
        Peer::shake_hands_and_say(stream, b"")
    }

    /// Answers the opening handshake, and sends frames in the same segment.
    pub fn shake_hands_and_say(mut stream: S, frames: &[u8]) -> Peer<S> {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        let answer = fill(GOOD.as_bytes(), &String::from_utf8(request).unwrap());
        let mut peer = Peer { stream };
        peer.say(&[&answer, frames].concat());
        peer
    }

    /// Sends bytes.
    pub fn say(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
        self.stream.flush().unwrap();
    }

    /// Reads a frame. Returns its first byte and its payload, unmasked.
    pub fn hear(&mut self) -> (u8, Vec<u8>) {
        self.try_hear().expect("a frame comes before the test's deadline")
    }

    /// Like [`Peer::hear`], but returns an error if the stream ends.
    pub fn try_hear(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut start = [0; 2];
        self.stream.read_exact(&mut start)?;
        assert!(start[1] & 0x80 != 0, "a client's frame is masked");
        let mut extended = [0; 8];
        let length = match start[1] & 0x7f {
            126 => {
                self.stream.read_exact(&mut extended[6..])?;
                u64::from_be_bytes(extended)
            }
            127 => {
                self.stream.read_exact(&mut extended)?;
                u64::from_be_bytes(extended)
            }
            short => u64::from(short),
        };
        let mut key = [0; 4];
        self.stream.read_exact(&mut key)?;
        let mut payload = vec![0; length as usize];
        self.stream.read_exact(&mut payload)?;
        for (at, byte) in payload.iter_mut().enumerate() {
            *byte ^= key[at % 4];
        }
        Ok((start[0], payload))
    }

    /// Reads a Close frame, and returns its code and reason.
    pub fn hear_close(&mut self) -> (u16, String) {
        let (first, payload) = self.hear();
        assert_eq!(first, CLOSE, "{payload:?}");
        let (code, reason) = code_of(&payload);
        (code, reason.to_owned())
    }

    /// Reads until the client ends the stream.
    pub fn hears_the_end(&mut self) {
        let read = self.stream.read(&mut [0]).unwrap();
        assert_eq!(read, 0, "a byte in place of the end of the stream");
    }
}

impl Peer {
    /// Resets the connection by closing the socket while it holds unread bytes, which the client must have sent.
    pub fn reset(self) {
        let read = self.stream.peek(&mut [0]).unwrap();
        assert!(read > 0, "the client has said nothing");
    }
}
