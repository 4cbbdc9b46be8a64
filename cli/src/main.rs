//! The command-line client: connects, prints what arrives, and sends the lines that are typed.
//!
//! Reading order: `arguments`, `message`, `lines`, `input`, `source` and `signals` (what comes in), `json` and `screen`
//! (what goes out), `session` (the conversation), `outcome` and `status` (how it ended), and `listen`, the echo server.

mod arguments;
mod input;
mod json;
mod lines;
mod listen;
mod message;
mod outcome;
mod screen;
mod session;
mod signals;
mod source;
mod status;

use std::io::{self, Write};
use std::process::ExitCode;

use self::arguments::Command;
use self::screen::note;
use self::status::Status;

fn main() -> ExitCode {
    let command = match arguments::parse(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(text) => {
            note(&text);
            return Status::Usage.into();
        }
    };
    let status = match command {
        Command::Help => print(include_str!("usage.txt")),
        Command::Version => print(concat!("websocket ", env!("CARGO_PKG_VERSION"), "\n")),
        Command::Listen(address) => listen::serve(address).map_or_else(
            |error| {
                note(&format!("cannot serve at {address}: {error}"));
                Status::Failed
            },
            |()| Status::Done,
        ),
        Command::Connect(connect) => session::run(*connect),
    };
    status.into()
}

/// Prints a text. If nobody reads it, nothing is left to do.
fn print(text: &str) -> Status {
    let _ = io::stdout().write_all(text.as_bytes());
    Status::Done
}
