//! Corpora: directories of samples, manifests that describe them, generators, and built-in samples.
//!
//! The nearest `manifest.json` of a directory, in it or in a parent, applies to it. A listed file is a sample
//! in its original form, whatever its stored form; loading verifies it against the manifest's digest. An
//! unlisted file is a plain sample.

pub mod builtin;
mod discover;
#[cfg(feature = "fetch")]
pub mod fetch;
pub mod generate;
pub mod list;
pub mod manifest;
pub mod published;
pub mod rows;
mod sample;
mod unpack;
pub mod verify;

pub use discover::{Found, discover, survey};
pub use manifest::{Listed, Manifest, StoredAs};
pub use sample::Sample;

#[cfg(test)]
mod test_support;
