//! Where the messages come from: from the lines of stdin, or from the arguments.
//!
//! Comes in: pieces of stdin, or the messages of `-x`. Goes out: one message after another.

use std::collections::VecDeque;
use std::io;
use std::task::{Context, Poll};

use tokio::sync::mpsc::Receiver;
use websocket_core::connection::Outgoing;

use crate::input::{self, Piece};
use crate::lines::{LONGEST, Lines};
use crate::message::{Form, message};

/// What is to be sent.
pub enum Source {
    /// The lines of stdin, as they come.
    Lines(Input),
    /// These messages, each after the answer to that before.
    Messages(VecDeque<Outgoing>),
}

/// What comes next.
pub enum Next {
    /// This message.
    Message(Outgoing),
    /// Something that has not arrived yet.
    Later,
    /// Nothing.
    End,
    /// A line that is no message. Lines may follow.
    Unusable(String),
    /// The input cannot be read any further.
    Broken(String),
}

/// The lines of stdin.
pub struct Input {
    form: Form,
    lines: Lines,
    /// Present while stdin is read.
    pieces: Option<Receiver<Piece>>,
    failure: Option<String>,
}

impl Input {
    /// Makes the input; [`Source::start`] begins to read it.
    pub fn new(form: Form) -> Input {
        Input { form, lines: Lines::default(), pieces: None, failure: None }
    }

    fn next(&mut self) -> Next {
        if let Some(failure) = self.failure.take() {
            return Next::Broken(failure);
        }
        match self.lines.take() {
            Ok(Some(line)) => match message(self.form, line) {
                Ok(message) => Next::Message(message),
                Err(text) => Next::Unusable(format!("line {} {text}", self.lines.number())),
            },
            Ok(None) if self.pieces.is_some() => Next::Later,
            Ok(None) => Next::End,
            Err(_) => Next::Broken(format!("line {} has more than {LONGEST} bytes, the limit", self.lines.number())),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(pieces) = &mut self.pieces else { return Poll::Pending };
        match pieces.poll_recv(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Piece::Bytes(bytes))) => {
                self.lines.push(&bytes);
                return Poll::Ready(());
            }
            Poll::Ready(Some(Piece::Failed(error))) => self.failure = Some(format!("stdin cannot be read: {error}")),
            Poll::Ready(Some(Piece::End) | None) => {}
        }
        self.pieces = None;
        self.lines.end();
        Poll::Ready(())
    }
}

impl Source {
    /// Begins to read, once the connection is open.
    ///
    /// # Errors
    /// The system refuses the thread that reads.
    pub fn start(&mut self) -> io::Result<()> {
        if let Source::Lines(input) = self {
            input.pieces = Some(input::read()?);
        }
        Ok(())
    }

    /// Takes what comes next.
    pub fn next(&mut self) -> Next {
        match self {
            Source::Lines(input) => input.next(),
            Source::Messages(messages) => messages.pop_front().map_or(Next::End, Next::Message),
        }
    }

    /// Is ready when more has arrived. If nothing has, registers the host to be woken.
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Source::Lines(input) => input.poll_read(cx),
            Source::Messages(_) => Poll::Pending,
        }
    }
}
