//! Frames: where they come from and where they go.
//!
//! A [`Frame`] is a picture in one of the [`PixelFormat`]s, its samples in one contiguous buffer. A [`Reader`] gives
//! the frames of a clip, of a directory of pictures, of y4m or of raw samples; a [`Writer`] takes them. y4m, PNG and
//! raw samples are read and written here; everything else goes through ffmpeg, a child process over pipes.
//!
//! ```no_run
//! use lab_codec::Context;
//! use lab_media::{Frame, ReadOptions, Reader, WriteOptions, Writer};
//!
//! # fn main() -> lab_codec::Result<()> {
//! let cx = Context::default();
//! let mut reader = Reader::open("clip.mp4".as_ref(), &ReadOptions::default(), &cx)?;
//! let mut writer = Writer::create("pictures".as_ref(), reader.video(), &WriteOptions::default(), &cx)?;
//! let mut frame = Frame::new(reader.video().shape);
//! while reader.read(&mut frame)? {
//!     writer.write(&frame)?;
//! }
//! writer.finish()
//! # }
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`mod@format`] | pixel formats and shapes |
//! | [`colour`] | range, matrix, primaries and transfer of a video's samples |
//! | [`neighbours`] | left, top and the others of a sample; the MED predictor |
//! | [`y4m`], [`picture`], [`raw`] | YUV4MPEG2 streams, PNG files, samples without any header |
//! | [`container`] | Matroska and MP4: tracks, samples, attachments |
//! | [`ffmpeg`] | the one driver of ffmpeg: facts about a clip, frames of it, encoders |

pub mod colour;
pub mod container;
pub mod ffmpeg;
pub mod format;
mod frame;
pub mod neighbours;
pub mod picture;
pub mod raw;
mod sink;
mod source;
pub mod y4m;

pub use colour::Colour;
pub use format::{PixelFormat, Shape};
pub use frame::Frame;
pub use neighbours::Neighbours;
pub use sink::{WriteOptions, Writer};
pub use source::{ReadOptions, Reader};

/// A number of frames per second, or a time base in seconds, as a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Above the line.
    pub num: u32,
    /// Below the line; not 0.
    pub den: u32,
}

impl Rate {
    /// `num / den`; `None` where either is 0.
    pub fn new(num: u32, den: u32) -> Option<Self> {
        (num > 0 && den > 0).then_some(Self { num, den })
    }

    /// From text, `25`, `30000/1001` or `30000:1001`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(['/', ':']) {
            Some((num, den)) => Self::new(num.parse().ok()?, den.parse().ok()?),
            None => Self::new(text.parse().ok()?, 1),
        }
    }

    /// As a number.
    pub fn as_f64(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

/// What all frames of a video have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Video {
    /// Size and pixel format.
    pub shape: Shape,
    /// What the samples mean.
    pub colour: Colour,
    /// Frames per second; the nominal rate where they are not evenly spaced.
    pub rate: Rate,
    /// How many frames there are, as far as is known without reading them.
    pub frames: Option<u64>,
}
