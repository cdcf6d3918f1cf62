//! Containers: reads and writes Matroska and MP4, and finds the samples of an H.264 track.
//!
//! Readers trust nothing: they check every size against the file before they follow or allocate it. Samples
//! outside the file are skipped.

// The bytes are foreign: a size that loses bits could pass a check that the full value fails.
#![deny(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)]

mod h264;
pub mod matroska;
pub mod mp4;
mod read_at;
mod samples;

pub use h264::{Kind, read_index};
pub use read_at::{OpenFile, ReadAt};
pub use samples::{Sample, Track};
