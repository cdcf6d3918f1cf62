//! Predicts size and duration of a video from a trial encode of a few frames.

use lab_codec::{Context, Result};

use super::channel::make_clip;
use super::film::poster_pictures;
use super::{Settings, poster};
use crate::exact::size::{FRAMES_PER_SECOND, FrameSize};
use crate::profile::Structure;

/// Predicted size and duration of a video.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// Coded frames: data, parity, manifests.
    pub frames: u64,
    /// Seconds of video.
    pub seconds: f64,
    /// Size in bytes.
    pub bytes: u64,
}

/// Frames of the trial where the structure has no groups of pictures; otherwise it encodes one whole group.
const PLAIN_TRIAL_FRAMES: u32 = 8;

/// Minimum frames of a video that is long beside its trial.
const LONG_VIDEO: u64 = 256;

/// Whether the video of a stream of `len` bytes is so long that a trial takes little of its time.
pub fn is_long(settings: &Settings, len: u64) -> bool {
    settings.layout.frames(len, settings.loss) >= LONG_VIDEO
}

/// Predicts the video of a stream of `len` bytes: by a trial with `settings`, or, without them, for the
/// profile `exact`.
///
/// # Errors
/// Those of [`bytes_per_frame`].
pub fn forecast(settings: Option<&Settings>, len: u64, cx: &Context) -> Result<Prediction> {
    match settings {
        Some(settings) => Ok(predict(settings, len, bytes_per_frame(settings, cx)?)),
        None => Ok(exactly(len)),
    }
}

/// Prediction for the profile `exact`, whose frames hold the bytes unchanged.
fn exactly(len: u64) -> Prediction {
    let size = FrameSize::for_payload(len);
    let frames = len.div_ceil(size.capacity() as u64).max(1);
    // 0.53 % for frame headers, and the tables of the file.
    let bytes = len as f64 * 1.01 + 4096.0;
    Prediction { frames, seconds: frames as f64 / f64::from(FRAMES_PER_SECOND), bytes: bytes as u64 }
}

/// Bytes per frame, measured on a trial encode with random payload, for [`predict`].
///
/// # Errors
/// As [`make_clip`]; I/O errors of the scratch directory.
pub fn bytes_per_frame(settings: &Settings, cx: &Context) -> Result<f64> {
    let frames = match settings.profile.structure {
        Structure::Plain => PLAIN_TRIAL_FRAMES,
        Structure::Grey { data, groups } => (data * groups) as u32,
    };
    let directory = tempfile::Builder::new().prefix("lab-video-").tempdir_in(cx.scratch())?;
    let mut trial = settings.clone();
    trial.journal = None;
    let quiet = cx.clone().with_observer(std::sync::Arc::new(lab_codec::Silent));
    let bytes = make_clip(&trial, frames, &directory.path().join("trial.mp4"), &quiet)?;
    Ok(bytes as f64 / f64::from(frames))
}

/// Predicts the video of a stream of `len` bytes where a frame takes `bytes_per_frame`.
pub fn predict(settings: &Settings, len: u64, bytes_per_frame: f64) -> Prediction {
    let frames = settings.layout.frames(len, settings.loss);
    let structure = settings.profile.structure;
    let shown = poster::is_shown(settings.profile);
    let poster = if shown { poster_pictures(structure, settings.rate) } else { 0 };
    let pictures = poster + super::film::pictures_of(structure, frames);
    // A poster is one still picture: count it as one frame.
    let bytes = (frames as f64 + f64::from(u8::from(shown))) * bytes_per_frame;
    Prediction { frames, seconds: pictures as f64 / settings.rate.as_f64(), bytes: bytes as u64 }
}
