//! `art`: shapes in a scene, made to be looked at.

use lab_media::ffmpeg::Encoder;

use super::{Pixels, Profile, Setting, Structure};
use crate::modem::art::ArtModem;

pub(super) static ART: Profile = Profile {
    name: "art",
    number: 4,
    summary: "small shapes that together are a large picture",
    size: (1920, 1080),
    rate: 30,
    structure: Structure::Plain,
    pixels: Pixels::Yuv420p,
    parity: 16,
    modem: |width, height, parity| Some(Box::new(ArtModem::new(4, parity, width, height)?)),
    encoders: &[Setting {
        encoder: Encoder::X265,
        arguments: &["-preset", "fast", "-crf", "22", "-x265-params", "log-level=error"],
    }],
};
