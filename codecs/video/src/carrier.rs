//! The carrier `video`: parameters, and the choice between the profile `exact` and the lossy ones.

use std::sync::Arc;

use lab_codec::{
    Carrier, Context, Entry, Error, ErrorKind, Info, Memory, Param, Params, Probe, Resources, Result, Source,
    StreamReader, StreamWriter, Target,
};
use lab_media::{Rate, container};

use crate::exact;
use crate::profile::{self, Profile};
use crate::stream::{self, Overrides, Settings};

const PROFILE: Param = Param::choice(
    "profile",
    profile::NAMES,
    0,
    "how bytes map to pixels; exact: only lossless copies, V/P 1.005, without ffmpeg; the others survive \
        lossy copies",
);
const LOSS: Param =
    Param::text("loss", "", "tolerated share of lost frames, such as 10% [default: 0.1%; dense 0]");
const PARITY: Param = Param::text(
    "parity",
    "",
    "parity bytes per codeword of 255 bytes; two correct one wrong byte [default: the profile's]",
);
const ENCODER: Param =
    Param::text("encoder", "", "ffmpeg encoder: x264, x265, nvenc, ... [default: the profile's]");
const SIZE: Param = Param::text("size", "", "picture size, such as 1280x720 [default: the profile's]");
const RATE: Param =
    Param::text("fps", "", "frames per second, such as 24 or 30000/1001 [default: the profile's]");
const CRF: Param =
    Param::text("crf", "", "the encoder's constant rate factor [default: the profile's quantiser]");
const PRESET: Param = Param::text("preset", "", "the encoder's preset [default: the profile's]");
const CHUNK: Param = Param::text("chunk", "", "maximum payload bytes per frame [default: all that fit]");
const STYLE: Param = Param::text("style", "", "picture style of art and f2v2f [default: by the content]");

static INFO: Info = Info::new(
    "video",
    "a playable MP4 video whose pixels hold the stream; profiles other than exact need ffmpeg",
)
.params(&[PROFILE, LOSS, PARITY, ENCODER, SIZE, RATE, CRF, PRESET, CHUNK, STYLE])
.memory(|params, _| match profile_of(params) {
    None => Memory::new(exact::WRITER_MEMORY, exact::READER_MEMORY),
    Some(_) => Memory::new(stream::MEMORY, stream::MEMORY),
})
.range_decode()
.pipe();

/// The carrier `video`, for a registry.
pub const VIDEO: Entry =
    Entry::carrier(&INFO, |params: &Params, _: &Resources| -> Result<Arc<dyn Carrier>> {
        let overrides = overrides(params)?;
        match profile_of(params) {
            // The profile `exact` takes no overrides.
            None => Ok(Arc::new(exact::Exact)),
            Some(profile) => {
                Settings::check(profile, &overrides)?;
                Ok(Arc::new(Lossy { profile, overrides }))
            }
        }
    });

/// The requested lossy profile; `None` for `exact`.
fn profile_of(params: &Params) -> Option<&'static Profile> {
    profile::by_name(profile::NAMES[params.choice(&PROFILE)])
}

/// The settings of the carrier's parameters; `None` for the profile `exact`, which has none.
///
/// # Errors
/// As [`Settings::new`].
pub fn settings(params: &Params, cx: &Context) -> Result<Option<Settings>> {
    let Some(profile) = profile_of(params) else { return Ok(None) };
    Settings::new(profile, &overrides(params)?, cx).map(Some).map_err(advise)
}

fn overrides(params: &Params) -> Result<Overrides> {
    fn text<'a>(params: &'a Params, param: &Param) -> Option<&'a str> {
        Some(params.text(param)).filter(|text| !text.is_empty())
    }
    Ok(Overrides {
        encoder: params.text(&ENCODER).to_string(),
        preset: params.text(&PRESET).to_string(),
        style: params.text(&STYLE).to_string(),
        size: text(params, &SIZE).map(|text| parse("size", text, parse_size)).transpose()?,
        rate: text(params, &RATE).map(|text| parse("fps", text, Rate::parse)).transpose()?,
        loss: text(params, &LOSS).map(|text| parse("loss", text, parse_share)).transpose()?,
        parity: text(params, &PARITY).map(|text| parse("parity", text, number)).transpose()?,
        crf: text(params, &CRF).map(|text| parse("crf", text, number)).transpose()?,
        chunk: text(params, &CHUNK).map(|text| parse("chunk", text, number)).transpose()?,
    })
}

