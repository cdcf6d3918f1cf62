//! Reads the pictures of a copy in order and returns the frames that a modem finds in them.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use lab_codec::{Context, Error, Result};
use lab_media::ffmpeg::{Clip, DecodeOptions, Decoder};
use lab_media::{Frame, PixelFormat};

use super::Health;
use crate::modem::{Detection, FrameHeader, Grid, Modem, Refusal};
use crate::profile::{self, Profile};

/// Number of recent frame numbers that are kept to detect repetitions.
const RECENT_FRAMES: usize = 64;

/// Maximum number of pictures that are searched for the first frame.
const MAX_PICTURES: usize = 600;

/// Maximum number of differing pictures among those that are tried, since each failed trial is slow.
const MAX_TRIALS: usize = 60;

/// The pictures of a clip.
pub struct Pictures {
    decoder: Decoder,
    frame: Frame,
}

impl Pictures {
    /// Opens the pictures from `start` seconds on.
    ///
    /// # Errors
    /// As [`Decoder::open`].
    pub fn open(path: &Path, clip: &Clip, start: Option<f64>, cx: &Context) -> Result<Self> {
        let format = Some(PixelFormat::Yuv420p);
        let options = DecodeOptions { format, start, ..DecodeOptions::default() };
        let decoder = Decoder::open_clip(path, clip, &options, cx)?;
        Ok(Self { frame: Frame::new(decoder.video().shape), decoder })
    }

    /// The next picture.
    ///
    /// # Errors
    /// As [`Decoder::read`].
    pub fn read(&mut self) -> Result<Option<&Frame>> {
        Ok(if self.decoder.read(&mut self.frame)? { Some(&self.frame) } else { None })
    }
}

/// The profile and position of a copy's frames, as its first frame tells.
#[derive(Clone)]
pub struct Identity {
    /// The profile.
    pub profile: &'static Profile,
    /// The modem of its frames.
    pub modem: Arc<dyn Modem>,
    /// Position of the frames in the pictures.
    pub grid: Grid,
    /// The header of the first frame that was found.
    pub header: FrameHeader,
}

impl Identity {
    /// Searches for the first frame of a clip.
    ///
    /// # Errors
    /// [`Unsupported`](lab_codec::ErrorKind::Unsupported) with the reason where the first pictures hold no
    /// frame; errors of the decoder.
    pub fn of(path: &Path, clip: &Clip, cx: &Context) -> Result<Self> {
        let mut pictures = Pictures::open(path, clip, None, cx)?;
        let mut last = LastRefused::default();
        let mut reason = Refusal::Blank;
        let mut trials = 0;
        for _ in 0..MAX_PICTURES {
            let Some(picture) = pictures.read()? else { break };
            if last.again(picture).is_some() {
                continue;
            }
            match identify(picture, clip.size) {
                Ok(identity) => return Ok(identity),
                Err(Refusal::Blank) => continue,
                Err(refusal) => {
                    last.set(picture, refusal);
                    // Report the most specific reason: a frame with a missing part.
                    if reason == Refusal::Blank || refusal != Refusal::NoHeader {
                        reason = refusal;
                    }
                }
            }
            trials += 1;
            if trials == MAX_TRIALS {
                break;
            }
        }
        Err(Error::unsupported(format!("a video, but no lab stream was found in it: {reason}")))
    }
}

/// The last picture without a frame. Posters stand still for a second, and a search without a result is the
/// slowest.
#[derive(Default)]
struct LastRefused {
    /// A subset of its luma samples.
    samples: Vec<u8>,
    refusal: Option<Refusal>,
}

impl LastRefused {
    /// The reason of the last refusal, if `picture` is nearly equal: less than 4 levels of difference on
    /// average.
    fn again(&self, picture: &Frame) -> Option<Refusal> {
        let samples = Self::samples(picture);
        let difference: u64 = samples.zip(&self.samples).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        self.refusal.filter(|_| difference < 4 * self.samples.len() as u64)
    }

    fn set(&mut self, picture: &Frame, refusal: Refusal) {
        self.samples.clear();
        self.samples.extend(Self::samples(picture));
        self.refusal = Some(refusal);
    }

    /// A prime stride, so that the samples do not fall on one column or row.
    fn samples(picture: &Frame) -> impl Iterator<Item = u8> {
        picture.plane(0).iter().step_by(61).copied()
    }
}

