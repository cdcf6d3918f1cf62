//! `lab run`: encodes, decodes and verifies files with a chain, and reports each stage.

use std::path::{Component, Path, PathBuf};

use lab_bench::trip::{self, FileReport, Report, Total, Trip};
use lab_codec::{Carrier, Error, ErrorKind, Result};
use lab_corpus::Sample;
use lab_stream::encode::carrier_of;
use lab_stream::output::Output;
use lab_stream::pipeline::Pipeline;

use super::{App, options, table};
use crate::progress;

/// Encode, decode and verify files, and show size, rate and entropy of every stage
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab run --chain repair,zstd,video            on the built-in samples
  lab run --chain zstd:19 FILE corpora/        on files and corpus directories
  lab run --chain store,video FILE -o out/     keep the outputs
The bypass is off, so the figures are the codec's own. Rates of a stage are per thread.")]
pub(super) struct Args {
    /// Codecs in order, then at most one carrier, such as repair,zstd:level=19,video
    #[arg(long, short, value_name = "CHAIN")]
    chain: String,
    /// Files and corpus directories [default: the built-in samples]
    paths: Vec<PathBuf>,
    /// Keep the encoded files in this directory
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// No effect, accepted as in `encode`: `run` never bypasses a segment
    #[arg(long, hide = true)]
    no_bypass: bool,
    #[command(flatten)]
    cut: options::Cut,
    #[command(flatten)]
    work: options::Work,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let mut store = args.work.store(app, None);
    let chain = options::chain(app, &args.chain, &mut store)?;
    Pipeline::build(&chain, store.loaded(), None)?;
    let carrier = carrier_of(&chain, &app.registry)?;
    let samples = if args.paths.is_empty() {
        lab_corpus::builtin::samples()
    } else {
        let found = lab_corpus::survey(&args.paths)?;
        for listed in &found.missing {
            super::note(
                &format!("{}/{} is listed in the manifest but missing", listed.corpus, listed.name),
                args.talk.quiet,
            );
        }
        found.samples
    };
    if samples.is_empty() {
        return Err(Error::usage("no files found in the given paths"));
    }
    let scratch = tempfile::Builder::new().prefix("lab-run-").tempdir()?;
    let _listed = lab_stream::cleanup::Temporary::new(scratch.path());
    let trip = Trip {
        registry: &app.registry,
        chain: &chain,
        carrier: &*carrier,
        store: &store,
        segment: args.cut.segment,
        threads: args.work.threads(),
    };
    let mut files = Vec::new();
    let mut first_error = None;
    for sample in &samples {
        match file(args, app, &trip, sample, scratch.path()) {
            Ok(report) => files.push(report),
            Err(e) if e.kind() == ErrorKind::Cancelled => return Err(e),
            Err(e) => {
                super::note(&format!("lab: {}", about(sample, &e)), false);
                files.push(trip::failed(sample, &e));
                first_error = first_error.or(Some(e));
            }
        }
    }
    let report = Report::new(&chain, files);
    if args.talk.json {
        super::print_json(&report)?;
    } else {
        super::print(&text(&report))?;
    }
    let total = &report.total;
    let failed = format!("{} of {} files FAILED", total.files - total.verified, total.files);
    match first_error {
        _ if total.verified == total.files => Ok(()),
        // No mismatch: the files failed before their output could be compared.
        Some(error) if total.differing == 0 => Err(Error::new(error.kind(), failed)),
        _ => Err(Error::corrupt(failed)),
    }
}

/// The error text, prefixed with the sample's path unless it contains it.
fn about(sample: &Sample, error: &Error) -> String {
    let (path, line) = (sample.path.display().to_string(), super::hint::line(error));
    if line.contains(&path) { line } else { format!("{path}: {line}") }
}

fn file(args: &Args, app: &App, trip: &Trip, sample: &Sample, scratch: &Path) -> Result<FileReport> {
    let path = output_path(args.output.as_deref(), trip.carrier, sample, scratch)?;
    let mut output = Output::open(&path, args.write.force)?;
    let bar = || progress::bar(&sample.name, Some(sample.bytes), args.talk.quiet);
    let report = trip.file(sample, &mut output, &|| args.work.context(app, bar()))?;
    if args.output.is_some() {
        output.commit()?;
    }
    Ok(report)
}

