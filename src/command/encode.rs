//! `lab encode`: encodes a file or pipe with a chain and writes its carrier.

use std::path::{Path, PathBuf};
use std::time::Instant;

use lab_codec::{Error, Result};

use super::{App, options, table};
use crate::progress;
use lab_stream::encode::{Input, Options, Summary, carrier_of, encode};
use lab_stream::output::Output;
use lab_stream::pipeline::Pipeline;
use lab_stream::resource;

/// Encode a file with a chain
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab encode --chain zstd:19 IN -o OUT.lab
  lab encode --chain repair,zstd,video IN -o OUT.mp4
  tar c DIR | lab encode --chain zstd - -o - | ssh HOST 'cat > DIR.lab'")]
pub(super) struct Args {
    /// Codecs in order, then at most one carrier, such as repair,zstd:level=19,video
    #[arg(long, short, value_name = "CHAIN")]
    pub chain: String,
    /// The file to encode, or - for standard input
    pub input: PathBuf,
    /// The output, or - for standard output [default: IN plus the carrier's extension; - for standard input]
    #[arg(long, short, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Never store a segment raw, even if the chain grows it
    #[arg(long)]
    pub no_bypass: bool,
    /// Decode the output and compare it before it takes its name
    #[arg(long)]
    pub verify: bool,
    #[command(flatten)]
    pub cut: options::Cut,
    #[command(flatten)]
    pub work: options::Work,
    #[command(flatten)]
    pub write: options::Write,
    #[command(flatten)]
    pub talk: options::Talk,
}

#[derive(serde::Serialize)]
struct Report {
    chain: String,
    bytes: u64,
    sha256: String,
    stream_bytes: u64,
    output_bytes: Option<u64>,
    ratio: Option<f64>,
    segments: u64,
    bypassed_segments: u64,
    verified: Option<bool>,
    seconds: f64,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    run_with(args, app, args.work.store(app, None))
}

/// Encodes with resources that are loaded already, which a pipe can be only once.
pub(super) fn run_with(args: &Args, app: &App, mut store: resource::Store) -> Result<()> {
    let start = Instant::now();
    let piped = args.input == Path::new("-");
    let chain = options::chain(app, &args.chain, &mut store)?;
    let pipeline = Pipeline::build(&chain, &store.find(&chain.resources())?, None)?;
    let carrier = carrier_of(&chain, &app.registry)?;
    let input = Input::open(&args.input)?;
    let output_path = match &args.output {
        Some(path) => path.clone(),
        None if piped => PathBuf::from("-"),
        None => {
            let mut name = args.input.clone().into_os_string();
            name.push(".");
            name.push(carrier.extension());
            PathBuf::from(name)
        }
    };
    let mut output = Output::open(&output_path, args.write.force)?;
    output.made_from(&args.input)?;
    if args.verify && output.temporary().is_none() {
        return Err(Error::usage("--verify needs an output file that can be read back"));
    }
    let observer = progress::bar("encode", input.len, args.talk.quiet);
    let cx = args.work.context(app, observer);
    let options =
        Options { segment: args.cut.segment, threads: args.work.threads(), bypass: !args.no_bypass };
    let medium = carrier.create(output.target(), &input.name, &chain.to_string(), &cx);
    let summary = medium
        .and_then(|medium| encode(input, &chain, &pipeline, medium, options, &cx))
        .map_err(|e| e.at(format!("encoding {} to {}", args.input.display(), output_path.display())))?;
    drop(cx);
    let mut output_bytes = None;
    if let Some(path) = output.temporary() {
        output_bytes = Some(std::fs::metadata(path)?.len());
        if args.verify {
            verify(args, app, path, &summary, &store)?;
        }
    }
    output.commit()?;
    if args.talk.json {
        let ratio = output_bytes.filter(|b| *b > 0).map(|b| summary.bytes as f64 / b as f64);
        return super::report_json(
            &Report {
                chain: chain.to_string(),
                bytes: summary.bytes,
                sha256: summary.sha256.to_string(),
                stream_bytes: summary.stream_len,
                output_bytes,
                ratio,
                segments: summary.segments,
                bypassed_segments: summary.bypassed,
                verified: args.verify.then_some(true),
                seconds: start.elapsed().as_secs_f64(),
            },
            output_path == Path::new("-"),
        );
    }
    let (what, size) = match output_bytes {
        Some(bytes) => ("bytes", bytes),
        None => ("bytes of stream", summary.stream_len),
    };
    let bypassed = match summary.bypassed {
        0 => String::new(),
        n => format!(", {n} of {} segments stored raw", summary.segments),
    };
    super::note(
        &format!(
            "{} -> {}: {} -> {} {what}, ratio {}, {} MB/s{bypassed}",
            args.input.display(),
            output_path.display(),
            table::count(summary.bytes),
            table::count(size),
            table::ratio(summary.bytes, size),
            table::rate(summary.bytes, start.elapsed().as_secs_f64()),
        ),
        args.talk.quiet,
    );
    Ok(())
}

fn verify(args: &Args, app: &App, path: &Path, summary: &Summary, store: &resource::Store) -> Result<()> {
    let cx = args.work.context(app, progress::bar("verify", Some(summary.bytes), args.talk.quiet));
    let ending = super::decode::decode_to(app, path, store, &mut std::io::sink(), args.work.threads(), &cx)?;
    if ending.trailer.sha256 != summary.sha256 {
        return Err(Error::corrupt("the output does not decode to the input; it was discarded"));
    }
    Ok(())
}
