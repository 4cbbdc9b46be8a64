//! Reads stdin on a thread of its own, no further ahead than one piece.
//!
//! Comes in: the bytes of stdin. Goes out: pieces of up to 64 KiB, then their end. The thread waits while nobody takes a
//! piece, so whoever writes to stdin waits, too.

use std::io::{self, ErrorKind, Read};
use std::thread;

use tokio::sync::mpsc::{Receiver, Sender, channel};

const PIECE: usize = 64 * 1024;

/// A part of stdin.
pub enum Piece {
    /// Bytes.
    Bytes(Vec<u8>),
    /// Nothing follows.
    End,
    /// Stdin cannot be read any further.
    Failed(io::Error),
}

/// Begins to read.
///
/// # Errors
/// The system refuses the thread.
pub fn read() -> io::Result<Receiver<Piece>> {
    let (sender, receiver) = channel(1);
    thread::Builder::new().name("stdin".to_owned()).spawn(move || pass_on(&sender))?;
    Ok(receiver)
}

fn pass_on(sender: &Sender<Piece>) {
    let mut stdin = io::stdin().lock();
    loop {
        let mut bytes = vec![0; PIECE];
        let piece = match stdin.read(&mut bytes) {
            Ok(0) => Piece::End,
            Ok(count) => {
                bytes.truncate(count);
                Piece::Bytes(bytes)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => Piece::Failed(error),
        };
        let is_last = !matches!(piece, Piece::Bytes(_));
        if sender.blocking_send(piece).is_err() || is_last {
            return;
        }
    }
}
