//! Ends the program in order when the system has no more memory.
//!
//! Rust's own answer is an abort: no exit code, a message for programmers, and temporary files that stay. The
//! stable language has no hook for it, so the allocator itself ends the program, unless the caller says that
//! it handles the failure ([`lab_codec::reserve`]).
#![allow(unsafe_code, reason = "an allocator is unsafe to implement")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Cursor, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// The system's allocator for `#[global_allocator]`.
#[derive(Debug)]
pub struct Orderly;

static CLEAN_UP: OnceLock<fn()> = OnceLock::new();
static ENDING: AtomicBool = AtomicBool::new(false);

/// Sets what is done before the program ends, such as removing temporary files. It should not allocate.
pub fn before_end(clean_up: fn()) {
    // The first one stays.
    let _ = CLEAN_UP.set(clean_up);
}

// SAFETY: every call is passed on to the system's allocator with the same arguments, so its guarantees hold.
// A null result is passed back too, or the program ends.
unsafe impl GlobalAlloc for Orderly {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`.
        checked(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        checked(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `realloc`.
        checked(unsafe { System.realloc(block, layout, size) }, size)
    }
}

fn checked(block: *mut u8, size: usize) -> *mut u8 {
    if block.is_null() && !lab_codec::is_fallible() {
        // While the program ends, what cannot be had is not needed.
        if ENDING.swap(true, Ordering::Relaxed) {
            return block;
        }
        end(size);
    }
    block
}

/// Exit code of a limit.
const LIMIT: i32 = 5;

#[cold]
fn end(size: usize) -> ! {
    let mut line = [0; 120];
    let mut text = Cursor::new(&mut line[..]);
    // Cannot fail: the line is long enough.
    let _ = writeln!(text, "lab: no memory for {size} bytes more; use fewer threads or smaller segments");
    let length = text.position() as usize;
    // Neither a lock nor an allocation: another thread may hold standard error.
    let _ = rustix::io::write(rustix::stdio::stderr(), &line[..length]);
    crate::end_all();
    if let Some(clean_up) = CLEAN_UP.get() {
        clean_up();
    }
    // SAFETY: ends the process; runs nothing else of the program.
    unsafe { libc::_exit(LIMIT) }
}