/// Tries the picture's own size, then the default sizes of the profiles.
fn identify(picture: &Frame, size: (u32, u32)) -> Result<Identity, Refusal> {
    let mut sizes = vec![(size.0 as usize, size.1 as usize)];
    for size in profile::PROFILES.iter().map(|profile| profile.size) {
        if !sizes.contains(&size) {
            sizes.push(size);
        }
    }
    let mut reason = Refusal::NoHeader;
    for (width, height) in sizes {
        // Headers are the same in all profiles, so any modem reads the profile's number; the second trial
        // uses it.
        let mut candidate = profile::PROFILES.first().copied();
        for _ in 0..2 {
            let Some(profile) = candidate.take() else { break };
            let Some(modem) = (profile.modem)(width, height, profile.parity) else { break };
            match modem.detect(picture, None) {
                Detection::Frame { header, grid, .. } | Detection::Lost { header, grid, .. } => {
                    // Build the modem with the header's parity once, so that no frame has to build codewords
                    // again.
                    let parity = usize::from(header.parity);
                    let modem = match (profile.modem)(width, height, parity) {
                        Some(modem) => modem,
                        None => return Err(Refusal::Parity(header.parity)),
                    };
                    return Ok(Identity { profile, modem: modem.into(), grid, header });
                }
                Detection::None(Refusal::Profile(number)) => {
                    candidate = profile::by_number(number);
                    reason = Refusal::Profile(number);
                }
                Detection::None(Refusal::Blank) => return Err(Refusal::Blank),
                Detection::None(refusal) => {
                    if reason == Refusal::NoHeader {
                        reason = refusal;
                    }
                }
            }
        }
    }
    Err(reason)
}

/// A frame of the stream, with its payload if that could be corrected.
#[derive(Debug, Clone)]
pub struct Scanned {
    /// The header.
    pub header: FrameHeader,
    /// The payload; `None` where it could not be corrected.
    pub payload: Option<Vec<u8>>,
}

/// Reads the frames of one stream in a copy, each once.
pub struct Scanner {
    pictures: Pictures,
    modem: Arc<dyn Modem>,
    stream_id: u32,
    grid: Option<Grid>,
    recent: VecDeque<u32>,
    last_refused: LastRefused,
}

impl Scanner {
    /// Starts reading at `start` seconds.
    ///
    /// # Errors
    /// As [`Decoder::open`].
    pub fn open(
        path: &Path,
        clip: &Clip,
        identity: &Identity,
        start: Option<f64>,
        cx: &Context,
    ) -> Result<Self> {
        Ok(Self {
            pictures: Pictures::open(path, clip, start, cx)?,
            modem: identity.modem.clone(),
            stream_id: identity.header.stream_id,
            grid: Some(identity.grid),
            recent: VecDeque::with_capacity(RECENT_FRAMES),
            last_refused: LastRefused::default(),
        })
    }

    /// The next frame.
    ///
    /// # Errors
    /// As [`Decoder::read`].
    pub fn next(&mut self, health: &mut Health) -> Result<Option<Scanned>> {
        while let Some(picture) = self.pictures.read()? {
            health.pictures += 1;
            if let Some(refusal) = self.last_refused.again(picture) {
                *health.refused.entry(refusal.to_string()).or_default() += 1;
                continue;
            }
            let (header, payload, margin, grid) = match self.modem.detect(picture, self.grid) {
                Detection::Frame { header, payload, margin, grid } => (header, Some(payload), margin, grid),
                Detection::Lost { header, margin, grid } => (header, None, margin, grid),
                Detection::None(Refusal::Blank) => {
                    health.blank += 1;
                    continue;
                }
                Detection::None(refusal) => {
                    self.last_refused.set(picture, refusal);
                    *health.refused.entry(refusal.to_string()).or_default() += 1;
                    continue;
                }
            };
            if header.stream_id != self.stream_id {
                *health.refused.entry("a frame of another stream".to_string()).or_default() += 1;
                continue;
            }
            self.grid = Some(grid);
            if self.recent.contains(&header.frame) {
                health.repeated += 1;
                continue;
            }
            // A damaged frame is not recorded: a repetition of it may be whole.
            if payload.is_some() {
                if self.recent.len() == RECENT_FRAMES {
                    self.recent.pop_front();
                }
                self.recent.push_back(header.frame);
            }
            health.note(&header, &margin, payload.is_some());
            return Ok(Some(Scanned { header, payload }));
        }
        Ok(None)
    }
}
