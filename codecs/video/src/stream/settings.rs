//! How a stream becomes a video.

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

/// What can be wished for. Empty wishes leave it to the profile.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wishes {
    /// The word for the encoder.
    pub encoder: String,
    /// Width and height.
    pub size: Option<(u32, u32)>,
    /// Frames per second.
    pub rate: Option<Rate>,
    /// The share of frames that may be lost at random.
    pub loss: Option<f64>,
    /// Parity bytes of each Reed-Solomon word in a frame.
    pub parity: Option<usize>,
    /// The encoder's constant rate factor, in place of what the profile sets.
    pub crf: Option<u32>,
    /// The encoder's preset.
    pub preset: String,
    /// Bytes of payload in a frame at most.
    pub chunk: Option<usize>,
    /// The name of the picture's style, where the profile has several.
    pub style: String,
}

/// How a stream becomes a video; made by [`new`](Self::new).
#[derive(Clone)]
pub struct Settings {
    /// The profile.
    pub profile: &'static Profile,
    /// Its modem for the size of the pictures.
    pub modem: Arc<dyn Modem>,
    /// Frames per second.
    pub rate: Rate,
    /// The encoder.
    pub encoder: Encoder,
    /// Options of ffmpeg for it.
    pub arguments: Vec<String>,
    /// The number of the style; the content decides where it is not given.
    pub style: Option<u8>,
    /// Why it is not the encoder that was wished for.
    pub note: Option<String>,
    /// The share of frames that may be lost.
    pub loss: f64,
    /// The shape of groups.
    pub layout: Layout,
    /// Threads of the encoder; 0 leaves it to ffmpeg.
    pub threads: usize,
    /// Size and SHA-256 of the content, where they are known beforehand: the poster tells them.
    pub content: Option<(u64, Digest)>,
    /// The directory of the journal of an encode that can be resumed.
    pub journal: Option<PathBuf>,
}

/// Parity bytes that a word can have: with less, a checksum of the frame would be all that finds wrong bytes; with more, a
/// word would hold next to nothing.
const PARITY: RangeInclusive<usize> = 8..=240;

/// The share of frames that may be lost where none is given. What `dense` is for loses none.
fn usual_loss(profile: &Profile) -> f64 {
    if profile.name == "dense" { 0.0 } else { 0.001 }
}

impl Settings {
    /// The settings for `profile` and `wishes`.
    ///
    /// # Errors
    /// [`Param`](lab_codec::ErrorKind::Param) for a wish that cannot be granted.
    pub fn check(profile: &'static Profile, wishes: &Wishes) -> Result<Arc<dyn Modem>> {
        let (width, height) = match wishes.size {
            Some((width, height)) => (width as usize, height as usize),
            None => profile.size,
        };
        let parity = wishes.parity.unwrap_or(profile.parity);
        if !PARITY.contains(&parity) {
            return Err(Error::param(format!("parity is {} to {} bytes", PARITY.start(), PARITY.end())));
        }
        let modem = (profile.modem)(width, height, parity);
        let modem = modem.filter(|modem| modem.payload_len() >= manifest::FIXED).ok_or_else(|| {
            Error::param(format!("{width}x{height} is no size for pictures of the profile {}", profile.name))
        })?;
        if wishes.loss.is_some_and(|loss| !(0.0..=MAX_LOSS).contains(&loss)) {
            return Err(Error::param(format!("loss is 0 to {} %", MAX_LOSS * 100.0)));
        }
        if wishes.chunk.is_some_and(|chunk| chunk < 2) {
            return Err(Error::param("a chunk has at least 2 bytes"));
        }
        style_of(profile, &wishes.style)?;
        if !wishes.encoder.is_empty() {
            setting_of(profile, Encoder::parse(&wishes.encoder)?)?;
        }
        Ok(modem.into())
    }

    /// The settings for `profile` and `wishes`, with an encoder that works here.
    ///
    /// # Errors
    /// As [`check`](Self::check); [`MissingTool`](lab_codec::ErrorKind::MissingTool).
    pub fn new(profile: &'static Profile, wishes: &Wishes, cx: &Context) -> Result<Self> {
        let modem = Self::check(profile, wishes)?;
        let candidates: Vec<_> = profile.encoders.iter().map(|setting| setting.encoder).collect();
        let wanted = match wishes.encoder.as_str() {
            "" => None,
            word => Some(Encoder::parse(word)?),
        };
        let choice = Encoder::choose(wanted, &candidates, cx)?;
        let mut arguments = setting_of(profile, choice.encoder)?;
        if let Some(crf) = wishes.crf {
            replace(&mut arguments, &["-qp", "-crf"], "-crf", &crf.to_string());
        }
        if !wishes.preset.is_empty() {
            replace(&mut arguments, &["-preset"], "-preset", &wishes.preset);
        }
        let note = choice.instead_of.map(|(wanted, why)| {
            format!("{} does not work here ({why}); {} is taken", wanted.word(), choice.encoder.word())
        });
        let loss = wishes.loss.unwrap_or(usual_loss(profile));
        let chunk = if profile.name == "f2v2f" { F2V2F_CHUNK } else { usize::MAX };
        let room = wishes.chunk.unwrap_or(chunk).min(modem.payload_len());
        let layout = Layout::new(room & !1, loss);
        let rate = wishes.rate.unwrap_or(Rate { num: profile.rate, den: 1 });
        let encoder = choice.encoder;
        let style = style_of(profile, &wishes.style)?;
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
        Error::param(format!("no style {name:?}; the profile {} has {names}", profile.name))
    })?;
    Ok(Some(found as u8))
}

/// Whether the pictures of a profile are drawn in a style.
fn is_art(profile: &Profile) -> bool {
    matches!(profile.name, "art" | "f2v2f")
}

/// The options of `profile` for an encoder.
fn setting_of(profile: &Profile, encoder: Encoder) -> Result<Vec<String>> {
    let setting = profile.encoders.iter().find(|setting| setting.encoder == encoder).ok_or_else(|| {
        let known: Vec<_> = profile.encoders.iter().map(|setting| setting.encoder.word()).collect();
        Error::param(format!(
            "the profile {} is not made for {}; it knows {}",
            profile.name,
            encoder.word(),
            known.join(", ")
        ))
    })?;
    Ok(setting.arguments.iter().map(|argument| argument.to_string()).collect())
}

/// Puts `option value` in the place of any of the options `old`.
fn replace(arguments: &mut Vec<String>, old: &[&str], option: &str, value: &str) {
    while let Some(at) = arguments.iter().position(|argument| old.contains(&argument.as_str())) {
        arguments.drain(at..(at + 2).min(arguments.len()));
    }
    arguments.extend([option.to_string(), value.to_string()]);
}
