//! Modems: draw header and payload as a picture, and read them back from a picture.
//!
//! The path of a frame's bytes:
//!
//! ```text
//! payload -> codewords (checksum, Reed-Solomon, whitening) -> symbols -> picture
//! header  -> a codeword of its own, twice                  -> bands of the picture
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`header`] | stream, frame and group numbers of a frame |
//! | [`words`] | error correction inside a frame, with [`reed_solomon`] codewords |
//! | [`band`] | header and marks in two rows of black and white cells |
//! | [`sign`] | payload in the signs of cosine coefficients |
//! | [`art`] | payload in small shapes that together form a large picture |
//! | [`grid`] | position and scale of a frame in a cropped, framed or scaled copy |

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
pub use words::{Codewords, Margin};

/// A modem: draws the bytes of a frame as a picture, and reads them back.
pub trait Modem: Send + Sync {
    /// Shape of the pictures, 8-bit 4:2:0.
    fn shape(&self) -> Shape;

    /// The error correction of a frame's payload.
    fn codewords(&self) -> &Codewords;

    /// Capacity of a frame in payload bytes, without error correction.
    fn payload_len(&self) -> usize {
        self.codewords().capacity()
    }

    /// Draws a frame into `out`, which takes this modem's shape. `payload` has at most
    /// [`payload_len`](Self::payload_len) bytes. The header's `profile`, `parity` and `length` are filled in.
    fn render(&self, header: &FrameHeader, payload: &[u8], out: &mut Frame);

    /// Reads a frame without correcting errors. The first plane of `picture` must be 8-bit luma. `grid` is
    /// the position of the frame in an earlier picture of the same copy; without it, or where it does not
    /// fit, the frame is searched for.
    ///
    /// # Errors
    /// The reason why no frame was found.
    fn demodulate(&self, picture: &Frame, grid: Option<Grid>) -> Result<Demodulated, Refusal>;

    /// Reads a frame: [`demodulate`](Self::demodulate), then error correction.
    fn detect(&self, picture: &Frame, grid: Option<Grid>) -> Detection {
        let Demodulated { header, mut coded, confidence, grid } = match self.demodulate(picture, grid) {
            Ok(demodulated) => demodulated,
            Err(refusal) => return Detection::None(refusal),
        };
        let decoded = if usize::from(header.parity) == self.codewords().parity() {
            self.codewords().decode(header.frame, &mut coded, &confidence)
        } else {
            match Codewords::new(coded.len(), usize::from(header.parity)) {
                Some(codewords) => codewords.decode(header.frame, &mut coded, &confidence),
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

/// A received frame before error correction.
#[derive(Debug, Clone, PartialEq)]
pub struct Demodulated {
    /// The header.
    pub header: FrameHeader,
    /// The coded bytes of [`Codewords::encode`], with channel errors.
    pub coded: Vec<u8>,
    /// Confidence of each coded byte; 0 marks an erasure, a byte that lies outside the picture.
    pub confidence: Vec<u8>,
    /// Position of the frame in the picture.
    pub grid: Grid,
}

/// A grey picture in the shape of `modem`: every coefficient is zero, so it carries no signal.
pub fn grey(modem: &dyn Modem) -> Frame {
    let mut frame = Frame::new(modem.shape());
    frame.data_mut().fill(128);
    frame
}

/// The shape of an 8-bit 4:2:0 picture of `width` by `height` samples.
fn shape(width: usize, height: usize) -> Shape {
    Shape { width: width as u32, height: height as u32, format: PixelFormat::Yuv420p }
}

/// Result of reading a picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Detection {
    /// A frame, with the first [`FrameHeader::length`] bytes of its payload.
    Frame {
        /// The header.
        header: FrameHeader,
        /// The payload.
        payload: Vec<u8>,
        /// How much of the parity the error correction needed.
        margin: Margin,
        /// Where the picture lies.
        grid: Grid,
    },
    /// A frame whose payload could not be corrected: an erasure with a known number.
    Lost {
        /// The header.
        header: FrameHeader,
        /// How much of the parity the readable codewords needed.
        margin: Margin,
        /// Where the picture lies.
        grid: Grid,
    },
    /// No frame of this modem.
    None(Refusal),
}

/// The reason why a picture is not a frame of this modem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// All samples are nearly equal: a grey picture of the encoder's structure, or a black one.
    Blank,
    /// No header can be read at any position tried: not a frame, or too damaged.
    NoHeader,
    /// The blocks of a frame are visible, but no header can be read: the copy was cropped beyond the margin,
    /// turned or mirrored.
    CutOff,
    /// The picture's first plane is not 8-bit luma.
    Format,
    /// The picture has too few samples for the blocks of a frame.
    TooSmall,
    /// A frame of another profile.
    Profile(u8),
    /// A header with a number of parity bytes that does not fit this modem.
    Parity(u8),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Blank => write!(f, "a blank picture"),
            Self::NoHeader => {
                write!(f, "no readable frame header: not a frame of this program, or damaged too much")
            }
            Self::CutOff => {
                write!(
                    f,
                    "a frame whose header is cut off: cropped by more than 16 samples, turned or mirrored"
                )
            }
            Self::Format => write!(f, "the picture's first plane is not 8-bit luma"),
            Self::TooSmall => {
                write!(f, "blocks too small to read: not a frame of this program, or scaled down too far")
            }
            Self::Profile(number) => write!(f, "a frame of profile number {number}"),
            Self::Parity(parity) => {
                write!(f, "a frame with {parity} parity bytes per codeword, which do not fit its size")
            }
        }
    }
}
