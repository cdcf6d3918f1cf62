//! `dense`: ten bits in each 4x4 block, for copies of the same size. 24 parity bytes just carry one re-encode
//! at CRF 28 (experiments/video-channels).

use lab_media::ffmpeg::Encoder;

use super::{Pixels, Profile, Setting, Structure};
use crate::modem::sign::{Parameters, SignModem};

pub(super) static DENSE: Profile = Profile {
    name: "dense",
    number: 1,
    summary: "ten bits in each 4x4 block; survives a 1080p re-encode",
    size: (1920, 1080),
    rate: 30,
    structure: Structure::Grey { data: 8, groups: 4 },
    pixels: Pixels::Yuv420p,
    parity: 24,
    modem: |width, height, parity| {
        let parameters =
            Parameters { profile: 1, coefficients: 10, amplitude: 64.0, band_amplitude: 75.0, parity };
        Some(Box::new(SignModem::new(parameters, width, height)?))
    },
    encoders: &[Setting {
        encoder: Encoder::X264,
        arguments: &["-preset", "veryfast", "-qp", "38", "-x264-params", super::X264_GREY],
    }],
};