fn output_path(
    dir: Option<&Path>,
    carrier: &dyn Carrier,
    sample: &Sample,
    scratch: &Path,
) -> Result<PathBuf> {
    let extension = carrier.extension();
    let Some(dir) = dir else { return Ok(scratch.join(format!("out.{extension}"))) };
    let mut path = dir.to_path_buf();
    // Sample names are untrusted: they must not lead out of the directory.
    let label = PathBuf::from(format!("{}.{extension}", sample.label()));
    path.extend(label.components().filter(|part| matches!(part, Component::Normal(_))));
    let parent = path.parent().unwrap_or(dir);
    std::fs::create_dir_all(parent).map_err(|e| Error::from(e).at(parent.display().to_string()))?;
    Ok(path)
}

/// Tables and the verdict.
fn text(report: &Report) -> String {
    let mut text = String::new();
    if report.files.len() > 1 {
        let mut list =
            table::table(&["file", "bytes", "output", "ratio", "bpb", "enc MB/s", "dec MB/s", "SHA-256"]);
        for f in &report.files {
            list.add_row([
                f.path.escape_debug().to_string(),
                table::count(f.bytes),
                table::count(f.output_bytes),
                table::ratio(f.bytes, f.output_bytes),
                table::bits_per_byte(f.bytes, f.output_bytes),
                table::rate(f.bytes, f.encode_seconds),
                table::rate(f.bytes, f.decode_seconds),
                if f.verified { "same" } else { "FAIL" }.to_string(),
            ]);
        }
        text += &format!("{}\n", table::text(&list));
    }
    let sum: &Total = &report.total;
    let mut stages =
        table::table(&["stage", "bytes in", "bytes out", "ratio", "bpb", "enc MB/s", "dec MB/s", "entropy"]);
    let entropy = |bits: f64| format!("{bits:.3}");
    stages.add_row(["input", "", &table::count(sum.bytes), "", "8.000", "", "", &entropy(sum.entropy0)]);
    let carried = report.carried;
    for (i, s) in sum.stages.iter().enumerate() {
        if carried && i + 1 == sum.stages.len() {
            stages.add_row(container_row(sum, s.bytes_in));
        }
        stages.add_row([
            s.stage.clone(),
            table::count(s.bytes_in),
            table::count(s.bytes_out),
            table::ratio(s.bytes_in, s.bytes_out),
            table::bits_per_byte(sum.bytes, s.bytes_out),
            table::rate(s.bytes_in, s.encode_seconds),
            table::rate(s.bytes_in, s.decode_seconds),
            entropy(s.entropy0),
        ]);
    }
    if !carried {
        stages.add_row(container_row(sum, sum.output_bytes));
    }
    stages.add_row([
        "whole chain".to_string(),
        table::count(sum.bytes),
        table::count(sum.output_bytes),
        table::ratio(sum.bytes, sum.output_bytes),
        table::bits_per_byte(sum.bytes, sum.output_bytes),
        table::rate(sum.bytes, sum.encode_seconds),
        table::rate(sum.bytes, sum.decode_seconds),
        String::new(),
    ]);
    let verdict = match (sum.files, sum.differing, sum.files - sum.verified) {
        (1, 0, 0) => "the file came back with the same SHA-256".to_string(),
        (n, 0, 0) => format!("all {n} files came back with the same SHA-256"),
        (n, 0, failed) => format!("{failed} of {n} files could not be encoded or decoded"),
        (n, differing, _) => format!("{differing} of {n} files did NOT come back with the same SHA-256"),
    };
    let chose = sum.stages.iter().filter(|s| !s.choices.is_empty()).fold(String::new(), |text, s| {
        let list: Vec<_> = s.choices.iter().map(|(choice, n)| format!("{choice} ({n})")).collect();
        format!("{text}{} chose: {}\n", s.stage, list.join("; "))
    });
    format!("{text}{}\n{chose}{}: {verdict}\n", table::text(&stages), report.chain)
}

/// The table row for the container: headers, index and trailer.
fn container_row(sum: &Total, stream_len: u64) -> [String; 8] {
    let stored = stream_len - sum.container_bytes;
    [
        "container".to_string(),
        table::count(stored),
        table::count(stream_len),
        table::ratio(stored, stream_len),
        table::bits_per_byte(sum.bytes, stream_len),
        String::new(),
        String::new(),
        String::new(),
    ]
}
