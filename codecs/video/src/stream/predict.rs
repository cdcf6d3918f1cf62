//! What a video will take, before it is made.

use lab_codec::{Context, Result};

use super::channel::make_clip;
use super::film::poster_pictures;
use super::{Settings, poster};
use crate::exact::size::{FRAMES_PER_SECOND, FrameSize};
use crate::profile::Structure;

/// What a video will take, as a few frames of it tell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// Coded frames: data, parity, manifests.
    pub frames: u64,
    /// Seconds of video.
    pub seconds: f64,
    /// Bytes.
    pub bytes: u64,
}

/// Frames of the trial where pictures do not come in groups.
const TRIAL: u32 = 8;

/// Frames from which a trial is short beside the video itself.
const LONG: u64 = 256;

/// Whether the video of a stream of `len` bytes is so long that a trial takes little of its time.
pub fn is_long(settings: &Settings, len: u64) -> bool {
    settings.layout.frames(len, settings.loss) >= LONG
}

/// What the video of a stream of `len` bytes will take: by a trial with `settings`, or without them by the profile `exact`.
///
/// # Errors
/// Those of [`bytes_per_frame`].
pub fn forecast(settings: Option<&Settings>, len: u64, cx: &Context) -> Result<Prediction> {
    match settings {
        Some(settings) => Ok(predict(settings, len, bytes_per_frame(settings, cx)?)),
        None => Ok(exactly(len)),
    }
}

/// Of the profile `exact`, whose frames hold the bytes unchanged.
fn exactly(len: u64) -> Prediction {
    let size = FrameSize::for_payload(len);
    let frames = len.div_ceil(size.capacity() as u64).max(1);
    // 0.53 % for frame headers, and the tables of the file.
    let bytes = len as f64 * 1.01 + 4096.0;
    Prediction { frames, seconds: frames as f64 / f64::from(FRAMES_PER_SECOND), bytes: bytes as u64 }
}

/// The bytes that a frame takes, by a trial with random payload. For [`predict`].
///
/// # Errors
/// As [`make_clip`]; I/O errors of the scratch directory.
pub fn bytes_per_frame(settings: &Settings, cx: &Context) -> Result<f64> {
    let frames = match settings.profile.structure {
        Structure::Plain => TRIAL,
        Structure::Grey { data, groups } => (data * groups) as u32,
    };
    let directory = tempfile::Builder::new().prefix("lab-video-").tempdir_in(cx.scratch())?;
    let mut trial = settings.clone();
    trial.journal = None;
    let quiet = cx.clone().with_observer(std::sync::Arc::new(lab_codec::Silent));
    let bytes = make_clip(&trial, frames, &directory.path().join("trial.mp4"), &quiet)?;
    Ok(bytes as f64 / f64::from(frames))
}

/// What a stream of `len` bytes will take where a frame takes `bytes_per_frame`.
pub fn predict(settings: &Settings, len: u64, bytes_per_frame: f64) -> Prediction {
    let frames = settings.layout.frames(len, settings.loss);
    let structure = settings.profile.structure;
    let shown = poster::is_shown(settings.profile);
    let poster = if shown { poster_pictures(structure, settings.rate) } else { 0 };
    let pictures = poster + super::film::pictures_of(structure, frames);
    // A poster costs about as much as a frame.
    let bytes = (frames as f64 + f64::from(u8::from(shown))) * bytes_per_frame;
    Prediction { frames, seconds: pictures as f64 / settings.rate.as_f64(), bytes: bytes as u64 }
}
