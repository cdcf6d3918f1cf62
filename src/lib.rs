//! `lab`: plug codecs in, chain them, run them on real corpora, verify to the byte, measure honestly.
//!
//! The data path is one straight line, and the modules show it:
//!
//! ```text
//! input -> segments -> codec, codec, ... -> .lab stream -> carrier -> medium
//! medium -> carrier -> .lab stream -> codec, codec, ... -> output, SHA-256 checked
//! ```
//! [`chain`] parses the chain text, [`pipeline`] applies it to a segment, [`encode`] and [`decode`] drive
//! segments through [`container`] and a carrier. An out-of-tree codec joins by a registry of its own and
//! [`run_cli`].

mod command;
mod progress;
pub mod registry;

pub use command::run_cli;

// The example of the contributors' page, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../CONTRIBUTING.md")]
struct Contributing;
