//! What this process has used: processor time and memory.
//!
//! Comes in: nothing. Goes out: seconds of user and system time of all threads, and KiB of anonymous resident memory.

use std::time::Duration;
use std::{fs, mem};

/// Returns the user and system time of this process.
#[allow(unsafe_code)]
pub fn cpu() -> Duration {
    // SAFETY: a `rusage` consists of integers, for which zeros are valid, and the call writes only into it.
    let usage = unsafe {
        let mut usage: libc::rusage = mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    [usage.ru_utime, usage.ru_stime]
        .iter()
        .map(|time| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000))
        .sum()
}

/// Returns the anonymous resident memory of this process in KiB, or 0 where Linux's `/proc` is missing.
pub fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}
