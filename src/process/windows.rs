//! Windows: keeps the module in memory. There are no forks here, and no signals that a thread could take.

#![allow(unsafe_code)]

use std::io;
use std::ptr;

use windows_sys::Win32::System::LibraryLoader::{
    GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW,
};

/// No write to a socket raises a signal, so none needs a flag.
pub const WITHOUT_SIGNAL: i32 = 0;

/// There is no fork to watch.
///
/// # Errors
/// None on Windows.
pub fn watch_forks() -> io::Result<()> {
    Ok(())
}

/// Returns false: a process has no child that shares its memory.
pub fn is_forked_child() -> bool {
    false
}

/// Keeps this module in memory until the process ends, because our threads run in it longer than a Lua state lives, and
/// `lua_close` frees the libraries that the state has loaded.
///
/// # Errors
/// The system does not know this module.
pub fn stay_mapped() -> io::Result<()> {
    let flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN;
    let here: fn() -> io::Result<()> = stay_mapped;
    let mut module = ptr::null_mut();
    // SAFETY: with this flag the second argument is an address in the module that is wanted, and `module` can be
    // written.
    match unsafe { GetModuleHandleExW(flags, here as *const u16, &mut module) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Runs `start`.
pub fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    start()
}

/// Returns `None`: the system has no such limit for a process.
pub fn max_file_size() -> Option<u64> {
    None
}
