//! The one driver of child processes: ffmpeg, git, and the commands that users configure.
//!
//! [`command`] finds a program on PATH, [`run`] starts it with one piece of input and takes its output, and [`Child`]
//! streams through a child that lives long. Each child leads a process group of its own. The group is killed and the
//! child reaped on success, failure, cancellation, a panic that unwinds, and by [`end_all`] before the process exits.
//! Errors carry the end of the child's standard error.
//!
//! If this process is killed by SIGKILL, its children see closed pipes but no signal: Linux can send one
//! (`PR_SET_PDEATHSIG`), but asking for it between fork and exec takes unsafe code. A descendant that starts a session
//! of its own leaves the group and is not killed.

mod child;
mod clock;
mod group;
mod program;
mod run;
mod stderr;

pub use child::{Child, Pieces, Pipes, Waited};
pub use clock::{Limits, STALL, seconds, stall};
pub use group::end_all;
pub use program::{command, find};
pub use run::{Job, run};
pub use stderr::StderrTail;
