//! `lab video probe`: measures a channel's bit errors, and the parity that each profile needs to survive it.

use std::path::PathBuf;

use lab_codec::{Context, Error, Result};
use lab_video::profile;
use lab_video::stream::channel::{make_clip, measure};
use lab_video::stream::{Settings, Survival};

use super::super::{note, print, print_json};
use super::{App, Making, carrier_params, options, profiles, table};
use crate::progress;

/// Measure the bit errors of a channel, such as a share site or a re-encode
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab video probe --command 'ffmpeg -v error -i {in} -c:v libx264 -crf 28 {out}'
  lab video probe --clip TEST.mp4 --profile share      a test clip to send through the channel, and then
  lab video probe COPY.mp4                             ... its copy

A test clip holds a known payload, so every bit of a copy can be compared.")]
pub(super) struct Args {
    /// A copy of a test clip
    #[arg(conflicts_with_all = ["command", "clip"], required_unless_present_any = ["command", "clip"])]
    copy: Option<PathBuf>,
    /// Command of the channel, run without a shell: {in} is the clip, {out} the copy
    #[arg(long, value_name = "TEMPLATE")]
    command: Option<String>,
    /// Only write a test clip to this file
    #[arg(long, value_name = "FILE", conflicts_with = "command")]
    clip: Option<PathBuf>,
    /// Profile to test [default: all]
    #[arg(long, short, value_parser = profiles())]
    profile: Option<String>,
    /// Number of frames in a test clip
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    frames: u32,
    #[command(flatten)]
    making: Making,
    /// Extension of the copy's name, which selects its container
    #[arg(long, value_name = "ENDING", default_value = "mp4")]
    ending: String,
    #[command(flatten)]
    work: options::Work,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let cx = args.work.context(app, progress::bar("", None, true));
    if let Some(copy) = &args.copy {
        let measured = measure(copy, &cx).map_err(|e| e.at(copy.display().to_string()))?;
        return tell(args, vec![Survival::of(&measured, None)]);
    }
    let names: Vec<&str> = match &args.profile {
        Some(name) if profile::by_name(name).is_none() => {
            return Err(Error::usage(
                "the profile exact only survives lossless copies; choose another with --profile",
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
        make_clip(&settings(args, app, name, &cx)?, args.frames, &path, &args.work.context(app, observer))?;
        let _ = output.target();
        return output.commit();
    }
    let command = args.command.as_deref().unwrap_or_default();
    let mut rows = Vec::new();
    for name in names {
        let directory = tempfile::Builder::new().prefix("lab-video-").tempdir_in(cx.scratch())?;
        let _removed = lab_stream::cleanup::Temporary::new(directory.path());
        let settings = settings(args, app, name, &cx)?;
        let observer = progress::bar(name, Some(2 * u64::from(args.frames)), args.talk.quiet);
        let cx = args.work.context(app, observer);
        rows.push(Survival::through(command, &settings, args.frames, directory.path(), &args.ending, &cx)?);
    }
    tell(args, rows)
}

fn settings(args: &Args, app: &App, name: &str, cx: &Context) -> Result<Settings> {
    let mut store = args.work.store(app, None);
    let chain = options::chain(app, &format!("store,{}", args.making.stage(name)), &mut store)?;
    let settings = lab_video::settings(&carrier_params(&chain)?, cx)?;
    settings.ok_or_else(|| Error::usage("the profile exact has no test clip"))
}

fn tell(args: &Args, rows: Vec<Survival>) -> Result<()> {
    if args.talk.json {
        return print_json(&rows);
    }
    let mut shown =
        table::table(&["profile", "frames", "found", "BER", "worst codeword", "parity needed", "V/P needed"]);
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
    print(&table::text(&shown))?;
    for row in rows.iter().filter(|row| row.error.is_some()) {
        let why = row.error.as_deref().unwrap_or_default();
        note(&format!("{}: {why}", row.profile), args.talk.quiet);
    }
    Ok(())
}
