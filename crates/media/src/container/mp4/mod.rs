//! MP4 (ISO/IEC 14496-12, -14, -15): one H.264 track, plain or fragmented.

mod boxes;
mod movie;
mod read;
mod write;

pub use movie::{Metadata, VideoFormat};
pub(super) use read::read_index;
pub use read::{incomplete, movie_box};
pub use write::Mp4Writer;
