//! Pictures back to frames: the pictures of a copy, one after the other, through a modem.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use lab_codec::{Context, Error, Result};
use lab_media::ffmpeg::{Clip, DecodeOptions, Decoder};
use lab_media::{Frame, PixelFormat};

use super::Health;
use crate::modem::{Detection, FrameHeader, Grid, Modem, Refusal};
use crate::profile::{self, Profile};

/// Frame numbers that are remembered, so that repetitions are noticed.
const RECENT: usize = 64;

/// Pictures that are looked through for a first frame.
const PICTURES: usize = 600;

/// Pictures that differ from the one before, of those.
const TRIALS: usize = 60;

/// The pictures of a clip.
pub struct Pictures {
    decoder: Decoder,
    frame: Frame,
}

impl Pictures {
    /// Begins at `start` seconds.
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

/// What a copy holds, as its first frame tells.
#[derive(Clone)]
pub struct Identity {
    /// The profile.
    pub profile: &'static Profile,
    /// The modem of its frames.
    pub modem: Arc<dyn Modem>,
    /// Where the frames lie in the pictures.
    pub grid: Grid,
    /// The header of the first frame that was found.
    pub header: FrameHeader,
}

impl Identity {
    /// Looks for the first frame of a clip.
    ///
    /// # Errors
    /// [`Unsupported`](lab_codec::ErrorKind::Unsupported) with the reason where there is none among the first
    /// pictures; errors of the decoder.
    pub fn of(path: &Path, clip: &Clip, cx: &Context) -> Result<Self> {
        let mut pictures = Pictures::open(path, clip, None, cx)?;
        let mut last = NoFrame::default();
        let mut reason = Refusal::Blank;
        let mut trials = 0;
        for _ in 0..PICTURES {
            let Some(picture) = pictures.read()? else { break };
            if last.again(picture).is_some() {
                continue;
            }
            match identify(picture, clip.size) {
                Ok(identity) => return Ok(identity),
                Err(Refusal::Blank) => continue,
                Err(refusal) => {
                    last.set(picture, refusal);
                    // What says most: a frame of which something is missing.
                    if reason == Refusal::Blank || refusal != Refusal::NoHeader {
                        reason = refusal;
                    }
                }
            }
            trials += 1;
            if trials == TRIALS {
                break;
            }
        }
        Err(Error::unsupported(format!("a video, but no lab stream was found in it: {reason}")))
    }
}

/// The last picture that was no frame: posters stand for a second, and to look for a frame where none is takes long.
#[derive(Default)]
struct NoFrame {
    /// Some of its luma samples.
    samples: Vec<u8>,
    refusal: Option<Refusal>,
}

impl NoFrame {
    /// Why `picture` is no frame, where it is nearly the same.
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

    /// A prime distance, so that no column or row is met too often.
    fn samples(picture: &Frame) -> impl Iterator<Item = u8> {
        picture.plane(0).iter().step_by(61).copied()
    }
}

/// Tries all sizes of pictures that come into question.
fn identify(picture: &Frame, size: (u32, u32)) -> Result<Identity, Refusal> {
    let mut sizes = vec![(size.0 as usize, size.1 as usize)];
    for size in profile::PROFILES.iter().map(|profile| profile.size) {
        if !sizes.contains(&size) {
            sizes.push(size);
        }
    }
    let mut reason = Refusal::NoHeader;
    for (width, height) in sizes {
        // Headers are the same in all profiles: any modem reads which it is.
        let mut guess = profile::PROFILES.first().copied();
        for _ in 0..2 {
            let Some(profile) = guess.take() else { break };
            let Some(modem) = (profile.modem)(width, height, profile.parity) else { break };
            match modem.detect(picture, None) {
                Detection::Frame { header, grid, .. } | Detection::Lost { header, grid, .. } => {
                    // The others have the same words, which are laid out once.
                    let parity = usize::from(header.parity);
                    let modem = match (profile.modem)(width, height, parity) {
                        Some(modem) => modem,
                        None => return Err(Refusal::Parity(header.parity)),
                    };
                    return Ok(Identity { profile, modem: modem.into(), grid, header });
                }
                Detection::None(Refusal::Profile(number)) => {
                    guess = profile::by_number(number);
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

/// A frame of the stream.
#[derive(Debug, Clone)]
pub struct Scanned {
    /// The header.
    pub header: FrameHeader,
    /// The payload; `None` where it could not be read.
    pub payload: Option<Vec<u8>>,
}

/// The frames of one stream in a copy, each once.
pub struct Scanner {
    pictures: Pictures,
    modem: Arc<dyn Modem>,
    stream_id: u32,
    grid: Option<Grid>,
    recent: VecDeque<u32>,
    no_frame: NoFrame,
}

impl Scanner {
    /// Begins at `start` seconds.
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
            recent: VecDeque::with_capacity(RECENT),
            no_frame: NoFrame::default(),
        })
    }

    /// The next frame.
    ///
    /// # Errors
    /// As [`Decoder::read`].
    pub fn next(&mut self, health: &mut Health) -> Result<Option<Scanned>> {
        while let Some(picture) = self.pictures.read()? {
            health.pictures += 1;
            if let Some(refusal) = self.no_frame.again(picture) {
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
                    self.no_frame.set(picture, refusal);
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
            // A damaged frame may come again whole.
            if payload.is_some() {
                if self.recent.len() == RECENT {
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
