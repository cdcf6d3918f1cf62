//! `lab video encode`: encodes a file as a video.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use lab_codec::{Context, Digest, Error, Result, StreamWriter};
use lab_video::profile::{self, BY_TOUGHNESS};
use lab_video::stream::predict::{Prediction, forecast, is_long};
use lab_video::stream::{Settings, Writer, poster};

use super::super::{note, report_json};
use super::{App, Making, carrier_params, options, profiles, table};
use crate::progress;
use lab_stream::chain::Chain;
use lab_stream::encode::{Input, Options, Summary, carrier_of, encode};
use lab_stream::output::Output;
use lab_stream::pipeline::Pipeline;

/// Encode a file as a video
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab video encode IN OUT.mp4                          profile exact: lossless copies only, without ffmpeg
  lab video encode IN OUT.mp4 --profile share          survives the re-encode of a share site
  lab video encode IN OUT.mp4 --profile share --loss 10% --resume
  lab video encode IN OUT.mp4 --target-size 2G         the most robust profile that fits

The same as `lab encode --chain zstd:11,video:profile=share IN -o OUT.mp4`, plus a forecast of the size and
--resume.")]
pub(super) struct Args {
    /// The file to encode, or - for standard input
    input: PathBuf,
    /// The video, or - for standard output [default: IN.mp4]
    output: Option<PathBuf>,
    /// Profile: how bytes become pixels [default: exact; with --target-size the most robust that fits]
    #[arg(long, short, value_parser = profiles())]
    profile: Option<String>,
    #[command(flatten)]
    making: Making,
    /// Zstandard level
    #[arg(long, value_name = "N", default_value_t = 11)]
    #[arg(value_parser = clap::value_parser!(i64).range(1..=22))]
    level: i64,
    /// Do not compress the bytes with Zstandard
    #[arg(long, conflicts_with = "level")]
    no_compression: bool,
    /// Refuse to encode if the forecast size of the video is larger
    #[arg(long, value_name = "SIZE", value_parser = options::size)]
    target_size: Option<u64>,
    /// Keep finished parts in OUT.resume, and continue from them after an interruption
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    work: options::Work,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

#[derive(serde::Serialize)]
struct Report {
    chain: String,
    profile: &'static str,
    bytes: u64,
    sha256: String,
    stream_bytes: u64,
    output_bytes: Option<u64>,
    /// Video bytes per byte of the stream.
    v_per_p: Option<f64>,
    predicted_bytes: Option<u64>,
    seconds: f64,
}

/// Segment size in bytes. A lost frame loses its segment, so smaller segments limit the damage.
const SEGMENT: u64 = 4 << 20;

/// Bytes of content that are compressed to forecast the ratio.
const SAMPLE_BYTES: u64 = 1 << 20;

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let start = Instant::now();
    let output_path = args.output.clone().unwrap_or_else(|| match args.input == Path::new("-") {
        true => PathBuf::from("-"),
        false => PathBuf::from(format!("{}.mp4", args.input.display())),
    });
    if args.resume && output_path == Path::new("-") {
        return Err(Error::usage("--resume needs an output file"));
    }
    let quiet = args.work.context(app, progress::bar("", None, true));
    let plan = plan(args, &quiet, app)?;
    if let Some(text) = plan.settings.as_ref().and_then(|settings| settings.note.as_ref()) {
        note(&format!("note: {text}"), args.talk.quiet);
    }
    if let Some(Prediction { bytes, frames, seconds }) = plan.prediction {
        let (bytes, frames) = (table::count(bytes), table::count(frames));
        let text = format!("about {bytes} bytes of video, {frames} frames, {seconds:.0} s at its rate");
        note(&text, args.talk.quiet);
    }
    let chain = &plan.chain;
    let store = args.work.store(app, None);
    let pipeline = Pipeline::build(chain, &store.find(&chain.resources())?, None)?;
    let input = Input::open(&args.input)?;
    let mut output = Output::open(&output_path, args.write.force)?;
    output.made_from(&args.input)?;
    let cx = args.work.context(app, progress::bar("encode", input.len, args.talk.quiet));
    let profile = plan.settings.as_ref().map_or("exact", |settings| settings.profile.name);
    let medium: Box<dyn StreamWriter> = match plan.settings {
        None => {
            carrier_of(chain, &app.registry)?.create(output.target(), &input.name, &chain.to_string(), &cx)?
        }
        Some(mut settings) => {
            settings.threads = args.work.effort.threads.map_or(0, usize::from);
            settings.content = content(args, &settings, app)?;
            settings.journal = args.resume.then(|| journal(&output_path));
            Box::new(Writer::create(output.target(), settings, &input.name, &chain.to_string(), &cx)?)
        }
    };
    let options = Options { segment: SEGMENT, threads: args.work.threads(), bypass: true };
    let summary = encode(input, chain, &pipeline, medium, options, &cx)
        .map_err(|e| e.at(format!("encoding {} to {}", args.input.display(), output_path.display())))?;
    drop(cx);
    let output_bytes = output.temporary().map(|path| path.metadata().map(|m| m.len())).transpose()?;
    output.commit()?;
    let report = Report {
        chain: chain.to_string(),
        profile,
        bytes: summary.bytes,
        sha256: summary.sha256.to_string(),
        stream_bytes: summary.stream_len,
        output_bytes,
        v_per_p: output_bytes.map(|bytes| bytes as f64 / summary.stream_len.max(1) as f64),
        predicted_bytes: plan.prediction.map(|prediction| prediction.bytes),
        seconds: start.elapsed().as_secs_f64(),
    };
    tell(args, &output_path, &summary, &report)
}

