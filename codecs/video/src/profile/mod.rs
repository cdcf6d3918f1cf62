//! Profiles: a modem, and the encoder settings that turn its pictures into a video.

mod art;
mod dense;
mod f2v2f;
mod share;
mod tough;

use lab_media::ffmpeg::Encoder;

use crate::modem::Modem;

pub use f2v2f::CHUNK as F2V2F_CHUNK;

/// A modem with all settings that turn its pictures into a video.
#[derive(Debug)]
pub struct Profile {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its number in frame headers.
    pub number: u8,
    /// One-line help text.
    pub summary: &'static str,
    /// Default width and height.
    pub size: (usize, usize),
    /// Frames per second.
    pub rate: u32,
    /// The order of pictures for the encoder.
    pub structure: Structure,
    /// The pixel format that the encoder receives.
    pub pixels: Pixels,
    /// Default parity bytes of each Reed-Solomon codeword in a frame.
    pub parity: usize,
    /// Builds the modem for a width, a height and a number of parity bytes; `None` where they do not fit.
    pub modem: fn(usize, usize, usize) -> Option<Box<dyn Modem>>,
    /// The supported encoders; the first is the default.
    pub encoders: &'static [Setting],
}

/// The pixel format that the encoder receives; the modem draws `yuv420p`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pixels {
    /// Unconverted.
    Yuv420p,
    /// Converted with [`to_rgba`](crate::modem::rgba::to_rgba).
    Rgba,
}

/// The order of pictures for the encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Structure {
    /// One picture per frame.
    Plain,
    /// A closed group of pictures: `groups` times a grey picture and up to `data` frames, then a last grey
    /// picture.
    ///
    /// The grey pictures are reference pictures, the first of them the key frame. The frames are B pictures
    /// between two of them, and no picture refers to a frame. Predicted from grey, a frame costs only its own
    /// levels, and its errors do not spread.
    Grey {
        /// Frames after each grey picture.
        data: usize,
        /// Grey pictures with frames after them in a group of pictures.
        groups: usize,
    },
}

impl Structure {
    /// Key-frame interval in pictures. `Plain` leaves the default of x264 and x265, 250.
    pub fn key_distance(self) -> usize {
        match self {
            Self::Plain => 250,
            Self::Grey { data, groups } => groups * (data + 1) + 1,
        }
    }
}

/// An encoder and its options for `ffmpeg`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The encoder.
    pub encoder: Encoder,
    /// Options of `ffmpeg` for the output.
    pub arguments: &'static [&'static str],
}

/// x264 options for sign modems: code one level of +-1 for each bit, and nothing else.
///
/// - `keyint=37`, `bframes=8`, no adaptive B pictures and no scene cut: the picture order of
///   [`Structure::Grey`] with 8 frames in 4 groups.
/// - `ref=1`, no weighted prediction, no direct mode, `subme=0`: every frame is predicted from grey without
///   search.
/// - `aq-mode=0`, `no-mbtree`, equal `ipratio` and `pbratio`: one quantiser everywhere.
/// - `no-dct-decimate`, `trellis=0`, `psy=0`: isolated levels of +-1, which are all of the payload, are not
///   dropped.
/// - `8x8dct=0`: the transform of the modem, 4x4. `no-deblock`: block edges are signal here.
const X264_GREY: &str = "keyint=37:min-keyint=37:bframes=8:b-adapt=0:b-pyramid=none:ref=1:scenecut=0:\
    weightp=0:weightb=0:no-mbtree=1:ipratio=1:pbratio=1:direct=none:8x8dct=0:partitions=none:subme=0:\
    no-dct-decimate=1:aq-mode=0:psy=0:trellis=0:no-deblock=1";

/// x265 options for sign modems: those of x264, with 4x4 transforms only and without SAO and sign hiding,
/// which would change signs. It takes no intra prediction in B pictures, where x264 may, and needs fewer bits
/// at one coefficient in a block: 1.20 for each coded bit, against 3.07 (experiments/video-channels).
/// `rc-lookahead` must exceed `bframes`.
const X265_GREY: &str = "keyint=37:min-keyint=37:bframes=8:b-adapt=0:no-b-pyramid=1:scenecut=0:no-open-gop=1:\
    ref=1:weightp=0:aq-mode=0:no-cutree=1:ipratio=1:pbratio=1:no-deblock=1:no-sao=1:no-signhide=1:psy-rd=0:\
    psy-rdoq=0:rdoq-level=0:max-tu-size=4:ctu=16:min-cu-size=8:tu-inter-depth=3:b-intra=0:rc-lookahead=20:\
    log-level=error";

/// All profiles with a modem, by number; `exact` has none.
pub static PROFILES: &[&Profile] = &[&dense::DENSE, &share::SHARE, &tough::TOUGH, &art::ART, &f2v2f::F2V2F];

/// The names of all profiles, `exact` first.
pub const NAMES: &[&str] = &["exact", "dense", "share", "tough", "art", "f2v2f"];

/// The usual profiles, from tough to dense; `exact`, which survives lossless copies only, comes last.
pub const BY_TOUGHNESS: [&str; 4] = ["tough", "share", "dense", "exact"];

/// The profile with this name.
pub fn by_name(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|profile| profile.name == name).copied()
}

/// The profile with this number.
pub fn by_number(number: u8) -> Option<&'static Profile> {
    PROFILES.iter().find(|profile| profile.number == number).copied()
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_those_of_the_profiles() {
        let names: Vec<_> = super::PROFILES.iter().map(|profile| profile.name).collect();
        assert_eq!(super::NAMES[0], "exact");
        assert_eq!(super::NAMES[1..], names);
    }
}
