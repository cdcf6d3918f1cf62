//! What to pack, and how: modes, codecs, quality.

use lab_codec::{Error, Result};

use crate::manifest::Mode;

/// Milliseconds from one picture of a track to the next, unless a slide show asks for others.
pub(crate) const STEP: u64 = 2000;

/// The codec that the user asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// The smallest result of all encoders that are installed.
    Auto,
    /// The native coder, in the data track.
    Native,
    /// FFV1, lossless only.
    Ffv1,
    /// AV1 by SVT-AV1, visual only.
    Av1,
    /// H.264 by x264.
    H264,
    /// H.265 by x265, visual only.
    H265,
    /// H.264 by an NVIDIA GPU, visual only.
    Nvenc,
}

impl Codec {
    /// All codecs, by name.
    pub const NAMED: [(&str, Self); 7] = [
        ("auto", Self::Auto),
        ("native", Self::Native),
        ("ffv1", Self::Ffv1),
        ("av1", Self::Av1),
        ("h264", Self::H264),
        ("h265", Self::H265),
        ("nvenc", Self::Nvenc),
    ];
}

/// How good lossy pictures are to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// The encoder's own measure of quality; with it nothing is searched for.
    pub crf: Option<u32>,
    /// A constant quantiser; with it nothing is searched for.
    pub qp: Option<u32>,
    /// The mean SSIMULACRA2 of the pictures of a group.
    pub target: f64,
    /// The least SSIMULACRA2 of any picture.
    pub floor: f64,
}

/// Settings of packing.
#[derive(Debug, Clone)]
pub struct Options {
    /// What must be restored: files, pixels, or the look.
    pub mode: Mode,
    /// The codec.
    pub codec: Codec,
    /// Quality of lossy pictures.
    pub quality: Quality,
    /// Preset of the encoder, by its own name.
    pub preset: Option<String>,
    /// Whether a broken picture is an error; otherwise it is stored as bytes.
    pub broken_fails: bool,
    /// Whether to keep pictures in the order of their names.
    pub by_name: bool,
    /// Add a slide show that shows each picture for this time, in milliseconds.
    pub playable: Option<u32>,
}

impl Options {
    /// Milliseconds from one picture of a track to the next.
    pub(crate) fn step(&self) -> u64 {
        self.playable.map_or(STEP, u64::from)
    }

    /// Checks that what is wanted fits together.
    ///
    /// # Errors
    /// [`Usage`](lab_codec::ErrorKind::Usage).
    pub fn check(&self) -> Result<()> {
        let lossless = self.mode != Mode::Visual;
        match self.codec {
            Codec::Av1 | Codec::H265 | Codec::Nvenc if lossless => {
                Err(Error::usage("this codec is for --mode visual; lossless are auto, native, ffv1 and h264"))
            }
            Codec::Ffv1 | Codec::Native if !lossless => Err(Error::usage(
                "this codec is lossless; for --mode visual there are auto, av1, h264, h265 and nvenc",
            )),
            _ if self.quality.crf.is_some() && self.quality.qp.is_some() => {
                Err(Error::usage("crf and qp are two ways to say how good pictures are; give one of them"))
            }
            _ if lossless && (self.quality.crf.is_some() || self.quality.qp.is_some()) => {
                Err(Error::usage("crf and qp are for --mode visual; lossless pictures have no such choice"))
            }
            _ => Ok(()),
        }
    }

    /// Whether lossless pictures go to video tracks.
    pub(crate) fn is_lossless_video(&self) -> bool {
        self.mode != Mode::Visual && matches!(self.codec, Codec::Ffv1 | Codec::H264)
    }
}
