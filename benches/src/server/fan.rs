//! One message after another to many connections: the service `/fan/KEY`.
//!
//! Comes in: a stream and the key of its group. Goes out: echoes, and bursts to every connection of the group in turn,
//! written by the thread of the connection that asked.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

use super::blocks;
use super::frames;
use super::services::{answer, each_batch, number};

type Groups = HashMap<String, Vec<Arc<TcpStream>>>;

/// The groups of one server.
#[derive(Clone, Default)]
pub struct Fans(Arc<Mutex<Groups>>);

/// A connection that may join a group.
pub struct Fan {
    fans: Fans,
    socket: Arc<TcpStream>,
}

impl Fans {
    /// Makes what a connection needs to join a group.
    pub fn of(&self, socket: &Arc<TcpStream>) -> Fan {
        Fan { fans: self.clone(), socket: Arc::clone(socket) }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Groups) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Fan {
    /// Serves a connection of a group until it ends.
    pub(super) fn serve_member(self, stream: &mut (impl Read + Write), key: &str) -> io::Result<()> {
        self.fans.with(|groups| groups.entry(key.to_owned()).or_default().push(Arc::clone(&self.socket)));
        let result = self.serve(stream, key);
        self.fans.with(|groups| {
            let Some(group) = groups.get_mut(key) else { return };
            group.retain(|socket| !Arc::ptr_eq(socket, &self.socket));
            if group.is_empty() {
                groups.remove(key);
            }
        });
        result
    }

    /// Serves a connection until it ends.
    pub(super) fn serve(&self, stream: &mut (impl Read + Write), key: &str) -> io::Result<()> {
        each_batch(stream, |_, buffer, out| {
            while let Some(frame) = buffer.take() {
                let text = buffer.bytes(frame.payload.clone());
                if frame.is_control() || text.len() > 32 {
                    answer(buffer, frame, out);
                    continue;
                }
                frames::unmask(text, frame.key);
                let mut words = text.split(|byte| *byte == b' ').skip(1);
                let mut next = || number(words.next().unwrap_or_default());
                let (count, burst) = (next()?, next()?);
                self.send(key, count, burst)?;
            }
            Ok(())
        })
    }

    fn send(&self, key: &str, count: usize, burst: usize) -> io::Result<()> {
        let group = self.fans.with(|groups| groups.get(key).cloned().unwrap_or_default());
        let block = blocks::of_size(64);
        let mut sent = 0;
        while sent < count {
            for socket in &group {
                let frames = burst.min(count - sent);
                (&**socket).write_all(block.frames(sent, frames))?;
                sent += frames;
            }
        }
        Ok(())
    }
}
