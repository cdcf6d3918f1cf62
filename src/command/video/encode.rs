//! `lab video encode`: a file as a video.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use lab_codec::{Context, Digest, Error, Observer, Result, StreamWriter};
use lab_video::profile::{self, Profile};
use lab_video::stream::predict::{Prediction, bytes_per_frame, predict};
use lab_video::stream::{Settings, Writer, poster};
use sha2::{Digest as _, Sha256};

use super::super::encode::open;
use super::{App, Making, carrier_params, options, profiles, table};
use crate::progress;
use lab_stream::chain::Chain;
use lab_stream::encode::{Options, Summary, carrier_of, encode};
use lab_stream::output::Output;
use lab_stream::pipeline::Pipeline;

/// Encode a file as a video
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab video encode IN OUT.mp4                          lossless copies only, no ffmpeg needed
  lab video encode IN OUT.mp4 --profile share          survives the re-encode of a share site
  lab video encode IN OUT.mp4 --profile share --loss 10% --resume
  lab video encode IN OUT.mp4 --target-size 2G         the toughest profile that fits

The same as `lab encode --chain zstd:11,video:profile=share IN -o OUT.mp4`, with what long encodes need.")]
pub struct Args {
    /// The file to encode, or - for standard input
    input: PathBuf,
    /// The video, or - for standard output [default: IN with .mp4 behind it]
    output: Option<PathBuf>,
    /// How bytes become pixels [default: exact; with --target-size the toughest that fits]
    #[arg(long, short, value_parser = profiles())]
    profile: Option<String>,
    #[command(flatten)]
    making: Making,
    /// The level of Zstandard before the pixels
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = clap::value_parser!(i64).range(1..=22))]
    level: i64,
    /// Put the bytes into pixels as they are
    #[arg(long, conflicts_with = "level")]
    no_compression: bool,
    /// Refuse to begin where the video would take more
    #[arg(long, value_name = "SIZE", value_parser = options::size)]
    target_size: Option<u64>,
    /// Keep finished parts in OUT.resume, and go on with those that are there
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

/// Bytes of a segment: what a lost frame takes along, where the stream is stored in several.
const SEGMENT: u64 = 4 << 20;

/// Bytes of content from which the ratio of compression is told beforehand.
const SAMPLE: u64 = 1 << 20;

/// Frames from which it is worth making some to tell what all will take.
const LONG: u64 = 256;

/// From tough to dense, with what needs no ffmpeg last.
const BY_TOUGHNESS: [&str; 4] = ["tough", "share", "dense", "exact"];

