//! Reads and writes video frames.
//!
//! A [`Frame`] is a picture in one of the [`PixelFormat`]s, its samples in one contiguous buffer. A
//! [`Reader`] reads the frames of a clip, of a directory of pictures, of y4m or of raw samples; a [`Writer`]
//! writes them. This crate reads and writes y4m, PNG and raw samples itself; ffmpeg handles all other
//! formats, as a child process over pipes.
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

/// A fraction: frames per second, or a time base in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Numerator.
    pub num: u32,
    /// Denominator; not 0.
    pub den: u32,
}

impl Rate {
    /// `num / den`; `None` if either is 0.
    pub fn new(num: u32, den: u32) -> Option<Self> {
        (num > 0 && den > 0).then_some(Self { num, den })
    }

    /// Parses `25`, `30000/1001` or `30000:1001`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(['/', ':']) {
            Some((num, den)) => Self::new(num.parse().ok()?, den.parse().ok()?),
            None => Self::new(text.parse().ok()?, 1),
        }
    }

    /// The value as a floating-point number.
    pub fn as_f64(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

/// Properties that all frames of a video share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Video {
    /// Width, height and pixel format.
    pub shape: Shape,
    /// Colour tags of the samples.
    pub colour: Colour,
    /// Frames per second; the nominal rate of a video with uneven timestamps.
    pub rate: Rate,
    /// Number of frames, if known without reading them.
    pub frames: Option<u64>,
}
