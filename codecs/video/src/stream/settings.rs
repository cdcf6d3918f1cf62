//! Settings of a video: a profile, its modem and encoder, and the overrides of a user.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use lab_codec::{Context, Digest, Error, Result};
use lab_media::Rate;
use lab_media::ffmpeg::Encoder;

use super::layout::{Layout, MAX_LOSS};
use super::manifest;
use crate::modem::Modem;
use crate::modem::art::scenes::{STYLES, Style};
use crate::profile::{F2V2F_CHUNK, Profile};

/// Overrides of a profile's defaults. `None` and empty texts keep the default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// Name of the encoder.
    pub encoder: String,
    /// Width and height.
    pub size: Option<(u32, u32)>,
    /// Frames per second.
    pub rate: Option<Rate>,
    /// Tolerated share of frames lost at random.
    pub loss: Option<f64>,
    /// Parity bytes of each Reed-Solomon codeword in a frame.
    pub parity: Option<usize>,
    /// The encoder's constant rate factor, replacing the profile's quantiser.
    pub crf: Option<u32>,
    /// The encoder's preset.
    pub preset: String,
    /// Maximum payload bytes of a frame.
    pub chunk: Option<usize>,
    /// Name of the picture style, where the profile has several.
    pub style: String,
}

/// Settings of a video; made by [`new`](Self::new).
#[derive(Clone)]
pub struct Settings {
    /// The profile.
    pub profile: &'static Profile,
    /// The modem for the size of the pictures.
    pub modem: Arc<dyn Modem>,
    /// Frames per second.
    pub rate: Rate,
    /// The encoder.
    pub encoder: Encoder,
    /// Options of ffmpeg for the encoder.
    pub arguments: Vec<String>,
    /// Number of the style; `None` lets the content decide.
    pub style: Option<u8>,
    /// Why another encoder stands in for the requested one.
    pub note: Option<String>,
    /// Tolerated share of lost frames.
    pub loss: f64,
    /// The shape of groups.
    pub layout: Layout,
    /// Threads of the encoder; 0 leaves it to ffmpeg.
    pub threads: usize,
    /// Size and SHA-256 of the content, where known beforehand: the poster shows them.
    pub content: Option<(u64, Digest)>,
    /// Directory of the journal of a resumable encode.
    pub journal: Option<PathBuf>,
}

/// Allowed parity bytes of a codeword. Below 8, wrong corrections become frequent and only the frame's
/// checksum would find them (docs/decisions/video.md); above 240, a codeword of 255 bytes holds next to no
/// payload.
const PARITY_RANGE: RangeInclusive<usize> = 8..=240;

/// Default share of lost frames. `dense` serves copies that lose none.
fn default_loss(profile: &Profile) -> f64 {
    if profile.name == "dense" { 0.0 } else { 0.001 }
}

impl Settings {
    /// Checks the overrides of `profile` and builds its modem, without looking for an encoder.
    ///
    /// # Errors
    /// [`Param`](lab_codec::ErrorKind::Param) for an override that the profile cannot satisfy.
    pub fn check(profile: &'static Profile, overrides: &Overrides) -> Result<Arc<dyn Modem>> {
        let (width, height) = match overrides.size {
            Some((width, height)) => (width as usize, height as usize),
            None => profile.size,
        };
        let parity = overrides.parity.unwrap_or(profile.parity);
        if !PARITY_RANGE.contains(&parity) {
            return Err(Error::param(format!(
                "parity={parity} is out of range; give {} to {} bytes",
                PARITY_RANGE.start(),
                PARITY_RANGE.end()
            )));
        }
        let modem = (profile.modem)(width, height, parity);
        let modem = modem.filter(|modem| modem.payload_len() >= manifest::FIXED).ok_or_else(|| {
            Error::param(format!(
                "{width}x{height} does not suit the profile {}: too small, or not a multiple of its blocks",
                profile.name
            ))
        })?;
        if overrides.loss.is_some_and(|loss| !(0.0..=MAX_LOSS).contains(&loss)) {
            return Err(Error::param(format!("the loss is out of range; give 0 to {} %", MAX_LOSS * 100.0)));
        }
        if overrides.chunk.is_some_and(|chunk| chunk < 2) {
            return Err(Error::param("the chunk is too small; give at least 2 bytes"));
        }
        style_of(profile, &overrides.style)?;
        if !overrides.encoder.is_empty() {
            setting_of(profile, Encoder::parse(&overrides.encoder)?)?;
        }
        Ok(modem.into())
    }

