//! Reads facts about a clip with ffprobe.

use std::collections::BTreeMap;
use std::path::Path;

use lab_codec::{Context, Error, ErrorKind, Result};
use serde::Deserialize;

use super::{Tools, garbage, input, words};
use crate::{Colour, PixelFormat, Rate, Shape, Video};

/// Facts about the first video stream of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// Width and height in pixels, as coded.
    pub size: (u32, u32),
    /// ffmpeg's name of the pixel format.
    pub pixels: String,
    /// Colour tags of the samples.
    pub colour: Colour,
    /// Frames per second: the average, or the nominal rate if the average is unknown.
    pub rate: Rate,
    /// Time base: the unit of timestamps, in seconds.
    pub time_base: Rate,
    /// Number of frames according to the container.
    pub frames: Option<u64>,
    /// Duration in seconds.
    pub duration: Option<f64>,
    /// ffmpeg's name of the codec.
    pub codec: String,
    /// Tags of the container.
    pub tags: BTreeMap<String, String>,
    /// Version of ffmpeg, if ffprobe lies beside it and reports its own.
    pub version: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    program_version: Option<ProgramVersion>,
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    format: Format,
}

#[derive(Deserialize)]
struct ProgramVersion {
    version: String,
}

#[derive(Deserialize)]
struct Stream {
    #[serde(default)]
    codec_name: String,
    #[serde(default)]
    width: u32,
    #[serde(default)]
    height: u32,
    #[serde(default)]
    pix_fmt: String,
    color_range: Option<String>,
    color_space: Option<String>,
    color_primaries: Option<String>,
    color_transfer: Option<String>,
    avg_frame_rate: Option<String>,
    r_frame_rate: Option<String>,
    time_base: Option<String>,
    nb_frames: Option<String>,
    duration: Option<String>,
}

#[derive(Default, Deserialize)]
struct Format {
    duration: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

impl Clip {
    /// Queries ffprobe about the file at `path`.
    ///
    /// # Errors
    /// [`MissingTool`](lab_codec::ErrorKind::MissingTool); [`Corrupt`](lab_codec::ErrorKind::Corrupt) if
    /// ffprobe cannot read the file; [`Tool`](lab_codec::ErrorKind::Tool) if ffprobe fails without a file or
    /// prints an invalid answer; [`Unsupported`](lab_codec::ErrorKind::Unsupported) if the file holds no
    /// video.
    pub fn of(path: &Path, cx: &Context) -> Result<Self> {
        let tools = Tools::find()?;
        // Queries the version too, which saves a query to ffmpeg.
        let shown = ["-show_program_version", "-show_streams", "-show_format", "-of", "json"];
        let mut arguments: Vec<_> =
            words(["-v", "error", "-select_streams", "V:0"]).chain(words(shown)).collect();
        arguments.extend(input::arguments(path));
        input::check(path)?;
        let answer = tools.ask(&tools.ffprobe, &arguments, &[], cx).map_err(|e| {
            let e = input::refusal(e);
            // If ffprobe answers a query without a file, the file is at fault.
            let works = || tools.ask(&tools.ffprobe, &["-version".into()], &[], cx).is_ok();
            match e.kind() {
                ErrorKind::Tool if works() => {
                    Error::corrupt(format!("cannot read the video: {}", e.message()))
                }
                _ => e,
            }
        })?;
        let mut clip = Self::parse(&answer)
            .ok_or_else(|| garbage(&tools.ffprobe, "something else than facts about the file"))??;
        clip.version = clip.version.filter(|_| tools.are_one());
        Ok(clip)
    }

