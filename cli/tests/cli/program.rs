//! Runs the program with pipes in place of a terminal.
//!
//! Comes in: arguments and lines for its stdin. Goes out: the lines that it prints, and how it ended, each with a
//! deadline. A program that a test leaves behind is killed.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::support::PATIENCE;
use super::support::peer::{Peer, close};

/// The program that Cargo has built for the tests.
pub const PATH: &str = env!("CARGO_BIN_EXE_websocket");

/// A program that runs.
pub struct Program {
    pub child: Child,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
}

/// How a program has ended, with all that it printed and that no test has taken before.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    pub status: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Makes the command, without a proxy that the environment of the tests may name.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Program {
    /// Starts the client.
    pub fn start(arguments: &[&str]) -> Program {
        Program::spawn(command(PATH).args(arguments))
    }

    /// Starts a command.
    pub fn spawn(command: &mut Command) -> Program {
        let mut child = command.spawn().unwrap();
        let stdout = lines(child.stdout.take().unwrap());
        let stderr = lines(child.stderr.take().unwrap());
        Program { child, stdout, stderr }
    }

    /// Runs the client with this input to its end.
    pub fn run(arguments: &[&str], input: &[u8]) -> Ended {
        let mut program = Program::start(arguments);
        program.write(input);
        program.end()
    }

    /// Writes to its stdin.
    pub fn write(&mut self, bytes: &[u8]) {
        // The program may have ended before it has read anything.
        let _ = self.child.stdin.as_mut().unwrap().write_all(bytes);
    }

    /// Waits for the next line of its stdout.
    pub fn line(&self) -> String {
        next(&self.stdout)
    }

    /// Waits for the next line of its stderr.
    pub fn note(&self) -> String {
        next(&self.stderr)
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -s {name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Sends a signal once a line of its stderr contains a text.
    pub fn signal_after(&self, text: &str, name: &str) {
        while !self.note().contains(text) {}
        self.signal(name);
    }

    /// Ends its input and waits for its end.
    pub fn end(mut self) -> Ended {
        drop(self.child.stdin.take());
        self.wait()
    }

    /// Waits for its end, and leaves its input open.
    pub fn wait(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the program does not end");
            thread::sleep(Duration::from_millis(2));
        };
        let rest = |lines: &Receiver<Vec<u8>>| String::from_utf8(lines.iter().flatten().collect()).unwrap();
        Ended { status: status.code(), signal: status.signal(), stdout: rest(&self.stdout), stderr: rest(&self.stderr) }
    }
}

/// Sends frames and a Close with this code, takes the answer, and ends the stream.
pub fn close_with(mut peer: Peer, frames: &[u8], code: u16) {
    peer.say(&[frames, &close(code, "")].concat());
    assert_eq!(peer.hear_close().0, code);
}

/// Takes a Close with this code, answers it after these frames, and ends the stream.
pub fn answer_close(mut peer: Peer, code: u16, frames: &[u8]) {
    assert_eq!(peer.hear_close().0, code);
    peer.say(&[frames, &close(code, "")].concat());
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// The end without an error.
    pub fn well(stdout: &str) -> Ended {
        Ended { status: Some(0), signal: None, stdout: stdout.to_owned(), stderr: String::new() }
    }

    /// The end with a status and a text about it.
    pub fn badly(status: i32, stdout: &str, stderr: &str) -> Ended {
        Ended {
            status: Some(status),
            signal: None,
            stdout: stdout.to_owned(),
            stderr: format!("websocket: {stderr}\n"),
        }
    }
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        loop {
            let mut line = Vec::new();
            match stream.read_until(b'\n', &mut line) {
                Ok(1..) if sender.send(line).is_ok() => {}
                _ => return,
            }
        }
    });
    receiver
}

fn next(lines: &Receiver<Vec<u8>>) -> String {
    let line = lines.recv_timeout(PATIENCE).expect("a line comes before the test's deadline");
    String::from_utf8(line).unwrap().trim_end_matches(['\r', '\n']).to_owned()
}
