//! Limits the memory and the CPU time of a piece of work. What the fuzzer and a sanitizer need is not counted, nor the
//! time that other processes take on a busy machine.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// Bytes that one execution may have in use.
const MOST_MEMORY: usize = 64 * 1024 * 1024;
/// CPU time that one execution may take.
const MOST_TIME: Duration = Duration::from_secs(1);

#[global_allocator]
static COUNTING: Counting = Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The highest memory in KiB and the highest time in milliseconds that were printed so far.
static PRINTED: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

/// Runs one execution, and panics if it took more than 64 MiB or 1 s. Prints values that are much higher than before.
pub fn bounded(work: impl FnOnce()) {
    let before = cpu_time();
    let ((), memory) = measure(work);
    let time = cpu_time() - before;
    assert!(memory <= MOST_MEMORY, "{memory} bytes in use, limit {MOST_MEMORY}");
    assert!(time <= MOST_TIME, "{time:?} of CPU time, limit {MOST_TIME:?}");
    let cost = [memory / 1024, time.as_millis() as usize];
    if PRINTED.iter().zip(cost).any(|(printed, now)| now > printed.load(Relaxed) * 5 / 4 + 4) {
        let [memory, time] = [0, 1].map(|at| PRINTED[at].fetch_max(cost[at], Relaxed).max(cost[at]));
        eprintln!("at most so far: {memory} KiB in use, {time} ms");
    }
}

/// Runs `work`, and panics if it had more than `most` bytes in use in addition to those from before.
pub fn within<T>(most: usize, work: impl FnOnce() -> T) -> T {
    let (result, memory) = measure(work);
    assert!(memory <= most, "{memory} bytes in use, limit {most}");
    result
}

/// Runs `work`, and returns its result and the most bytes that it had in use at one time.
fn measure<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = IN_USE.load(Relaxed);
    let outer = PEAK.swap(before, Relaxed);
    let result = work();
    (result, PEAK.fetch_max(outer, Relaxed) - before)
}

/// Returns the CPU time of this thread.
fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes only to `time`, which is valid.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The allocator of the system, which also counts the bytes in use. Only one thread of a fuzz target matters.
struct Counting;

impl Counting {
    fn add(size: usize) {
        PEAK.fetch_max(IN_USE.fetch_add(size, Relaxed) + size, Relaxed);
    }
}

// SAFETY: every call is passed on unchanged to the allocator of the system.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Counting::add(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Counting::add(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Counting::add(size);
        IN_USE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.realloc(block, layout, size) }
    }
}
