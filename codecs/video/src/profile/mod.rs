//! Profiles: a modem, and how its frames become a video.

mod art;
mod dense;
mod f2v2f;
mod share;
mod tough;

use lab_media::ffmpeg::Encoder;

use crate::modem::Modem;

pub use f2v2f::CHUNK as F2V2F_CHUNK;

/// A modem together with all that turns its pictures into a video.
#[derive(Debug)]
pub struct Profile {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its number in frame headers.
    pub number: u8,
    /// One line for the help.
    pub summary: &'static str,
    /// Width and height where none are asked for.
    pub size: (usize, usize),
    /// Frames per second.
    pub rate: u32,
    /// How pictures are ordered for the encoder.
    pub structure: Structure,
    /// What the encoder is given.
    pub pixels: Pixels,
    /// Parity bytes of each Reed-Solomon word in a frame.
    pub parity: usize,
    /// Makes the modem for a width, a height and a number of parity bytes; `None` where they do not fit.
    pub modem: fn(usize, usize, usize) -> Option<Box<dyn Modem>>,
    /// The encoders that the profile knows; the first is the default.
    pub encoders: &'static [Setting],
}

/// The pixels that the encoder is given; the modem draws `yuv420p`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pixels {
    /// As drawn.
    Yuv420p,
    /// Converted with [`to_rgba`](crate::modem::rgba::to_rgba).
    Rgba,
}

/// The order of pictures for the encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Structure {
    /// One picture per frame.
    Plain,
    /// A grey picture, then up to `data` frames, and so on; `groups` of these, then a last grey picture, make a closed
    /// group of pictures. The grey pictures are reference pictures (one key frame at the start of each group of
    /// pictures), the frames are bidirectional pictures that nothing refers to.
    Grey {
        /// Frames behind each grey picture.
        data: usize,
        /// Grey pictures with frames in a group of pictures.
        groups: usize,
    },
}

impl Structure {
    /// Pictures from one key frame to the next.
    pub fn key_distance(self) -> usize {
        match self {
            Self::Plain => 250,
            Self::Grey { data, groups } => groups * (data + 1) + 1,
        }
    }
}

/// An encoder, and what `ffmpeg` is told behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The encoder.
    pub encoder: Encoder,
    /// Options of `ffmpeg` for the output.
    pub arguments: &'static [&'static str],
}

/// x264 as sign modems need it: one coded level of +-1 for each bit and nothing else. The frames are B pictures that nothing
/// refers to, predicted from grey; the distance of key frames is that of [`Structure::Grey`] with 8 frames in 4 groups.
const X264_GREY: &str = "keyint=37:min-keyint=37:bframes=8:b-adapt=0:b-pyramid=none:ref=1:scenecut=0:\
    weightp=0:weightb=0:no-mbtree=1:ipratio=1:pbratio=1:direct=none:8x8dct=0:partitions=none:subme=0:\
    no-dct-decimate=1:aq-mode=0:psy=0:trellis=0:no-deblock=1";

/// x265 as sign modems need it: as x264, with transforms of 4x4 only. It never takes intra prediction in B pictures, where
/// x264 may, and so needs fewer bits for one coefficient in a block: 1.2 for each coded bit, against 3.1. It looks ahead past its
/// B pictures, or refuses.
const X265_GREY: &str = "keyint=37:min-keyint=37:bframes=8:b-adapt=0:no-b-pyramid=1:scenecut=0:no-open-gop=1:ref=1:\
    weightp=0:aq-mode=0:no-cutree=1:ipratio=1:pbratio=1:no-deblock=1:no-sao=1:no-signhide=1:psy-rd=0:psy-rdoq=0:\
    rdoq-level=0:max-tu-size=4:ctu=16:min-cu-size=8:tu-inter-depth=3:b-intra=0:rc-lookahead=20:log-level=error";

/// All profiles with a modem, by number.
pub static PROFILES: &[&Profile] = &[&dense::DENSE, &share::SHARE, &tough::TOUGH, &art::ART, &f2v2f::F2V2F];

/// The words for all profiles, `exact` first.
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
