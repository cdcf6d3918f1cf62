//! Matroska (RFC 9559, on EBML, RFC 8794), as far as an album needs it: tracks whose samples come from elsewhere, and
//! attachments.

mod element;
mod ids;
mod read;
mod write;

pub use read::{Attachment, Block, File, Track};
pub use write::{Sample, TrackPlan, Writer};

/// Kinds of tracks.
pub mod track_type {
    /// Frames of video.
    pub const VIDEO: u64 = 1;
    /// Anything that players pass over.
    pub const METADATA: u64 = 33;
}

#[cfg(test)]
mod tests;
