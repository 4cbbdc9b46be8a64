//! Windows: Ctrl-C and Ctrl-Break, which end a program with the same status.

use std::io;
use std::process;
use std::thread;

use tokio::runtime::Builder;
use tokio::signal::windows::{ctrl_break, ctrl_c};
use tokio::sync::mpsc::{Receiver, channel};

/// The number of Ctrl-C, as C has it.
const SIGINT: i32 = 2;

/// The exit status of a program that Ctrl-C has ended, STATUS_CONTROL_C_EXIT.
const ENDED_BY_CTRL_C: u32 = 0xC000_013A;

/// Begins to hear signals.
///
/// # Errors
/// The system refuses the handlers or the thread.
pub fn hear() -> io::Result<Receiver<i32>> {
    let (mut ctrl_c, mut ctrl_break) = (ctrl_c()?, ctrl_break()?);
    let runtime = Builder::new_current_thread().build()?;
    let (sender, receiver) = channel(1);
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            let mut is_first = true;
            loop {
                tokio::select! {
                    _ = ctrl_c.recv() => {}
                    _ = ctrl_break.recv() => {}
                }
                if !is_first {
                    end_by(SIGINT);
                }
                is_first = false;
                // It takes one, and there is one only.
                let _ = sender.try_send(SIGINT);
            }
        });
    })?;
    Ok(receiver)
}

/// Ends the process as Ctrl-C does where nobody handles it.
pub fn end_by(_: i32) {
    process::exit(ENDED_BY_CTRL_C.cast_signed());
}
