//! The stream layer of the lossy profiles: a byte stream as numbered frames, with parity across frames.
//!
//! ```text
//! stream -> groups of data frames -> parity frames, manifest frames -> pictures -> ffmpeg
//! ffmpeg -> pictures -> frames without repetitions -> groups, lost frames recovered -> stream
//! ```
//!
//! Groups are encoded and decoded one at a time, so memory does not depend on the length of the stream.
//! `docs/formats/video-stream.md` specifies every byte.
//!
//! | module | what |
//! |---|---|
//! | [`layout`] | number of frames in a group, and the frame of each byte of the stream |
//! | [`erasure`] | parity across the frames of a group |
//! | [`manifest`] | the frames that describe the stream |
//! | [`poster`] | the opening picture, readable for a person |
//! | [`film`] | the order of pictures for the encoder; segments of a resumable encode |
//! | [`scan`] | pictures back to frames |
//! | [`channel`] | losses of frames in a channel, by a test clip; [`Survival`]: what a profile needs |
//! | [`predict`] | size and duration of a video before it is made |

pub mod channel;
mod cursor;
pub mod erasure;
mod extent;
pub mod film;
mod health;
mod journal;
pub mod layout;
pub mod manifest;
mod margins;
pub mod poster;
pub mod predict;
mod reader;
pub mod scan;
mod settings;
mod survival;
mod writer;

/// Upper bound of the memory of a writer or reader in bytes: a group's data and parity, the work space of
/// computing them, and some pictures of 1920x1080.
pub const MEMORY: u64 = 160 << 20;

pub use health::Health;
pub use layout::Layout;
pub use manifest::Manifest;
pub use margins::{Margins, Weakest};
pub use reader::Reader;
pub use settings::{Overrides, Settings};
pub use survival::Survival;
pub use writer::Writer;