fn parse<T>(name: &str, text: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
    parse(text)
        .ok_or_else(|| Error::param(format!("{name}={text} is malformed; `lab codecs video` shows examples")))
}

fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// Parses a size such as `1280x720`.
fn parse_size(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once('x')?;
    let side = |text: &str| text.parse().ok().filter(|side| (16..=16_384).contains(side));
    Some((side(width)?, side(height)?))
}

/// Parses a share such as `10%` or `0.1`.
fn parse_share(text: &str) -> Option<f64> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().ok()? / 100.0,
        None => text.parse().ok()?,
    };
    (0.0..=1.0).contains(&share).then_some(share)
}

/// The carrier with a lossy profile.
struct Lossy {
    profile: &'static Profile,
    overrides: Overrides,
}

impl Carrier for Lossy {
    fn extension(&self) -> &'static str {
        "mp4"
    }

    fn probe(&self, source: &Source) -> Probe {
        probe(source)
    }

    fn create<'a>(
        &self,
        target: Target<'a>,
        name: &str,
        chain: &str,
        cx: &Context,
    ) -> Result<Box<dyn StreamWriter + 'a>> {
        let settings = Settings::new(self.profile, &self.overrides, cx).map_err(advise)?;
        Ok(Box::new(stream::Writer::create(target, settings, name, chain, cx)?))
    }

    fn open(&self, source: &Source, cx: &Context) -> Result<Box<dyn StreamReader>> {
        open(source, cx)
    }

    fn is_external(&self) -> bool {
        true
    }
}

impl Carrier for exact::Exact {
    fn extension(&self) -> &'static str {
        "mp4"
    }

    fn probe(&self, source: &Source) -> Probe {
        probe(source)
    }

    fn create<'a>(
        &self,
        target: Target<'a>,
        name: &str,
        chain: &str,
        cx: &Context,
    ) -> Result<Box<dyn StreamWriter + 'a>> {
        Ok(Box::new(exact::Writer::create(target, name, chain, cx)?))
    }

    fn open(&self, source: &Source, cx: &Context) -> Result<Box<dyn StreamReader>> {
        open(source, cx)
    }
}

/// Whether `source` may be a video that this crate reads: an ISO media, Matroska, MPEG-TS, AVI or FLV file.
fn probe(source: &Source) -> Probe {
    let head = source.head;
    // MPEG-TS packets of 188 bytes each begin with 0x47.
    let transport = [0, 188, 376].iter().all(|at| head.get(*at) == Some(&0x47));
    let avi = head.starts_with(b"RIFF") && head.get(8..12) == Some(b"AVI ");
    if container::Kind::of(head).is_some() || transport || avi || head.starts_with(b"FLV\x01") {
        Probe::Maybe
    } else {
        Probe::No
    }
}

/// Opens the stream in a video, whichever profile it has.
fn open(source: &Source, cx: &Context) -> Result<Box<dyn StreamReader>> {
    let refusal = match exact::Reader::open(std::fs::File::open(source.path)?, cx) {
        Ok(reader) => return Ok(Box::new(reader)),
        Err(e) if e.kind() == ErrorKind::Unsupported => e,
        Err(e) => return Err(e),
    };
    if probe(source) == Probe::No {
        return Err(refusal);
    }
    Ok(Box::new(stream::Reader::open(source.path, cx).map_err(advise)?))
}

/// Adds to a missing-tool error that the profile `exact` works without ffmpeg.
fn advise(error: Error) -> Error {
    match error.kind() {
        ErrorKind::MissingTool => {
            let what = error.message();
            Error::new(ErrorKind::MissingTool, format!("{what}; only the profile exact works without ffmpeg"))
        }
        _ => error,
    }
}
