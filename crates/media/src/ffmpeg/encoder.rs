//! Encoders of ffmpeg, and which of them work on this machine.
//!
//! ffmpeg may list an encoder that does not work: builds include NVENC without any GPU present. Therefore
//! each encoder encodes one test frame, once per process.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use lab_codec::{Context, Error, ErrorKind, Result, nearest};

use super::{Tools, words};

/// An encoder of ffmpeg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoder {
    /// H.264 by x264.
    X264,
    /// H.265 by x265.
    X265,
    /// AV1 by SVT-AV1.
    SvtAv1,
    /// VP9 by libvpx.
    Vp9,
    /// H.264 by OpenH264.
    OpenH264,
    /// H.264 on an NVIDIA GPU.
    Nvenc,
    /// H.265 on an NVIDIA GPU.
    NvencHevc,
    /// H.264 by VA-API (Intel and AMD GPUs).
    Vaapi,
    /// H.265 by VA-API.
    VaapiHevc,
    /// FFV1, lossless.
    Ffv1,
}

/// Name for users, ffmpeg's name, and for hardware encoders the software encoder of the same format.
type Row = (Encoder, &'static str, &'static str, Option<Encoder>);

const ENCODERS: [Row; 10] = [
    (Encoder::X264, "x264", "libx264", None),
    (Encoder::X265, "x265", "libx265", None),
    (Encoder::SvtAv1, "svtav1", "libsvtav1", None),
    (Encoder::Vp9, "vp9", "libvpx-vp9", None),
    (Encoder::OpenH264, "openh264", "libopenh264", Some(Encoder::X264)),
    (Encoder::Nvenc, "nvenc", "h264_nvenc", Some(Encoder::X264)),
    (Encoder::NvencHevc, "nvenc-hevc", "hevc_nvenc", Some(Encoder::X265)),
    (Encoder::Vaapi, "vaapi", "h264_vaapi", Some(Encoder::X264)),
    (Encoder::VaapiHevc, "vaapi-hevc", "hevc_vaapi", Some(Encoder::X265)),
    (Encoder::Ffv1, "ffv1", "ffv1", None),
];

/// The encoder to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// An encoder that works.
    pub encoder: Encoder,
    /// The requested encoder that does not work here, with the reason.
    pub instead_of: Option<(Encoder, String)>,
}

impl Encoder {
    /// All encoders.
    pub fn all() -> impl Iterator<Item = Self> {
        ENCODERS.iter().map(|row| row.0)
    }

    fn row(self) -> &'static Row {
        &ENCODERS[self as usize]
    }

    /// Name for users.
    pub fn word(self) -> &'static str {
        self.row().1
    }

    /// ffmpeg's name.
    pub fn name(self) -> &'static str {
        self.row().2
    }

    /// The encoder with the user's name `word`.
    ///
    /// # Errors
    /// [`Param`](ErrorKind::Param), with the nearest name.
    pub fn parse(word: &str) -> Result<Self> {
        let found = ENCODERS.iter().find(|row| row.1 == word).map(|row| row.0);
        found.ok_or_else(|| {
            let words = ENCODERS.iter().map(|row| row.1);
            let hint = match nearest(word, words.clone()) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("there are {}", words.collect::<Vec<_>>().join(", ")),
            };
            Error::param(format!("unknown encoder {word:?}; {hint}"))
        })
    }

    /// Whether the encoder runs on a GPU.
    pub fn is_hardware(self) -> bool {
        matches!(self, Self::Nvenc | Self::NvencHevc | Self::Vaapi | Self::VaapiHevc)
    }

    /// ffmpeg options before the input.
    pub(super) fn input_arguments(self) -> &'static [&'static str] {
        match self {
            Self::Vaapi | Self::VaapiHevc => &["-vaapi_device", "/dev/dri/renderD128"],
            _ => &[],
        }
    }

    /// ffmpeg options that select the encoder.
    pub(super) fn output_arguments(self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = match self {
            Self::Vaapi | Self::VaapiHevc => words(["-vf", "format=nv12,hwupload"]).collect(),
            _ => Vec::new(),
        };
        arguments.extend(words(["-c:v", self.name()]));
        arguments
    }

    /// Tests the encoder on one frame, once per process; the result holds the reason of a failure.
    ///
    /// # Errors
    /// [`MissingTool`](ErrorKind::MissingTool), [`Cancelled`](ErrorKind::Cancelled).
    pub fn probe(self, cx: &Context) -> Result<Result<(), String>> {
        type Verdicts = HashMap<(PathBuf, Encoder), Result<(), String>>;
        static VERDICTS: Mutex<Option<Verdicts>> = Mutex::new(None);
        let tools = Tools::find()?;
        let key = (tools.ffmpeg.clone(), self);
        let mut verdicts = VERDICTS.lock().unwrap_or_else(PoisonError::into_inner);
        let verdicts = verdicts.get_or_insert_default();
        if let Some(verdict) = verdicts.get(&key) {
            return Ok(verdict.clone());
        }
        // Some hardware refuses frames below 256 pixels.
        let mut arguments: Vec<_> = words(["-hide_banner", "-loglevel", "error"]).collect();
        arguments.extend(words(self.input_arguments().iter().copied()));
        arguments.extend(words(["-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", "256x256"]));
        arguments.extend(words(["-framerate", "25", "-i", "pipe:0"]));
        arguments.extend(self.output_arguments());
        arguments.extend(words(["-frames:v", "1", "-f", "null", "-"]));
        let frame = vec![128; 256 * 256 * 3 / 2];
        let verdict = match tools.ask(&tools.ffmpeg, &arguments, &frame, cx) {
            Ok(_) => Ok(()),
            Err(e) if e.kind() == ErrorKind::Tool => Err(e.message().to_string()),
            Err(e) => return Err(e),
        };
        verdicts.insert(key, verdict.clone());
        Ok(verdict)
    }

    /// Chooses an encoder. `wanted` is used if it works, else the software encoder of the same format, which
    /// the choice reports. Without `wanted`, the first of `candidates` that works.
    ///
    /// # Errors
    /// [`MissingTool`](ErrorKind::MissingTool) if none works, with the reason of the last.
    pub fn choose(wanted: Option<Self>, candidates: &[Self], cx: &Context) -> Result<Choice> {
        let fallback = wanted.and_then(|encoder| encoder.row().3);
        let list = match wanted {
            Some(wanted) => [wanted].into_iter().chain(fallback).collect(),
            None => candidates.to_vec(),
        };
        let mut refused: Option<(Self, String)> = None;
        for encoder in list {
            match encoder.probe(cx)? {
                Ok(()) => {
                    let instead_of = refused.filter(|_| wanted.is_some());
                    return Ok(Choice { encoder, instead_of });
                }
                Err(why) => refused = refused.or(Some((encoder, why))),
            }
        }
        let (word, why) =
            refused.map_or(("any".into(), String::new()), |(e, why)| (e.word().to_string(), why));
        Err(Error::new(ErrorKind::MissingTool, format!("the encoder {word} does not work here: {why}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_the_enumeration() {
        for (i, encoder) in Encoder::all().enumerate() {
            assert_eq!(encoder as usize, i);
            assert_eq!(Encoder::parse(encoder.word()).unwrap(), encoder);
        }
        assert!(Encoder::parse("x256").unwrap_err().to_string().contains("did you mean"));
        assert!(Encoder::parse("zzz").unwrap_err().to_string().contains("svtav1"));
    }
}
