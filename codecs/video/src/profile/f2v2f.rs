//! `f2v2f`: the modem of `art` with the encoder command, chunk size and frame rate of F2V2F.

use lab_media::ffmpeg::Encoder;

use super::{Pixels, Profile, Setting, Structure};
use crate::modem::art::ArtModem;

/// Bytes of a chunk, the payload of one frame.
pub const CHUNK: usize = 4096;

/// Its number in headers.
const NUMBER: u8 = 5;

/// Frames of 1920x1080 hold 4,106 bytes with 80 parity bytes per codeword, so each carries one chunk. As in
/// F2V2F's command, ffmpeg receives `rgba` and converts it itself.
pub(super) static F2V2F: Profile = Profile {
    name: "f2v2f",
    number: NUMBER,
    summary: "art at F2V2F's ffmpeg command, 4,096-byte chunks",
    size: (1920, 1080),
    rate: 30,
    structure: Structure::Plain,
    pixels: Pixels::Rgba,
    parity: 80,
    modem: |width, height, parity| Some(Box::new(ArtModem::new(NUMBER, parity, width, height)?)),
    encoders: &[Setting {
        encoder: Encoder::X265,
        arguments: &[
            "-preset",
            "fast",
            "-crf",
            "22",
            "-pix_fmt",
            "yuv420p",
            "-x265-params",
            "log-level=error",
            "-movflags",
            "+faststart",
        ],
    }],
};
