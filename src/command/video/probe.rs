//! `lab video probe`: what a channel does to frames, and what each profile would take to survive it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lab_codec::{Context, Error, Result};
use lab_process::{Job, Limits};
use lab_video::profile;
use lab_video::stream::channel::{Measurement, make_clip, measure};
use lab_video::stream::layout::{MAX_LOSS, parity_for};

use super::{App, Making, carrier_params, options, profiles, table};
use crate::progress;

/// Measure what a channel (a share site, a re-encode) does to frames
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab video probe --command 'ffmpeg -v error -i {in} -c:v libx264 -crf 28 {out}'
  lab video probe --clip TEST.mp4 --profile share      a test clip to send through the channel, and then
  lab video probe COPY.mp4                             ... its copy

A test clip holds payload that is known, so that every bit of a copy can be compared.")]
pub struct Args {
    /// A copy of a test clip
    #[arg(conflicts_with_all = ["command", "clip"], required_unless_present_any = ["command", "clip"])]
    copy: Option<PathBuf>,
    /// A command that copies: {in} and {out} stand for the clip and the copy; no shell reads it
    #[arg(long, value_name = "TEMPLATE")]
    command: Option<String>,
    /// Only write a test clip
    #[arg(long, value_name = "FILE", conflicts_with = "command")]
    clip: Option<PathBuf>,
    /// The profile [default: all, in turn]
    #[arg(long, short, value_parser = profiles())]
    profile: Option<String>,
    /// Frames of a test clip
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    frames: u32,
    #[command(flatten)]
    making: Making,
    /// The ending of the copy's name, which tells a command its container
    #[arg(long, value_name = "ENDING", default_value = "mp4")]
    ending: String,
    #[command(flatten)]
    work: options::Work,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

/// A row of the table.
#[derive(serde::Serialize)]
struct Row {
    profile: &'static str,
    frames: u64,
    found: u64,
    bit_error_rate: f64,
    /// Wrong bytes in the worst Reed-Solomon word.
    worst_word: usize,
    /// Parity bytes a word that the channel asks for; none where no parity suffices.
    parity: Option<usize>,
    /// Bytes of the clip for each byte of payload that would arrive.
    v_per_p: Option<f64>,
    error: Option<String>,
}

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Data frames of the group for which parity across frames is counted.
const GROUP: usize = 256;

pub fn run(args: &Args, app: &App) -> Result<()> {
    let cx = args.work.context(app, progress::bar("", None, true));
    if let Some(copy) = &args.copy {
        let measured = measure(copy, &cx).map_err(|e| e.at(copy.display().to_string()))?;
        return tell(args, vec![row(&measured, None)]);
    }
    let names: Vec<&str> = match &args.profile {
        Some(name) if profile::by_name(name).is_none() => {
            return Err(Error::usage(
                "the profile exact survives lossless copies only; there is nothing to measure",
            ));
        }
        Some(name) => vec![name],
        None => profile::PROFILES.iter().map(|profile| profile.name).collect(),
    };
    if let Some(clip) = &args.clip {
        let [name] = names[..] else { return Err(Error::usage("name the --profile of the test clip")) };
        let mut output = lab_stream::output::Output::open(clip, args.write.force)?;
        let path = match output.temporary() {
            Some(path) => path.to_path_buf(),
            None => return Err(Error::usage("a test clip needs a file")),
        };
        let observer = progress::bar("frames", Some(args.frames.into()), args.talk.quiet);
        make(args, app, name, &path, &args.work.context(app, observer))?;
        let _ = output.target();
        return output.commit();
    }
    let mut rows = Vec::new();
    for name in names {
        let observer = progress::bar(name, Some(2 * u64::from(args.frames)), args.talk.quiet);
        rows.push(through(args, app, name, &args.work.context(app, observer))?);
    }
    tell(args, rows)
}

fn make(args: &Args, app: &App, name: &str, path: &Path, cx: &Context) -> Result<u64> {
    let mut store = args.work.store(app, None);
    let chain = options::chain(app, &format!("store,{}", args.making.stage(name)), &mut store)?;
    let settings = lab_video::settings(&carrier_params(&chain)?, cx)?;
    let settings = settings.ok_or_else(|| Error::usage("the profile exact has no test clip"))?;
    make_clip(&settings, args.frames, path, cx)
}

/// Sends a test clip through the command.
fn through(args: &Args, app: &App, name: &str, cx: &Context) -> Result<Row> {
    let template = args.command.as_deref().unwrap_or_default();
    if !template.contains("{in}") || !template.contains("{out}") {
        return Err(Error::usage("the command has no {in} and {out}, which stand for the clip and the copy"));
    }
    let directory = tempfile::Builder::new().prefix("lab-video-").tempdir_in(cx.scratch())?;
    let listed = lab_stream::cleanup::Temporary::new(directory.path());
    let clip = directory.path().join("clip.mp4");
    let copy = directory.path().join(format!("copy.{}", args.ending));
    let bytes = make(args, app, name, &clip, cx)?;
    let place = |word: &str| {
        let word = word.replace("{in}", &clip.to_string_lossy()).replace("{out}", &copy.to_string_lossy());
        OsString::from(word)
    };
    let argv = template.split_whitespace().map(place);
    let limits = Limits { timeout: Some(PATIENCE), ..Limits::default() };
    let job = Job { input: &[], output_limit: 64 << 20, limits };
    lab_process::run(&mut lab_process::command(argv)?, &job, &mut Vec::new(), cx)?;
    let measured = measure(&copy, cx);
    drop(listed);
    match measured {
        Ok(measured) => Ok(row(&measured, Some((bytes, args.frames.into())))),
        Err(e) if matches!(e.kind(), lab_codec::ErrorKind::Unsupported) => {
            let known = profile::by_name(name).map_or("exact", |profile| profile.name);
            Ok(Row {
                profile: known,
                frames: args.frames.into(),
                found: 0,
                bit_error_rate: 0.5,
                worst_word: 0,
                parity: None,
                v_per_p: None,
                error: Some(e.to_string()),
            })
        }
        Err(e) => Err(e),
    }
}

/// `clip` are the bytes and frames of the clip as it was made, where they are known.
fn row(measured: &Measurement, clip: Option<(u64, u64)>) -> Row {
    let sent = clip.map_or(measured.sent, |(_, frames)| frames);
    let loss = 1.0 - measured.frames as f64 / sent.max(1) as f64;
    let across = (loss < MAX_LOSS).then(|| 1.0 + parity_for(GROUP, loss) as f64 / GROUP as f64);
    let v_per_p = clip
        .zip(measured.payload())
        .zip(across)
        .map(|(((bytes, frames), payload), across)| bytes as f64 / frames as f64 / payload as f64 * across);
    Row {
        profile: measured.profile.name,
        frames: sent,
        found: measured.frames,
        bit_error_rate: measured.bit_error_rate(),
        worst_word: measured.worst_word,
        parity: measured.parity(),
        v_per_p,
        error: None,
    }
}

fn tell(args: &Args, rows: Vec<Row>) -> Result<()> {
    if args.talk.json {
        return super::super::print_json(&rows);
    }
    let mut shown =
        table::table(&["profile", "frames", "found", "BER", "worst word", "parity needed", "V/P needed"]);
    for row in &rows {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_string());
        shown.add_row([
            row.profile.to_string(),
            row.frames.to_string(),
            row.found.to_string(),
            format!("{:.1e}", row.bit_error_rate),
            row.worst_word.to_string(),
            or_dash(row.parity.map(|parity| parity.to_string())),
            or_dash(row.v_per_p.map(|v_per_p| format!("{v_per_p:.3}"))),
        ]);
    }
    super::super::print(&table::text(&shown))?;
    for row in rows.iter().filter(|row| row.error.is_some()) {
        let why = row.error.as_deref().unwrap_or_default();
        super::super::note(&format!("{}: {why}", row.profile), args.talk.quiet);
    }
    Ok(())
}
