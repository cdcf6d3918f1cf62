//! What a profile needs to survive a channel, as the copy of a test clip tells.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use lab_codec::{Context, Error, ErrorKind, Result};
use lab_process::{Job, Limits};
use serde::Serialize;

use super::Settings;
use super::channel::{Measurement, make_clip, measure};
use super::layout::{MAX_LOSS, parity_for};

/// How long a command may take.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// Data frames of the group for which parity across frames is counted.
const GROUP: usize = 256;

/// What a profile needs to survive a channel.
#[derive(Debug, Clone, Serialize)]
pub struct Survival {
    /// The profile's name.
    pub profile: &'static str,
    /// Frames of the clip.
    pub frames: u64,
    /// Frames that were found in the copy.
    pub found: u64,
    /// The share of wrong bits in those.
    pub bit_error_rate: f64,
    /// Wrong bytes in the worst Reed-Solomon word.
    pub worst_word: usize,
    /// Parity bytes a word that the channel needs; `None` where no parity suffices.
    pub parity: Option<usize>,
    /// Bytes of the clip for each byte of payload that would arrive.
    pub v_per_p: Option<f64>,
    /// Why nothing of the copy could be read.
    pub error: Option<String>,
}

impl Survival {
    /// The survival of a copy. `clip` are the bytes and frames of the clip as it was made, where they are
    /// known.
    pub fn of(measured: &Measurement, clip: Option<(u64, u64)>) -> Self {
        let sent = clip.map_or(measured.sent, |(_, frames)| frames);
        let loss = 1.0 - measured.frames as f64 / sent.max(1) as f64;
        let across = (loss < MAX_LOSS).then(|| 1.0 + parity_for(GROUP, loss) as f64 / GROUP as f64);
        let v_per_p = clip.zip(measured.payload()).zip(across);
        Self {
            profile: measured.profile.name,
            frames: sent,
            found: measured.frames,
            bit_error_rate: measured.bit_error_rate(),
            worst_word: measured.worst_word,
            parity: measured.parity(),
            v_per_p: v_per_p.map(|(((bytes, frames), payload), across)| {
                bytes as f64 / frames as f64 / payload as f64 * across
            }),
            error: None,
        }
    }

    /// Sends a test clip of `frames` frames through a command, split at blanks: `{in}` and `{out}` stand
    /// for the clip and the copy. Both go into `directory`; `ending` is the extension of the copy.
    ///
    /// # Errors
    /// [`Usage`](ErrorKind::Usage) for a command without `{in}` or `{out}`; failures of the command and of
    /// ffmpeg.
    pub fn through(
        command: &str,
        settings: &Settings,
        frames: u32,
        directory: &Path,
        ending: &str,
        cx: &Context,
    ) -> Result<Self> {
        if !command.contains("{in}") || !command.contains("{out}") {
            return Err(Error::usage(
                "the command has no {in} and {out}, which stand for the clip and the copy",
            ));
        }
        let clip = directory.join("clip.mp4");
        let copy = directory.join(format!("copy.{ending}"));
        let bytes = make_clip(settings, frames, &clip, cx)?;
        let place = |word: &str| {
            let word =
                word.replace("{in}", &clip.to_string_lossy()).replace("{out}", &copy.to_string_lossy());
            OsString::from(word)
        };
        let mut command = lab_process::command(command.split_whitespace().map(place))?;
        let limits = Limits { timeout: Some(TIMEOUT), ..Limits::default() };
        let job = Job { input: &[], output_limit: 64 << 20, limits };
        lab_process::run(&mut command, &job, &mut Vec::new(), cx)?;
        match measure(&copy, cx) {
            Ok(measured) => Ok(Self::of(&measured, Some((bytes, frames.into())))),
            Err(e) if e.kind() == ErrorKind::Unsupported => Ok(Self {
                profile: settings.profile.name,
                frames: frames.into(),
                found: 0,
                bit_error_rate: 0.5,
                worst_word: 0,
                parity: None,
                v_per_p: None,
                error: Some(e.to_string()),
            }),
            Err(e) => Err(e),
        }
    }
}
