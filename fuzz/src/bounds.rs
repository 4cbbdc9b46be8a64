//! Bounds what a piece of work costs, whatever the fuzzer and a sanitizer take beside it: memory in use at once, and
//! the processor's time, which on a busy machine is not that of the clock.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// What one execution may have in use, in bytes.
const MOST_MEMORY: usize = 64 * 1024 * 1024;
/// What one execution may take.
const MOST_TIME: Duration = Duration::from_secs(1);

#[global_allocator]
static COUNTING: Counting = Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The most that was told so far, in KiB and in milliseconds.
static TOLD: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

/// Runs one execution, and panics where it took more than 64 MiB or 1 s. What is much more than before is told.
pub fn bounded(work: impl FnOnce()) {
    let before = processor_time();
    let ((), memory) = measure(work);
    let time = processor_time() - before;
    assert!(memory <= MOST_MEMORY, "{memory} bytes in use, limit {MOST_MEMORY}");
    assert!(time <= MOST_TIME, "{time:?} of the processor's time, limit {MOST_TIME:?}");
    let cost = [memory / 1024, time.as_millis() as usize];
    if TOLD.iter().zip(cost).any(|(told, now)| now > told.load(Relaxed) * 5 / 4 + 4) {
        let [memory, time] = [0, 1].map(|at| TOLD[at].fetch_max(cost[at], Relaxed).max(cost[at]));
        eprintln!("at most so far: {memory} KiB in use, {time} ms");
    }
}

/// Runs `work`, and panics where it had more than `most` bytes in use beside those from before.
pub fn within<T>(most: usize, work: impl FnOnce() -> T) -> T {
    let (result, memory) = measure(work);
    assert!(memory <= most, "{memory} bytes in use, limit {most}");
    result
}

/// Runs `work`, and returns how many bytes it had in use at once.
fn measure<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = IN_USE.load(Relaxed);
    let outer = PEAK.swap(before, Relaxed);
    let result = work();
    (result, PEAK.fetch_max(outer, Relaxed) - before)
}

/// Returns the time that this thread has had of the processor.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes to the place it is given, and nowhere else.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The system's allocator, with a count of what is in use. A fuzz target has one thread that matters.
struct Counting;

impl Counting {
    fn add(size: usize) {
        PEAK.fetch_max(IN_USE.fetch_add(size, Relaxed) + size, Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator as it came.
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
