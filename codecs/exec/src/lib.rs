//! Runs external commands as codecs.
//!
//! `exec:NAME` runs the argument vector in table `[exec.NAME]` of the user's configuration file, without a
//! shell, with limits on time and output. A stream stores only the name, so a file cannot make anyone run a
//! command that they have not configured themselves.

mod codec;
mod config;

pub use codec::EXEC;
