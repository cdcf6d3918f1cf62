//! The stream layer of the lossy profiles: a byte stream in numbered frames, with parity across them.
//!
//! ```text
//! stream -> groups of data frames -> parity frames, manifest frames -> pictures -> ffmpeg
//! ffmpeg -> pictures -> frames without repetitions -> groups, lost frames recovered -> stream
//! ```
//!
//! A group is what is encoded and decoded at once, so memory does not depend on the length of the stream. The
//! byte-exact rules are in `docs/formats/video-stream.md`.
//!
//! | module | what |
//! |---|---|
//! | [`layout`] | how many frames a group has, and where a byte of the stream lies |
//! | [`erasure`] | parity across the frames of a group |
//! | [`manifest`] | the frames that say what the stream is |
//! | [`poster`] | the pictures at the start that a person can read |
//! | [`film`] | the order of pictures for the encoder; segments of an encode that can be resumed |
//! | [`scan`] | pictures back to frames |
//! | [`channel`] | what a channel does to frames; [`Survival`]: what a profile needs to survive it |
//! | [`predict`] | what a video will take, before it is made |

pub mod channel;
pub mod erasure;
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

/// Upper bound of the memory of a writer or reader in bytes: the data of a group, its parity, what computing that takes,
/// and some pictures of 1920x1080.
pub const MEMORY: u64 = 160 << 20;

pub use health::Health;
pub use layout::Layout;
pub use manifest::Manifest;
pub use margins::{Margins, Weakest};
pub use reader::Reader;
pub use settings::{Settings, Wishes};
pub use survival::Survival;
pub use writer::Writer;
