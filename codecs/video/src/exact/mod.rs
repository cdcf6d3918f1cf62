//! The profile `exact`: payload bytes are pixels, stored as H.264 I_PCM macroblocks.
//!
//! Every frame is an intra picture of its own: a 256-byte [`Header`](header::Header) and payload, whitened
//! by a fixed sequence, fill the macroblocks in raster order; macroblocks that are left over are predicted
//! from their neighbours and cost about one byte each. Any decoder returns the samples bit-exactly, so the
//! stream survives every lossless copy: re-muxing, renaming, stripped metadata, added, repeated or reordered
//! frames. It does not survive a re-encode.
//!
//! The byte-exact rules are in `docs/formats/video-exact.md`.

pub mod emulation;
pub mod frame;
pub mod h264;
pub mod header;
mod index;
pub mod kernel;
mod reader;
pub mod size;
pub mod whiten;
mod writer;

pub use reader::Reader;
pub use writer::Writer;

/// The carrier `video` with the profile `exact`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Exact;

/// Bytes that one macroblock holds: 16x16 luma samples, then 8x8 Cb, then 8x8 Cr (4:2:0, 8 bits).
pub const MB_BYTES: usize = 384;

/// Bytes at the start of every frame that are header, not payload.
pub const HEADER_BYTES: usize = 256;

/// Payload bytes in the first macroblock, behind the header.
pub const FIRST_MB_PAYLOAD: usize = MB_BYTES - HEADER_BYTES;

/// Upper bound of the memory of a writer in bytes: one frame of payload and one coded frame.
pub const WRITER_MEMORY: u64 = 9 << 20;

/// Upper bound of the memory of a reader with one thread in bytes, beside the sample index: one decoded
/// frame and one piece of coded data.
pub const READER_MEMORY: u64 = 8 << 20;
