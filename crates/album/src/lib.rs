//! Image albums: a folder of images in one Matroska file, with nothing lost that is not said to be lost.
//!
//! [`pack()`] looks through a folder ([`scan`], [`survey`]), takes pictures apart into samples and recipes
//! ([`recipe`]), groups them by shape, brings those together that look alike ([`look`]), and codes them in
//! segments of at most [`manifest::SEGMENT_PICTURES`]: by the native coder ([`pixels`]) or zstd ([`blocks`]),
//! or as video tracks ([`video`]). Everything else is kept as bytes. An [`Album`] lists it, brings it back
//! and checks it; [`compare`] measures other forms of the same files. The format is described in
//! `docs/formats/album.md`.

mod album;
pub mod blocks;
pub mod colour;
pub mod compare;
pub mod kind;
mod list;
pub mod look;
pub mod manifest;
mod options;
mod pack;
pub mod pixels;
pub mod recipe;
mod report;
pub mod scan;
pub mod score;
pub mod search;
mod sheet;
mod spool;
pub mod survey;
mod unpack;
pub mod video;
mod work;

pub use album::{Album, Effort, Sink};
pub use list::{Line, List};
pub use options::{Codec, Options, Quality};
pub use pack::{Summary, pack};
pub use report::Report;
pub use sheet::write as write_sheet;
pub use unpack::{Unpacked, Verdict};
