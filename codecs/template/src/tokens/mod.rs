//! Grammars as token streams: depth-first, each rule defined inline where it is first used, so that a
//! decoder needs no table in advance and writes its output as it reads.
//!
//! A token is a byte, the number of a rule that is already complete, or NEW: the definition of a rule, whose
//! right-hand side follows, and which gets its number when that is complete. How tokens become bytes is the
//! business of a coder: [`rans`] codes them with adaptive models, [`mix`] with mixed ones, [`raw`] lays them out for a
//! general compressor that follows in the chain. [`packed`] writes rules by length instead, so that any place can be
//! found, and is read in the order of tokens.

pub mod bytes;
pub mod expand;
mod lists;
pub mod mix;
mod model;
pub mod packed;
pub mod rans;
pub mod raw;
pub mod walk;
