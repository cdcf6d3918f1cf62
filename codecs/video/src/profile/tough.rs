//! `tough`: one bit in each 4x4 block, for copies of copies. x265 comes first: with one coefficient a block,
//! x264 takes intra prediction in 70 % of the macroblocks of B pictures, at 2.5 times the bits
//! (experiments/video-channels).

use lab_media::ffmpeg::Encoder;

use super::{Pixels, Profile, Setting, Structure};
use crate::modem::sign::{Parameters, SignModem};

pub(super) static TOUGH: Profile = Profile {
    name: "tough",
    number: 3,
    summary: "one bit in each 4x4 block; survives copies of copies and 480p",
    size: (1920, 1080),
    rate: 30,
    structure: Structure::Grey { data: 8, groups: 4 },
    pixels: Pixels::Yuv420p,
    parity: 32,
    modem: |width, height, parity| {
        let parameters =
            Parameters { profile: 3, coefficients: 1, amplitude: 400.0, band_amplitude: 400.0, parity };
        Some(Box::new(SignModem::new(parameters, width, height)?))
    },
    encoders: &[
        Setting {
            encoder: Encoder::X265,
            arguments: &["-preset", "ultrafast", "-qp", "50", "-x265-params", super::X265_GREY],
        },
        Setting {
            encoder: Encoder::X264,
            arguments: &["-preset", "veryfast", "-qp", "50", "-x264-params", super::X264_GREY],
        },
    ],
};
