//! Measures what a channel does to frames: a test clip of known payload is compared with its copy.

use std::path::Path;

use lab_codec::{Context, Error, Result};
use lab_media::ffmpeg::{Clip, Output};

use super::film::Film;
use super::scan::{Identity, Pictures};
use super::settings::Settings;
use crate::modem::reed_solomon::MAX_CODEWORD;
use crate::modem::{FrameHeader, Kind};
use crate::profile::Profile;
use crate::splitmix::splitmix64;

/// The stream id of test clips.
const STREAM_ID: u32 = u32::from_le_bytes(*b"TEST");

/// The seed of their payload: `lab test` in ASCII, big-endian.
const SEED: u64 = 0x6C61_6220_7465_7374;

/// The payload of frame `frame` of a test clip.
fn payload(frame: u32, length: usize) -> Vec<u8> {
    let seed = splitmix64(SEED, u64::from(frame) + 1);
    let mut bytes: Vec<u8> =
        (1..=length.div_ceil(8) as u64).flat_map(|i| splitmix64(seed, i).to_le_bytes()).collect();
    bytes.truncate(length);
    bytes
}

/// Makes a test clip of `frames` frames at `path`; returns its size in bytes.
///
/// # Errors
/// As [`Film::create`].
pub fn make_clip(settings: &Settings, frames: u32, path: &Path, cx: &Context) -> Result<u64> {
    let mut film = Film::create(Output::File(path.to_path_buf()), settings, Vec::new(), cx)?;
    let length = settings.modem.payload_len();
    for frame in 0..frames {
        let header = FrameHeader {
            kind: Kind::Data,
            profile: settings.profile.number,
            style: settings.style.unwrap_or(0),
            parity: settings.profile.parity as u8,
            stream_id: STREAM_ID,
            frame,
            length: length as u32,
            group: 0,
            index: 0,
            data_frames: 0,
            parity_frames: 0,
        };
        film.frame(&header, &payload(frame, length))?;
        cx.observer().advance(1);
    }
    film.finish()?;
    Ok(path.metadata()?.len())
}

/// A comparison of a copy with its test clip.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// The profile of the clip.
    pub profile: &'static Profile,
    /// Pictures of the copy.
    pub pictures: u64,
    /// Frames that were found.
    pub frames: u64,
    /// Frames that were sent, as far as is known: the highest frame number plus one.
    pub sent: u64,
    /// Bits of all coded bytes of the frames that were found.
    pub bits: u64,
    /// Wrong bits among them.
    pub wrong_bits: u64,
    /// The largest number of wrong bytes in a Reed-Solomon codeword.
    pub worst_word: usize,
    /// Coded bytes of a frame.
    pub coded: usize,
    /// Codewords of a frame.
    pub words: usize,
}

impl Measurement {
    /// The share of wrong bits.
    pub fn bit_error_rate(&self) -> f64 {
        self.wrong_bits as f64 / self.bits.max(1) as f64
    }

    /// The share of frames that were not found.
    pub fn loss(&self) -> f64 {
        1.0 - self.frames as f64 / self.sent.max(1) as f64
    }

    /// Parity bytes per codeword that would correct the worst one, two for each wrong byte, plus two as a
    /// margin. `None` where a codeword has no room for them.
    pub fn parity(&self) -> Option<usize> {
        let parity = 2 * self.worst_word + 2;
        (parity < MAX_CODEWORD && self.coded > self.words * parity).then_some(parity)
    }

    /// Payload bytes of a frame with that parity.
    pub fn payload(&self) -> Option<usize> {
        Some(self.coded - self.words * self.parity()?)
    }
}

/// Compares the frames of a copy with the test clip.
///
/// # Errors
/// [`Unsupported`](lab_codec::ErrorKind::Unsupported) for a video that is not a copy of a test clip; failures
/// of ffmpeg.
pub fn measure(path: &Path, cx: &Context) -> Result<Measurement> {
    let clip = Clip::of(path, cx)?;
    let identity = Identity::of(path, &clip, cx)?;
    if identity.header.stream_id != STREAM_ID {
        return Err(Error::unsupported(
            "the video holds a stream, not a test clip: `lab video verify` reports its margins",
        ));
    }
    let modem = &identity.modem;
    let mut result = Measurement {
        profile: identity.profile,
        pictures: 0,
        frames: 0,
        sent: 0,
        bits: 0,
        wrong_bits: 0,
        worst_word: 0,
        coded: modem.codewords().coded(),
        words: modem.codewords().coded().div_ceil(MAX_CODEWORD),
    };
    let mut pictures = Pictures::open(path, &clip, None, cx)?;
    let mut grid = Some(identity.grid);
    let mut last = None;
    let mut wrong = vec![0; result.words];
    while let Some(picture) = pictures.read()? {
        result.pictures += 1;
        let Ok(read) = modem.demodulate(picture, grid) else { continue };
        if read.header.stream_id != STREAM_ID || last == Some(read.header.frame) {
            continue;
        }
        (last, grid) = (Some(read.header.frame), Some(read.grid));
        let frame = read.header.frame;
        let sent = modem.codewords().encode(frame, &payload(frame, modem.payload_len()));
        wrong.fill(0);
        for (at, (a, b)) in read.coded.iter().zip(&sent).enumerate() {
            result.wrong_bits += u64::from((a ^ b).count_ones());
            wrong[at % result.words] += usize::from(a != b);
        }
        result.bits += 8 * sent.len() as u64;
        result.worst_word = result.worst_word.max(wrong.iter().copied().max().unwrap_or(0));
        result.frames += 1;
        result.sent = result.sent.max(u64::from(frame) + 1);
        cx.observer().advance(1);
    }
    Ok(result)
}
