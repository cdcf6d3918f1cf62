//! `lab`: plug codecs in, chain them, run them on real corpora, verify to the byte, measure honestly.
//!
//! This crate is the command: one file per subcommand, and the [`registry`] of what ships. The work is done
//! by `lab_stream` and the other crates. An out-of-tree codec joins by a registry of its own and
//! [`run_cli`].

// Helpers that only some commands use are idle where the features of these are off.
#![cfg_attr(not(feature = "full"), allow(dead_code))]

mod command;
mod progress;
pub mod registry;

pub use command::run_cli;

// The example of the contributors' page, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../CONTRIBUTING.md")]
struct Contributing;