    /// Parses the answer; `None` if it is invalid.
    fn parse(answer: &[u8]) -> Option<Result<Self>> {
        let answer: Answer = serde_json::from_slice(answer).ok()?;
        let Some(stream) = answer.streams.into_iter().next() else {
            return Some(Err(Error::unsupported("the file holds no video")));
        };
        let rate = |text: &Option<String>| text.as_deref().and_then(Rate::parse);
        let number = |text: &Option<String>| text.as_deref().and_then(|t| t.parse::<f64>().ok());
        let word = |text: &'_ Option<String>| text.clone();
        let (range, matrix, primaries, transfer) = (
            word(&stream.color_range),
            word(&stream.color_space),
            word(&stream.color_primaries),
            word(&stream.color_transfer),
        );
        Some(Ok(Self {
            size: (stream.width, stream.height),
            pixels: stream.pix_fmt,
            colour: Colour::from_names(
                range.as_deref(),
                matrix.as_deref(),
                primaries.as_deref(),
                transfer.as_deref(),
            ),
            rate: rate(&stream.avg_frame_rate)
                .or_else(|| rate(&stream.r_frame_rate))
                .unwrap_or(Rate { num: 25, den: 1 }),
            time_base: rate(&stream.time_base).unwrap_or(Rate { num: 1, den: 1000 }),
            frames: stream.nb_frames.and_then(|text| text.parse().ok()),
            duration: number(&stream.duration)
                .or_else(|| number(&answer.format.duration))
                .filter(|seconds| seconds.is_finite() && *seconds >= 0.0),
            codec: stream.codec_name,
            tags: answer.format.tags,
            version: answer.program_version.map(|program| program.version),
        }))
    }

    /// The pixel format that holds the clip's samples unchanged, and the format to request from ffmpeg.
    ///
    /// # Errors
    /// [`Unsupported`](lab_codec::ErrorKind::Unsupported) if there is none.
    pub fn native(&self) -> Result<(PixelFormat, String)> {
        let format = PixelFormat::of_ffmpeg(&self.pixels).ok_or_else(|| {
            Error::unsupported(format!("no pixel format holds samples in {:?} unchanged", self.pixels))
        })?;
        Ok((format, self.name_of(format)))
    }

    /// The format to request from ffmpeg for samples in `format`. Samples in this format stay unchanged: for
    /// `yuv420p`, ffmpeg would rescale the full range of `yuvj420p`.
    pub(super) fn name_of(&self, format: PixelFormat) -> String {
        match PixelFormat::of_ffmpeg(&self.pixels) {
            Some(native) if native == format && self.pixels.starts_with("yuvj") => self.pixels.clone(),
            _ => format.name().to_string(),
        }
    }

    /// Shape, colour and rate of the frames when read as `format`.
    ///
    /// # Errors
    /// As for [`Shape::checked`].
    pub fn video(&self, format: PixelFormat, cx: &Context) -> Result<Video> {
        let (width, height) = self.size;
        let shape = Shape::checked(width, height, format, cx.limits())?;
        let mut colour = self.colour;
        if self.pixels.starts_with("yuvj") {
            colour.range = crate::colour::Range::Full;
        }
        Ok(Video { shape, colour, rate: self.rate, frames: self.frames })
    }

    /// Maximum number of frames, with a generous margin; `None` if unknown.
    pub(super) fn bound(&self) -> Option<u64> {
        let timed = self.duration.map(|seconds| (seconds * self.rate.as_f64()) as u64);
        let most = self.frames.into_iter().chain(timed).max()?;
        Some(most.saturating_mul(4).saturating_add(1000))
    }
}

/// Presentation times of all frames of the clip at `path`, ascending, in units of its time base. They are
/// read from the container without decoding.
///
/// # Errors
/// As for [`Clip::of`].
pub fn timestamps(path: &Path, cx: &Context) -> Result<Vec<i64>> {
    let tools = Tools::find()?;
    let mut arguments: Vec<_> =
        words(["-v", "error", "-select_streams", "V:0", "-show_entries", "packet=pts", "-of", "csv=p=0"])
            .collect();
    arguments.extend(input::arguments(path));
    let answer = tools.ask(&tools.ffprobe, &arguments, &[], cx)?;
    let text = std::str::from_utf8(&answer)
        .map_err(|_| garbage(&tools.ffprobe, "something else than timestamps"))?;
    let mut times: Vec<i64> =
        text.lines().filter_map(|line| line.trim_end_matches(',').parse().ok()).collect();
    times.sort_unstable();
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_none() {
        assert!(Clip::parse(b"Segmentation fault").is_none());
        assert!(Clip::parse(b"[1, 2]").is_none());
        assert!(Clip::parse(b"{}").unwrap().is_err());
        let clip =
            Clip::parse(br#"{"streams":[{"width":4,"height":2,"pix_fmt":"yuvj420p","nb_frames":"7"}]}"#);
        let clip = clip.unwrap().unwrap();
        assert_eq!(clip.native().unwrap(), (PixelFormat::Yuv420p, "yuvj420p".to_string()));
        assert_eq!(clip.name_of(PixelFormat::Rgb24), "rgb24");
        assert_eq!(clip.bound(), Some(1028));
    }
}