    /// The settings for `profile` and `overrides`, with an encoder that works on this machine.
    ///
    /// # Errors
    /// As [`check`](Self::check); [`MissingTool`](lab_codec::ErrorKind::MissingTool).
    pub fn new(profile: &'static Profile, overrides: &Overrides, cx: &Context) -> Result<Self> {
        let modem = Self::check(profile, overrides)?;
        let candidates: Vec<_> = profile.encoders.iter().map(|setting| setting.encoder).collect();
        let requested = match overrides.encoder.as_str() {
            "" => None,
            word => Some(Encoder::parse(word)?),
        };
        let choice = Encoder::choose(requested, &candidates, cx)?;
        let mut arguments = setting_of(profile, choice.encoder)?;
        if let Some(crf) = overrides.crf {
            replace(&mut arguments, &["-qp", "-crf"], "-crf", &crf.to_string());
        }
        if !overrides.preset.is_empty() {
            replace(&mut arguments, &["-preset"], "-preset", &overrides.preset);
        }
        let note = choice.instead_of.map(|(requested, why)| {
            format!(
                "{} does not work here ({why}); using {} instead",
                requested.word(),
                choice.encoder.word()
            )
        });
        let loss = overrides.loss.unwrap_or(default_loss(profile));
        let chunk = if profile.name == "f2v2f" { F2V2F_CHUNK } else { usize::MAX };
        let room = overrides.chunk.unwrap_or(chunk).min(modem.payload_len());
        let layout = Layout::new(room & !1, loss);
        let rate = overrides.rate.unwrap_or(Rate { num: profile.rate, den: 1 });
        let encoder = choice.encoder;
        let style = style_of(profile, &overrides.style)?;
        Ok(Self {
            profile,
            style,
            modem,
            rate,
            encoder,
            arguments,
            note,
            loss,
            layout,
            threads: 0,
            content: None,
            journal: None,
        })
    }

    /// Width and height of the pictures.
    pub fn size(&self) -> (u32, u32) {
        (self.modem.shape().width, self.modem.shape().height)
    }
}

/// The number of the style called `name`.
fn style_of(profile: &Profile, name: &str) -> Result<Option<u8>> {
    if name.is_empty() {
        return Ok(None);
    }
    let styles: &[Style] = if is_art(profile) { &STYLES } else { &[] };
    let found = styles.iter().position(|style| style.name == name);
    let found = found.ok_or_else(|| {
        let names: Vec<_> = styles.iter().map(|style| style.name).collect();
        let names = if names.is_empty() { "no styles".to_string() } else { names.join(", ") };
        Error::param(format!("unknown style {name:?}; the profile {} has {names}", profile.name))
    })?;
    Ok(Some(found as u8))
}

/// Whether a profile draws its pictures in a style.
fn is_art(profile: &Profile) -> bool {
    matches!(profile.name, "art" | "f2v2f")
}

/// The ffmpeg options of `profile` for an encoder.
fn setting_of(profile: &Profile, encoder: Encoder) -> Result<Vec<String>> {
    let setting = profile.encoders.iter().find(|setting| setting.encoder == encoder).ok_or_else(|| {
        let known: Vec<_> = profile.encoders.iter().map(|setting| setting.encoder.word()).collect();
        Error::param(format!(
            "the profile {} has no settings for the encoder {}; use {}",
            profile.name,
            encoder.word(),
            known.join(", ")
        ))
    })?;
    Ok(setting.arguments.iter().map(|argument| argument.to_string()).collect())
}

/// Replaces the options `old` and their values by `option value`.
fn replace(arguments: &mut Vec<String>, old: &[&str], option: &str, value: &str) {
    while let Some(at) = arguments.iter().position(|argument| old.contains(&argument.as_str())) {
        arguments.drain(at..(at + 2).min(arguments.len()));
    }
    arguments.extend([option.to_string(), value.to_string()]);
}
