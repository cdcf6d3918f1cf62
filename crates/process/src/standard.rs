//! Standard input and output, or an error if whoever started the program closed them.
//!
//! Before `main`, Rust's runtime opens /dev/null in place of a closed descriptor 0, 1 or 2, so that reads are
//! empty and writes vanish. The state before that is only seen by a function that the loader calls earlier.
#![allow(unsafe_code, reason = "a function in the list that the loader calls")]

use std::io::{Error as IoError, Stdin, Stdout, stdin, stdout};
use std::sync::atomic::{AtomicBool, Ordering};

use lab_codec::{Error, Result};

static CLOSED: [AtomicBool; 2] = [const { AtomicBool::new(false) }; 2];

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

#[cfg(target_os = "macos")]
#[used]
#[unsafe(link_section = "__DATA,__mod_init_func")]
static LOOK: extern "C" fn() = look;

#[cfg(unix)]
extern "C" fn look() {
    for (descriptor, closed) in CLOSED.iter().enumerate() {
        // SAFETY: F_GETFD takes any number and changes nothing; on a closed descriptor it fails with EBADF.
        let flags = unsafe { libc::fcntl(descriptor as i32, libc::F_GETFD) };
        closed.store(flags == -1, Ordering::Relaxed);
    }
}

fn check(descriptor: usize, name: &str) -> Result<()> {
    if CLOSED[descriptor].load(Ordering::Relaxed) {
        return Err(Error::from(IoError::other(format!("standard {name} is closed"))));
    }
    Ok(())
}

/// Standard input.
///
/// # Errors
/// I/O error if it was closed when the program started.
pub fn input() -> Result<Stdin> {
    check(0, "input").map(|()| stdin())
}

/// Standard output.
///
/// # Errors
/// I/O error if it was closed when the program started.
pub fn output() -> Result<Stdout> {
    check(1, "output").map(|()| stdout())
}
