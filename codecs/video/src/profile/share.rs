//! `share`: three bits in each 4x4 block, for the copies that share sites make. Three coefficients survive
//! 720p and back, four do not (experiments/video-channels).

use lab_media::ffmpeg::Encoder;

use super::{Pixels, Profile, Setting, Structure};
use crate::modem::sign::{Parameters, SignModem};

pub(super) static SHARE: Profile = Profile {
    name: "share",
    number: 2,
    summary: "three bits in each 4x4 block; survives a share site's re-encode, also through 720p",
    size: (1920, 1080),
    rate: 30,
    structure: Structure::Grey { data: 8, groups: 4 },
    pixels: Pixels::Yuv420p,
    parity: 28,
    modem: |width, height, parity| {
        let parameters =
            Parameters { profile: 2, coefficients: 3, amplitude: 120.0, band_amplitude: 140.0, parity };
        Some(Box::new(SignModem::new(parameters, width, height)?))
    },
    encoders: &[
        Setting {
            encoder: Encoder::X264,
            arguments: &["-preset", "veryfast", "-qp", "44", "-x264-params", super::X264_GREY],
        },
        Setting {
            encoder: Encoder::X265,
            arguments: &["-preset", "ultrafast", "-qp", "44", "-x265-params", super::X265_GREY],
        },
    ],
};
