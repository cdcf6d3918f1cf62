//! Containers: Matroska and MP4, read and written, and where the samples of an H.264 track lie in a file.
//!
//! Readers trust nothing: every size is checked against the file before it is followed or allocated, and
//! samples that lie outside the file are left out.

mod h264;
pub mod matroska;
pub mod mp4;
mod read_at;
mod samples;

pub use h264::{Kind, read_index};
pub use read_at::{OpenFile, ReadAt};
pub use samples::{Sample, Track};
