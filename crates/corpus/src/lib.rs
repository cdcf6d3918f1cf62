//! Corpora: directories of samples, manifests that say what their files are, generators, built-in samples.
//!
//! A directory's nearest `manifest.json`, in it or in a parent, applies to it. A listed file is a sample in
//! its original form, whatever form it is stored in, and is checked against the manifest's digest when it is
//! loaded; a file that is not listed is a plain sample.

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
