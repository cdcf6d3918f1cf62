//! Coverage: which branches an execution took, from counters that the compiler can add to every crate.
//!
//! `scripts/fuzz --coverage` builds with LLVM's SanitizerCoverage pass, which stable Rust accepts
//! (`-C passes=sancov-module`). Each module then registers its 8-bit counters here before `main`. Without the
//! pass nothing registers, and the driver mutates the seeds alone.
// The counters are plain memory that compiled code increments; reading it needs a raw pointer.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

static START: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
static LENGTH: AtomicUsize = AtomicUsize::new(0);

/// Registers the counters of the program. The linker joins those of all modules into one section, so every
/// call names the same range.
///
/// # Safety
/// Called by LLVM's module constructors only, with the ends of a section that lives as long as the program.
#[unsafe(no_mangle)]
unsafe extern "C" fn __sanitizer_cov_8bit_counters_init(start: *mut u8, stop: *mut u8) {
    START.store(start, Ordering::Relaxed);
    LENGTH.store(stop.addr() - start.addr(), Ordering::Relaxed);
}

/// What all executions so far have reached.
#[derive(Debug)]
pub struct Coverage {
    /// One set of [`bucket`]s for each counter.
    seen: Vec<u8>,
}

impl Coverage {
    /// Nothing reached yet; `None` if the build has no counters.
    pub fn new() -> Option<Self> {
        let length = LENGTH.load(Ordering::Relaxed);
        (length > 0).then(|| Self { seen: vec![0; length] })
    }

    /// Sets all counters to zero, before an execution.
    pub fn reset(&mut self) {
        // SAFETY: the range was registered by the module constructors and lives as long as the program. No
        // reference to it exists; other threads may count at the same time, and such a count may be lost.
        unsafe { START.load(Ordering::Relaxed).write_bytes(0, self.seen.len()) }
    }

    /// Adds the counters of an execution; returns whether it took a branch more, or in another number of
    /// times, than all before it.
    pub fn add(&mut self) -> bool {
        let start = START.load(Ordering::Relaxed);
        let mut new = false;
        for (at, seen) in self.seen.iter_mut().enumerate() {
            // SAFETY: as in `reset`; `at` is less than the length of the range. Volatile, because code that
            // the compiler does not see here writes it.
            let count = unsafe { start.add(at).read_volatile() };
            let bucket = bucket(count);
            new |= *seen & bucket != bucket;
            *seen |= bucket;
        }
        new
    }

    /// The number of branches reached.
    pub fn branches(&self) -> usize {
        self.seen.iter().filter(|seen| **seen != 0).count()
    }
}

/// A count as one of eight bits: 1, 2, 3, up to 7, 15, 31, 127, more. A loop that runs a little longer is
/// nothing new.
fn bucket(count: u8) -> u8 {
    match count {
        0 => 0,
        1 => 1,
        2 => 2,
        3 => 4,
        4..=7 => 8,
        8..=15 => 16,
        16..=31 => 32,
        32..=127 => 64,
        128.. => 128,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_fall_into_eight_buckets() {
        let buckets: std::collections::BTreeSet<u8> = (1..=255).map(bucket).collect();
        assert_eq!(buckets.len(), 8);
        assert_eq!(bucket(0), 0);
        assert!((1..255).all(|count| bucket(count) <= bucket(count + 1)));
    }
}
