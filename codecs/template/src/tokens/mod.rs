//! Grammars as token streams: depth-first, each rule defined inline where it is first used, so that a
//! decoder needs no table in advance and writes its output as it reads.
//!
//! A token is a byte, the number of a complete rule, or NEW: the definition of a rule, whose right-hand side
//! follows and which gets its number when that is complete. A coder turns tokens into bytes. [`rans`] uses
//! adaptive models, [`mix`] mixes contexts, and [`raw`] lays tokens out for a general compressor that follows
//! in the chain. [`packed`] stores rules by length instead, so that a reader finds any offset, and yields the
//! same tokens.

pub mod bytes;
pub mod expand;
mod lists;
pub mod mix;
mod model;
pub mod packed;
pub mod rans;
pub mod raw;
pub mod walk;
