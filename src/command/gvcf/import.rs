//! `lab gvcf import`.

use std::path::PathBuf;
use std::time::Instant;

use lab_codec::{Error, ErrorKind, Result};
use lab_gvcf::clip::{SOUND_FILE, Sums, code, describe};
use lab_gvcf::repository::{CLIP_FILE, Import};
use lab_gvcf::sequence::{Coded, Encoder, Options, REACH, Types};
use lab_gvcf::{Kind, Shape};
use lab_media::ffmpeg::{sound, timestamps};
use lab_media::{Frame, Rate, ReadOptions, Reader};

use super::super::{App, note, options, print_json, table};
use crate::progress;

/// Commit every frame of a clip
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab gvcf import clip.mp4 --repo clip.git
  lab gvcf import frames/ --repo clip.git --branch take-2
  lab gvcf import clip.rgb --raw 1280x720@25 --repo clip.git
  lab gvcf import clip.mp4 --repo clip.git --types classic --compat strict   as the public format describes it
The same frames give the same commit ids everywhere.")]
pub(super) struct Args {
    /// A clip, a directory of PNG files, y4m, raw pixels with --raw; or - for standard input
    #[arg(value_name = "INPUT")]
    input: PathBuf,
    /// The repository; created if missing
    #[arg(long, value_name = "DIR")]
    repo: PathBuf,
    /// Branch for the frames
    #[arg(long, value_name = "NAME", default_value = "main")]
    branch: String,
    /// Compression types: auto = 4, 5 and 6; classic = 0 and 1; or one of 0 to 6
    #[arg(long, value_name = "TYPES", default_value = "auto", value_parser = types)]
    types: Types,
    /// With classic types: for readers that clamp differences and expect a new blob for every frame
    #[arg(long, value_name = "HOW", value_parser = ["strict"])]
    compat: Option<String>,
    /// Maximum key-frame interval, in frames
    #[arg(long, value_name = "K", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    key: u32,
    /// Maximum number of pixels to decode for any one frame (at least two pictures)
    #[arg(long, value_name = "PIXELS", default_value_t = REACH)]
    reach: u64,
    /// Channels of a pixel: 1 = grey, 3 = RGB, 4 = RGB and alpha
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = channels)]
    channels: u32,
    /// Refuse frames other than 1920x1080x3
    #[arg(long)]
    strict_1080p: bool,
    /// The input is raw pixels of this width, height, and frame rate
    #[arg(long, value_name = "WxH[@RATE]", value_parser = raw)]
    raw: Option<(u32, u32, Rate)>,
    /// Maximum number of frames to import
    #[arg(long, value_name = "N")]
    frames: Option<u64>,
    /// Leave out the clip's sound
    #[arg(long)]
    no_sound: bool,
    /// Replace the branch if it exists
    #[arg(long, short)]
    force: bool,
    #[command(flatten)]
    talk: options::Talk,
}

/// Maximum size of the sound, in bytes.
const MAX_SOUND: usize = 100_000_000;

#[derive(serde::Serialize)]
struct Report {
    frames: u64,
    key_frames: u64,
    same_frames: u64,
    input_bytes: u64,
    blob_bytes: u64,
    /// Frames of each compression type, by number.
    types: [u64; 7],
    seconds: f64,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let start = Instant::now();
    let format = super::format_of(args.channels);
    let raw = args.raw.map(|(width, height, rate)| (lab_media::Shape { width, height, format }, rate));
    let wanted = ReadOptions { format: Some(format), raw, frames: args.frames, ..ReadOptions::default() };
    let cx = app.context(4 << 30, progress::bar("import", None, args.talk.quiet));
    let mut reader = Reader::open(&args.input, &wanted, &cx)?;
    let video = reader.video();
    let shape = Shape { width: video.shape.width, height: video.shape.height, channels: args.channels };
    if args.strict_1080p && shape != Shape::FULL_HD {
        return Err(
            lab_gvcf::Error::format(format!("a clip of {shape} instead of {}", Shape::FULL_HD)).into()
        );
    }
    let clip = reader.clip();
    let times = if clip.is_some() { timestamps(&args.input, &cx).unwrap_or_default() } else { Vec::new() };
    let sound = match clip {
        Some(_) if !args.no_sound => sound(&args.input, MAX_SOUND, &cx)?,
        _ => None,
    };
    let rate = video.rate;
    // Without timestamps, a frame's time is its number.
    let base = match clip.filter(|_| !times.is_empty()) {
        Some(clip) => clip.time_base.to_string(),
        None => format!("{}/{}", rate.den, rate.num),
    };
    let text = describe(shape, &rate.to_string(), &base, sound.is_some());
    let mut files = vec![(CLIP_FILE, text.as_bytes())];
    files.extend(sound.as_deref().map(|bytes| (SOUND_FILE, bytes)));
    let mut import = Import::begin(&args.repo, &args.branch, &files, args.force, &cx)?;
    let types = match (&args.compat, args.types) {
        (None, types) => types,
        (Some(_), Types::Classic) => Types::ClassicStrict,
        _ => return Err(Error::usage("--compat strict goes with --types classic")),
    };
    let mut encoder = Encoder::new(shape, 0, Options { types, key: args.key, reach: args.reach });
    let next = || {
        let mut frame = Frame::new(video.shape);
        Ok(reader.read(&mut frame)?.then(|| frame.into_data()))
    };
    let put = |coded: &Coded| Ok(import.frame(coded, times.get(coded.number as usize).copied())?);
    let sums = code(shape, &mut encoder, next, put, &cx)?;
    if sums.frames == 0 {
        return Err(Error::corrupt(format!("{} has no frames", args.input.display())));
    }
    import.finish()?;
    let doubt = reader.doubt();
    let Sums { frames, key_frames, same_frames, input_bytes, blob_bytes, types } = sums;
    let seconds = start.elapsed().as_secs_f64();
    if args.talk.json {
        print_json(&Report { frames, key_frames, same_frames, input_bytes, blob_bytes, types, seconds })?;
    }
    let (from, to) = (table::count(input_bytes), table::count(blob_bytes));
    let rate = table::rate(input_bytes, seconds);
    note(
        &format!(
            "{frames} frames ({key_frames} keys, {same_frames} repeated): {from} -> {to} bytes, {rate} MB/s"
        ),
        args.talk.quiet || args.talk.json,
    );
    let partial =
        |why| Error::new(ErrorKind::Partial, format!("the clip may be damaged or cut short: {why}"));
    doubt.map_or(Ok(()), |why| Err(partial(why).at(args.input.display().to_string())))
}

fn types(text: &str) -> Result<Types, String> {
    let kind = || text.parse().ok().and_then(Kind::from_number).map(Types::Only);
    match text {
        "auto" => Ok(Types::Auto),
        "classic" => Ok(Types::Classic),
        _ => kind().ok_or_else(|| "types are auto, classic, or a number from 0 to 6".to_string()),
    }
}

fn channels(text: &str) -> Result<u32, String> {
    match text {
        "1" => Ok(1),
        "3" => Ok(3),
        "4" => Ok(4),
        _ => Err("pixels have 1, 3 or 4 channels".to_string()),
    }
}

fn raw(text: &str) -> Result<(u32, u32, Rate), String> {
    let (size, rate) = text.split_once('@').unwrap_or((text, "25"));
    let sides = size.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    match (sides, Rate::parse(rate)) {
        (Some((width, height)), Some(rate)) => Ok((width, height, rate)),
        _ => Err("raw frames are described as 1280x720 or 1280x720@25".to_string()),
    }
}
