//! Unix: SIGINT and SIGTERM. SIGHUP keeps its meaning, because `nohup` makes it none, which a handler would undo.

use std::ffi::c_int;
use std::io;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use tokio::sync::mpsc::{Receiver, channel};

/// Begins to hear signals.
///
/// # Errors
/// The system refuses the handlers or the thread.
pub fn hear() -> io::Result<Receiver<c_int>> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let (sender, receiver) = channel(1);
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut is_first = true;
        for signal in signals.forever() {
            if !is_first {
                end_by(signal);
            }
            is_first = false;
            let _ = sender.blocking_send(signal);
        }
    })?;
    Ok(receiver)
}

/// Ends the process as a signal does that nobody handles, so that a shell sees why it ended.
pub fn end_by(signal: c_int) {
    // It returns only where the signal is one that cannot be handled.
    let _ = emulate_default_handler(signal);
}