pub fn run(args: &Args, app: &App) -> Result<()> {
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
    if let Some(note) = plan.settings.as_ref().and_then(|settings| settings.note.as_ref()) {
        super::super::note(&format!("note: {note}"), args.talk.quiet);
    }
    if let Some(prediction) = &plan.prediction {
        super::super::note(&foretell(prediction), args.talk.quiet);
    }
    let chain = &plan.chain;
    let store = args.work.store(app, None);
    let pipeline = Pipeline::build(chain, &store.find(&chain.resources())?, None)?;
    let input = open(&args.input).map_err(|e| e.at(args.input.display().to_string()))?;
    let mut output = Output::open(&output_path, args.write.force)?;
    let cx = args.work.context(app, progress::bar("encode", input.len, args.talk.quiet));
    let profile = plan.settings.as_ref().map_or("exact", |settings| settings.profile.name);
    let medium: Box<dyn StreamWriter> = match plan.settings {
        None => {
            carrier_of(chain, &app.registry)?.create(output.target(), &input.name, &chain.to_string(), &cx)?
        }
        Some(mut settings) => {
            settings.threads = args.work.threads.map_or(0, usize::from);
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
        return super::super::report_json(report, output == Path::new("-"));
    }
    let size = match report.output_bytes.zip(report.v_per_p) {
        Some((bytes, v_per_p)) => format!("{} bytes of video, V/P {v_per_p:.3}", table::count(bytes)),
        None => "a video on standard output".to_string(),
    };
    super::super::note(
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

fn foretell(prediction: &Prediction) -> String {
    format!(
        "about {} bytes of video, {} frames, {:.0} s at its rate",
        table::count(prediction.bytes),
        table::count(prediction.frames),
        prediction.seconds
    )
}

/// What is going to be done.
struct Plan {
    chain: Chain,
    /// `None` for the profile `exact`.
    settings: Option<Settings>,
    prediction: Option<Prediction>,
}

fn plan(args: &Args, cx: &Context, app: &App) -> Result<Plan> {
    let len = match args.input == Path::new("-") {
        true => None,
        false => Some(
            std::fs::metadata(&args.input)
                .map_err(|e| Error::from(e).at(args.input.display().to_string()))?
                .len(),
        ),
    };
    let names: Vec<&str> = match (&args.profile, args.target_size) {
        (Some(profile), _) => vec![profile],
        (None, Some(_)) => BY_TOUGHNESS.to_vec(),
        (None, None) => vec!["exact"],
    };
    let last = names.len() - 1;
    for (i, name) in names.into_iter().enumerate() {
        let mut store = args.work.store(app, None);
        let exact = profile::by_name(name).is_none();
        if exact && args.profile.is_some() | args.target_size.is_none() && args.making.any() {
            return Err(Error::usage(
                "the profile exact has no pictures to choose; name another with --profile",
            ));
        }
        let codec =
            if args.no_compression { "store".to_string() } else { format!("zstd:level={}", args.level) };
        let stage = if exact { "video".to_string() } else { args.making.stage(name) };
        let chain = options::chain(app, &format!("{codec},{stage}"), &mut store)?;
        let settings = lab_video::settings(&carrier_params(&chain)?, cx)?;
        let stream = match len {
            Some(len) => Some(estimate(args, app, &chain, len, cx)?),
            None => None,
        };
        let wanted = args.target_size.is_some();
        let prediction = match (&settings, stream) {
            (Some(settings), Some(stream)) => {
                let long = settings.layout.frames(stream, settings.loss) >= LONG && !args.talk.quiet;
                match long || wanted {
                    true => Some(predict(settings, stream, bytes_per_frame(settings, cx)?)),
                    false => None,
                }
            }
            (None, Some(stream)) if wanted => Some(exactly(stream)),
            (_, None) if wanted => {
                return Err(Error::usage("--target-size needs an input whose size is known"));
            }
            _ => None,
        };
        let too_large = args.target_size.zip(prediction).filter(|(target, p)| p.bytes > *target);
        match too_large {
            None => return Ok(Plan { chain, settings, prediction }),
            Some((target, p)) if i == last => {
                return Err(Error::limit(format!(
                    "the video would take about {} bytes, {} are allowed",
                    table::count(p.bytes),
                    table::count(target)
                )));
            }
            Some(_) => {}
        }
    }
    Err(Error::usage("no profile"))
}

/// Of the profile `exact`, whose frames hold the bytes as they are.
fn exactly(stream: u64) -> Prediction {
    use lab_video::exact::size::{FRAMES_PER_SECOND, FrameSize};
    let size = FrameSize::for_payload(stream);
    let frames = stream.div_ceil(size.capacity() as u64).max(1);
    let bytes = stream as f64 * 1.01 + 4096.0;
    Prediction { frames, seconds: frames as f64 / f64::from(FRAMES_PER_SECOND), bytes: bytes as u64 }
}

/// Bytes that the stream of a file of `len` bytes will have, as its first mebibyte compresses.
fn estimate(args: &Args, app: &App, chain: &Chain, len: u64, cx: &Context) -> Result<u64> {
    let mut sample = Vec::new();
    File::open(&args.input)?.take(SAMPLE).read_to_end(&mut sample)?;
    if sample.is_empty() {
        return Ok(0);
    }
    let pipeline = Pipeline::build(chain, &args.work.store(app, None).find(&chain.resources())?, None)?;
    let mut out = Vec::new();
    pipeline.worker().encode(&sample, &mut out, true, cx)?;
    let stored = if out.is_empty() { sample.len() } else { out.len().min(sample.len()) };
    Ok((len as f64 * stored as f64 / sample.len() as f64) as u64 + 1024)
}

/// Size and SHA-256 of the input, for a poster that tells them.
fn content(args: &Args, settings: &Settings, app: &App) -> Result<Option<(u64, Digest)>> {
    let shown = |profile: &Profile| poster::is_shown(profile);
    if args.input == Path::new("-") || !shown(settings.profile) || !args.input.is_file() {
        return Ok(None);
    }
    let mut file = File::open(&args.input)?;
    let observer: Arc<dyn Observer> = progress::bar("SHA-256", Some(file.metadata()?.len()), args.talk.quiet);
    let (mut hash, mut buffer, mut len) = (Sha256::new(), vec![0; 1 << 20], 0);
    loop {
        if app.cancel.is_cancelled() {
            return Err(Error::cancelled());
        }
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(Some((len, Digest(hash.finalize().into()))));
        }
        hash.update(&buffer[..count]);
        len += count as u64;
        observer.advance(count as u64);
    }
}

/// Where the parts of an interrupted encode are.
fn journal(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_os_string();
    name.push(".resume");
    name.into()
}
