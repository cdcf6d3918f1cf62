//! The `.lab` stream: header, segments, repeated header, index, trailer.
//!
//! docs/formats/lab.md specifies the bytes. Every structure has its own CRC32C, and every segment has
//! checksums of its stored and raw bytes. The trailer has the SHA-256 of the whole content.

// The bytes are foreign: a length that loses bits could pass a check that the full value fails.
#![deny(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)]

mod fields;
mod header;
mod index;
mod joined;
mod reader;
mod salvage;
mod segment;
mod sequence;
mod trailer;
mod writer;

pub use header::Header;
pub use index::{Index, IndexEntry};
pub use joined::{pieces, streams};
pub use reader::{Reader, trailer_of};
pub use salvage::{Salvaged, scan};
pub use segment::SegmentHeader;
pub use sequence::{Ending, Feed, Sequence, Stored};
pub use trailer::{LEN as TRAILER_LEN, Trailer};
pub use writer::Writer;

/// The first bytes of a stream.
pub const MAGIC: [u8; 8] = *b"\x89LAB\r\n\x1a\n";
/// The first bytes of a segment.
pub const SEGMENT_MARK: [u8; 8] = *b"\x8bSEG\x9e\x1f\xd3\xc6";
/// The first bytes of the index.
pub const INDEX_MARK: [u8; 8] = *b"\x8bIDX\xa4\x07\xe9\x5b";
/// The first bytes of the trailer.
pub const TRAILER_MARK: [u8; 8] = *b"\x8bEND\xb2\xc8\x31\x7d";
/// Version of the stream format that this crate reads and writes.
pub const VERSION: u8 = 1;

#[cfg(test)]
mod tests;
