//! Bounds the memory that a piece of work may have in use at once, whatever the fuzzer itself and a sanitizer hold.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What one execution may have in use, in bytes.
pub const MOST: usize = 64 * 1024 * 1024;

#[global_allocator]
static COUNTING: Counting = Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// Runs `work`, and panics where it had more than `most` bytes in use beside those from before.
pub fn within<T>(most: usize, work: impl FnOnce() -> T) -> T {
    let before = IN_USE.load(Relaxed);
    let outer = PEAK.swap(before, Relaxed);
    let result = work();
    let peak = PEAK.fetch_max(outer, Relaxed);
    assert!(peak - before <= most, "{} bytes in use, limit {most}", peak - before);
    result
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
