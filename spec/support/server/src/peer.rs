//! A connection after its opening handshake. It records everything that the client sends.
//!
//! Comes in: a stream. Goes out: the frames of the client one by one, and any bytes in the other direction. Unlike a
//! real server it does nothing by itself: the routes decide whether pings and Close frames are answered.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use crate::frames::{Decoder, Frame, encode};
use crate::record::Record;
use crate::stream::Stream;

/// The time that a client may take to end the stream after the server has ended it.
const PARTING: Duration = Duration::from_secs(30);

/// A client, seen from the server.
pub struct Peer {
    stream: Stream,
    decoder: Decoder,
    inbox: VecDeque<Frame>,
    record: Record,
    ended: bool,
    buffer: Box<[u8]>,
}

impl Peer {
    /// Takes over a stream and what was read from it beyond the head.
    pub fn new(stream: Stream, tail: &[u8], record: Record) -> Peer {
        let buffer = vec![0; 64 * 1024].into_boxed_slice();
        let mut peer =
            Peer { stream, decoder: Decoder::default(), inbox: VecDeque::new(), record, ended: false, buffer };
        peer.understand(tail);
        peer
    }

    /// Writes bytes as they are.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = self.stream.write_all(bytes).await;
        written.inspect_err(|error| self.record.mark("write_error", error.to_string().as_bytes()))?;
        self.stream.flush().await?;
        self.record.add("sent", bytes.len() as u64);
        Ok(())
    }

    /// Writes one frame.
    pub async fn send(&mut self, first: u8, payload: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::new();
        encode(first, payload, &mut bytes);
        self.write(&bytes).await
    }

    /// Writes bytes and reads at the same time, so that neither side can block the other for ever.
    pub async fn exchange(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut read = 0;
            let wrote = poll_fn(|cx| {
                read = 0;
                let mut progress = false;
                if !self.ended {
                    let mut buffer = ReadBuf::new(&mut self.buffer);
                    match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                        Poll::Ready(Ok(())) => {
                            read = buffer.filled().len();
                            self.ended = read == 0;
                            progress = true;
                        }
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                        Poll::Pending => {}
                    }
                }
                match Pin::new(&mut self.stream).poll_write(cx, rest) {
                    Poll::Ready(result) => Poll::Ready(result),
                    Poll::Pending if progress => Poll::Ready(Ok(0)),
                    Poll::Pending => Poll::Pending,
                }
            })
            .await;
            if self.ended {
                self.record.mark("eof", b"1");
            }
            let wrote = wrote.inspect_err(|error| self.record.mark("write_error", error.to_string().as_bytes()))?;
            self.take(read);
            self.record.add("sent", wrote as u64);
            rest = &rest[wrote..];
        }
        self.stream.flush().await
    }

    /// Returns the next frame, or `None` once the client has ended the stream in any way.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.inbox.pop_front() {
                return Some(frame);
            }
            if !self.read().await {
                return None;
            }
        }
    }

    /// Returns a frame that has already been read.
    pub fn next_waiting(&mut self) -> Option<Frame> {
        self.inbox.pop_front()
    }

    /// Reads once; `false` at the end of the stream.
    pub async fn read(&mut self) -> bool {
        if self.ended {
            return false;
        }
        match self.stream.read(&mut self.buffer).await {
            Ok(0) => {
                self.ended = true;
                self.record.mark("eof", b"1");
            }
            Ok(count) => {
                self.take(count);
            }
            // A TLS client that leaves without close_notify has ended the stream, too.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.ended = true;
                self.record.set("truncated", b"1");
                self.record.mark("eof", b"1");
            }
            Err(error) => {
                self.ended = true;
                self.record.mark("reset", error.to_string().as_bytes());
            }
        }
        !self.ended
    }

    /// Answers a ping or a Close as a real server does; returns `false` if that ends the connection.
    pub async fn answer(&mut self, frame: &Frame) -> io::Result<bool> {
        match frame.opcode {
            8 => {
                self.send(0x88, frame.payload.get(..2).unwrap_or_default()).await?;
                self.finish().await?;
                Ok(false)
            }
            9 => self.send(0x8a, &frame.payload).await.map(|()| true),
            _ => Ok(true),
        }
    }

    /// Answers pings and Close frames until the client ends the stream, and sends nothing else.
    pub async fn serve(&mut self) -> io::Result<()> {
        while let Some(frame) = self.next().await {
            if !self.answer(&frame).await? {
                break;
            }
        }
        Ok(())
    }

    /// Reads and answers nothing until the client ends the stream.
    pub async fn ignore(&mut self) {
        while self.next().await.is_some() {}
    }

    /// Ends the side of the server cleanly.
    pub async fn end(&mut self) -> io::Result<()> {
        self.stream.finish().await
    }

    /// Ends the side of the server without close_notify.
    pub async fn end_abruptly(&mut self) -> io::Result<()> {
        self.stream.cut().await
    }

    /// Ends the side of the server cleanly and waits for the client to end its own.
    pub async fn finish(&mut self) -> io::Result<()> {
        // The client may have ended it already.
        let _ = self.end().await;
        let _ = timeout(PARTING, self.ignore()).await;
        Ok(())
    }

    /// Ends the side of the server without close_notify and waits for the client to end its own.
    pub async fn cut(&mut self) -> io::Result<()> {
        self.end_abruptly().await?;
        let _ = timeout(PARTING, self.ignore()).await;
        Ok(())
    }

    /// Ends the connection by a reset.
    pub fn reset(self) -> io::Result<()> {
        self.stream.reset()
    }

    /// Keeps the connection and never reads from it again.
    pub async fn stall(self) {
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }

    fn take(&mut self, count: usize) {
        let buffer = std::mem::take(&mut self.buffer);
        self.understand(&buffer[..count]);
        self.buffer = buffer;
    }

    fn understand(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.record.add("received", bytes.len() as u64);
        self.decoder.feed(bytes);
        loop {
            match self.decoder.next() {
                Ok(Some(frame)) => {
                    self.record.frame(&frame);
                    self.inbox.push_back(frame);
                }
                Ok(None) => return,
                Err(text) => {
                    self.record.set("broken", text.as_bytes());
                    self.ended = true;
                    return;
                }
            }
        }
    }
}
