//! Any command as a codec.
//!
//! `exec:NAME` runs what the user's configuration file lists under `[exec.NAME]`: an argument vector, without a shell,
//! with a limit on time and on output. A stream holds nothing but the name, so a file can never make anyone run
//! anything that they have not written down themselves.

mod codec;
mod config;

pub use codec::EXEC;
