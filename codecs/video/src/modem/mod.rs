//! Modems: payload and header to a picture, and a picture back to header and payload.
//!
//! The straight way of a frame's bytes:
//!
//! ```text
//! payload -> words (checksum, Reed-Solomon, whitening) -> symbols -> picture
//! header  -> a word of its own, twice                  -> bands of the picture
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`header`] | what a frame says about itself |
//! | [`words`] | error correction inside a frame; over [`reed_solomon`] |
//! | [`band`] | header and marks in two rows of black and white cells |
//! | [`sign`] | payload in the signs of cosine coefficients |
//! | [`art`] | payload in small shapes that together are a large picture |
//! | [`grid`] | where the picture lies in a cropped, framed or scaled copy |

pub mod art;
pub mod band;
mod galois;
pub mod grid;
pub mod header;
mod plane;
pub mod reed_solomon;
mod resample;
pub mod rgba;
pub mod sign;
pub mod words;

use lab_media::{Frame, PixelFormat, Shape};

pub use grid::Grid;
pub use header::{FrameHeader, Kind};
pub use words::{Margin, Words};

/// How bytes become a picture and come back.
pub trait Modem: Send + Sync {
    /// Shape of the pictures, 8-bit 4:2:0.
    fn shape(&self) -> Shape;

    /// How a frame's bytes are protected.
    fn words(&self) -> &Words;

    /// Payload bytes that a frame has room for, after error correction.
    fn payload_len(&self) -> usize {
        self.words().capacity()
    }

    /// Draws the frame into `out`, which takes this modem's shape. `payload` is at most
    /// [`payload_len`](Self::payload_len) bytes long. Fills in the header's `profile`, `parity` and `length`.
    fn render(&self, header: &FrameHeader, payload: &[u8], out: &mut Frame);

    /// Reads a frame without correcting errors. `picture` is in any format whose first plane is 8-bit luma. `grid` is where the picture lay in an earlier frame of the same copy;
    /// without it, or where it does not fit, the picture is looked for.
    ///
    /// # Errors
    /// Why there is no frame.
    fn demodulate(&self, picture: &Frame, grid: Option<Grid>) -> Result<Demodulated, Refusal>;

    /// Reads a frame: [`demodulate`](Self::demodulate), then error correction.
    fn detect(&self, picture: &Frame, grid: Option<Grid>) -> Detection {
        let Demodulated { header, mut coded, confidence, grid } = match self.demodulate(picture, grid) {
            Ok(demodulated) => demodulated,
            Err(refusal) => return Detection::None(refusal),
        };
        let decoded = if usize::from(header.parity) == self.words().parity() {
            self.words().decode(header.frame, &mut coded, &confidence)
        } else {
            match Words::new(coded.len(), usize::from(header.parity)) {
                Some(words) => words.decode(header.frame, &mut coded, &confidence),
                None => return Detection::None(Refusal::Parity(header.parity)),
            }
        };
        match decoded {
            (Some(mut payload), margin) if header.length as usize <= payload.len() => {
                payload.truncate(header.length as usize);
                Detection::Frame { header, payload, margin, grid }
            }
            (_, margin) => Detection::Lost { header, margin, grid },
        }
    }
}

/// A frame as it was received.
#[derive(Debug, Clone, PartialEq)]
pub struct Demodulated {
    /// The header.
    pub header: FrameHeader,
    /// The coded bytes, as [`Words::encode`] made them but for errors.
    pub coded: Vec<u8>,
    /// How far each of them is from being another one; 0 where it is not known, since it is not in the picture.
    pub confidence: Vec<u8>,
    /// Where the picture lies.
    pub grid: Grid,
}

/// A grey picture as `modem` would draw it: no signal.
pub fn grey(modem: &dyn Modem) -> Frame {
    let mut frame = Frame::new(modem.shape());
    frame.data_mut().fill(128);
    frame
}

/// The shape of a picture of `width` by `height` samples.
fn shape(width: usize, height: usize) -> Shape {
    Shape { width: width as u32, height: height as u32, format: PixelFormat::Yuv420p }
}

/// What was read from a picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Detection {
    /// A frame; of its payload only [`FrameHeader::length`] bytes are given.
    Frame {
        /// The header.
        header: FrameHeader,
        /// The payload.
        payload: Vec<u8>,
        /// How close to failing it was.
        margin: Margin,
        /// Where the picture lies.
        grid: Grid,
    },
    /// A frame of which only the header could be read: an erasure with its number.
    Lost {
        /// The header.
        header: FrameHeader,
        /// How much was wrong.
        margin: Margin,
        /// Where the picture lies.
        grid: Grid,
    },
    /// No frame, or one of another modem.
    None(Refusal),
}

/// Why a picture is no frame of this modem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// All samples are nearly the same: a grey frame of the encoder's structure, or a black one.
    Blank,
    /// No header where it should be, whichever way the picture was laid out: not a frame, or too damaged.
    NoHeader,
    /// The blocks of a frame can be seen, but no header can be read: more than the margin was cut off, or the picture was
    /// turned or mirrored.
    CutOff,
    /// The picture's first plane is not 8-bit luma.
    Format,
    /// The picture has fewer samples than the blocks need.
    TooSmall,
    /// A frame of another profile.
    Profile(u8),
    /// A header whose parity this modem does not have.
    Parity(u8),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Blank => write!(f, "a blank picture"),
            Self::NoHeader => write!(f, "no frame header: not a frame of this program, or damaged too much"),
            Self::CutOff => {
                write!(f, "a frame without header: cropped by more than 16 samples, turned or mirrored")
            }
            Self::Format => write!(f, "not a picture of 8-bit luma samples"),
            Self::TooSmall => write!(
                f,
                "blocks of fewer than two samples: not a frame of this program, or scaled down too far"
            ),
            Self::Profile(number) => write!(f, "a frame of profile number {number}"),
            Self::Parity(parity) => write!(f, "a frame with {parity} parity bytes a word"),
        }
    }
}
