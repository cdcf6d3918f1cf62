//! Matroska (RFC 9559, on EBML, RFC 8794): tracks, their blocks, and attachments.

mod block;
mod element;
mod ids;
mod read;
mod write;

pub use block::Block;
pub use read::{Attachment, Contents, File, Track, scan};
pub use write::{Sample, TrackPlan, Writer};

/// Track types.
pub mod track_type {
    /// Video frames.
    pub const VIDEO: u64 = 1;
    /// Data that players skip.
    pub const METADATA: u64 = 33;
}

#[cfg(test)]
mod tests;