fn tell(args: &Args, output: &Path, summary: &Summary, report: &Report) -> Result<()> {
    if args.talk.json {
        return report_json(report, output == Path::new("-"));
    }
    let size = match report.output_bytes.zip(report.v_per_p) {
        Some((bytes, v_per_p)) => format!("{} bytes of video, V/P {v_per_p:.3}", table::count(bytes)),
        None => "a video on standard output".to_string(),
    };
    note(
        &format!(
            "{} -> {}: {} bytes -> {} bytes of stream -> {size}, profile {}, {} MB/s, SHA-256 {}",
            args.input.display(),
            output.display(),
            table::count(summary.bytes),
            table::count(summary.stream_len),
            report.profile,
            table::rate(summary.bytes, report.seconds),
            report.sha256,
        ),
        args.talk.quiet,
    );
    Ok(())
}

/// The chosen chain and profile, with the forecast.
struct Plan {
    chain: Chain,
    /// `None` for the profile `exact`.
    settings: Option<Settings>,
    prediction: Option<Prediction>,
}

fn plan(args: &Args, cx: &Context, app: &App) -> Result<Plan> {
    let len = if args.input == Path::new("-") {
        None
    } else {
        let at = |e: std::io::Error| Error::from(e).at(args.input.display().to_string());
        Some(std::fs::metadata(&args.input).map_err(at)?.len())
    };
    let names: Vec<&str> = match (&args.profile, args.target_size) {
        (Some(profile), _) => vec![profile],
        (None, Some(_)) => BY_TOUGHNESS.to_vec(),
        (None, None) => vec!["exact"],
    };
    let mut too_large = Error::usage("no profile");
    for name in names {
        let exact = profile::by_name(name).is_none();
        if exact && args.profile.is_some() | args.target_size.is_none() && args.making.any() {
            return Err(Error::usage(
                "the profile exact takes no picture options; choose another with --profile",
            ));
        }
        let codec =
            if args.no_compression { "store".to_string() } else { format!("zstd:level={}", args.level) };
        let stage = if exact { "video".to_string() } else { args.making.stage(name) };
        let chain = options::chain(app, &format!("{codec},{stage}"), &mut args.work.store(app, None))?;
        let settings = lab_video::settings(&carrier_params(&chain)?, cx)?;
        let wanted = args.target_size.is_some();
        let prediction = match len.map(|len| estimate(args, app, &chain, len, cx)).transpose()? {
            None if wanted => {
                return Err(Error::usage("--target-size needs an input whose size is known"));
            }
            None => None,
            Some(stream) => {
                let long = settings.as_ref().is_some_and(|settings| is_long(settings, stream));
                let wanted = wanted || long && !args.talk.quiet;
                wanted.then(|| forecast(settings.as_ref(), stream, cx)).transpose()?
            }
        };
        match args.target_size.zip(prediction).filter(|(target, p)| p.bytes > *target) {
            None => return Ok(Plan { chain, settings, prediction }),
            Some((target, p)) => {
                let (bytes, target) = (table::count(p.bytes), table::count(target));
                too_large =
                    Error::limit(format!("the video would take about {bytes} bytes, more than {target}"));
            }
        }
    }
    Err(too_large)
}

/// Estimated length of the stream for a file of `len` bytes, from the ratio of its first mebibyte.
fn estimate(args: &Args, app: &App, chain: &Chain, len: u64, cx: &Context) -> Result<u64> {
    let mut sample = Vec::new();
    File::open(&args.input)?.take(SAMPLE_BYTES).read_to_end(&mut sample)?;
    if sample.is_empty() {
        return Ok(0);
    }
    let pipeline = Pipeline::build(chain, &args.work.store(app, None).find(&chain.resources())?, None)?;
    let mut out = Vec::new();
    pipeline.worker().encode(&sample, &mut out, true, cx)?;
    let stored = if out.is_empty() { sample.len() } else { out.len().min(sample.len()) };
    Ok((len as f64 * stored as f64 / sample.len() as f64) as u64 + 1024)
}

/// Size and SHA-256 of the input, if the profile shows them on a poster frame.
fn content(args: &Args, settings: &Settings, app: &App) -> Result<Option<(u64, Digest)>> {
    if args.input == Path::new("-") || !poster::is_shown(settings.profile) || !args.input.is_file() {
        return Ok(None);
    }
    let file = File::open(&args.input)?;
    let observer = progress::bar("SHA-256", Some(file.metadata()?.len()), args.talk.quiet);
    poster::content(file, &args.work.context(app, observer)).map(Some)
}

/// The directory for finished parts of an interrupted encode.
fn journal(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_os_string();
    name.push(".resume");
    name.into()
}
