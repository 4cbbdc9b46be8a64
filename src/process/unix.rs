//! Unix: detects forks, keeps signals off our threads and out of our writes, and reads the limit of the size of files.

#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};

use once_cell::sync::OnceCell;

/// The flag that keeps a write to a socket whose peer has gone from raising SIGPIPE, which a Lua host does not ignore.
/// Apple's systems have no such flag, but the option SO_NOSIGPIPE, which mio sets.
#[cfg(not(target_vendor = "apple"))]
pub const WITHOUT_SIGNAL: i32 = libc::MSG_NOSIGNAL;
#[cfg(target_vendor = "apple")]
pub const WITHOUT_SIGNAL: i32 = 0;

static FORKED_CHILD: AtomicBool = AtomicBool::new(false);

/// Registers, once, a handler that notes in the child of every later fork that it is one.
///
/// # Errors
/// The system has no memory for the handler.
pub fn watch_forks() -> io::Result<()> {
    static WATCHED: OnceCell<()> = OnceCell::new();

    extern "C" fn in_child() {
        FORKED_CHILD.store(true, Ordering::Relaxed);
    }

    WATCHED
        .get_or_try_init(|| {
            // SAFETY: the handler only stores to an atomic, which is allowed in the child of a threaded process, and it
            // stays mapped: see `stay_mapped`.
            match unsafe { libc::pthread_atfork(None, None, Some(in_child)) } {
                0 => Ok(()),
                error => Err(io::Error::from_raw_os_error(error)),
            }
        })
        .copied()
}

/// Returns whether this process is the child of a fork that came after [`watch_forks`]. The parent's threads do not
/// exist there, and their locks may stay locked for ever, so nothing shared may be touched.
pub fn is_forked_child() -> bool {
    FORKED_CHILD.load(Ordering::Relaxed)
}

/// Keeps this module in memory until the process ends, because our threads run in it longer than a Lua state lives. On
/// Unix the linker has arranged that: `build.rs` passes `-z nodelete`. macOS has no such flag, but never unloads a library
/// that has thread-local variables, as Rust's standard library has them.
///
/// # Errors
/// None on Unix.
pub fn stay_mapped() -> io::Result<()> {
    Ok(())
}

/// Runs `start` with all signals blocked on this thread. A thread that it starts inherits that, and so do the threads
/// which that one starts: none of them ever handles a signal that is meant for the host.
pub fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    struct Restore(libc::sigset_t);
    impl Drop for Restore {
        fn drop(&mut self) {
            // SAFETY: the set was filled by pthread_sigmask; a null pointer asks for no old mask.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, std::ptr::null_mut()) };
        }
    }

    let mut all = MaybeUninit::uninit();
    let mut old = MaybeUninit::uninit();
    // SAFETY: sigfillset initialises `all`, and pthread_sigmask `old`; with valid pointers and SIG_SETMASK neither
    // fails.
    let _restore = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), old.as_mut_ptr());
        Restore(old.assume_init())
    };
    start()
}

/// Returns the size in bytes beyond which this process may not write to a file: the system answers a write there by the
/// signal SIGXFSZ, which ends a process that does not handle it. `None` if there is no such limit.
pub fn max_file_size() -> Option<u64> {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: getrlimit gets a valid pointer, and fills the structure unless it fails.
    let limit = unsafe {
        match libc::getrlimit(libc::RLIMIT_FSIZE, limit.as_mut_ptr()) {
            0 => limit.assume_init(),
            _ => return None,
        }
    };
    (limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}
