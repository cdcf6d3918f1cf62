//! Runs all child processes: ffmpeg, git, and the commands that users configure.
//!
//! [`command`] finds a program on PATH, [`run`] runs it from an input slice to an output vector, and
//! [`Child`] streams through a long-lived child. Each child leads its own process group. The group is killed
//! and the child reaped on success, failure, cancellation, an unwinding panic, and by [`end_all`] before the
//! process exits. Errors include the end of the child's standard error.
//!
//! If this process is killed by SIGKILL, its children see closed pipes but get no signal: Linux can send one
//! (`PR_SET_PDEATHSIG`), but requesting it between fork and exec takes unsafe code. A descendant that starts
//! its own session leaves the group and is not killed.
//!
//! [`standard`] tells whether this process has a standard input and output at all.

mod child;
mod clock;
mod group;
#[cfg(unix)]
pub mod memory;
mod program;
mod run;
pub mod standard;
mod stderr;

pub use child::{Child, Pieces, Pipes, Waited};
pub use clock::{Limits, STALL, seconds, stall};
pub use group::end_all;
pub use program::{command, find};
pub use run::{Job, run, succeeds};
pub use stderr::StderrTail;
