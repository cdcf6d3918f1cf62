//! `lab run`: what a chain does to files: encode, decode, verify, and say what each stage did.

mod meter;
mod report;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use lab_codec::{Carrier, Error, ErrorKind, Result};

use meter::{Counted, Stopwatch, TimedReader, TimedWriter};
use report::{FileFigures, FileReport, Report};

use super::{App, options};
use crate::progress;
use lab_corpus::{self, Sample};
use lab_stream::chain::Chain;
use lab_stream::container::{Feed, Sequence};
use lab_stream::decode::{decode, pipeline_of};
use lab_stream::encode::{Input, Options, carrier_of, encode};
use lab_stream::entropy::Histogram;
use lab_stream::input::{self, Medium};
use lab_stream::output::Output;
use lab_stream::pipeline::Pipeline;
use lab_stream::probe::{Figures, StageFigures};
use lab_stream::resource::Store;

/// Encode, decode and verify files, and show what every stage did
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab run --chain repair,zstd,video            on the built-in samples
  lab run --chain zstd:19 FILE corpora/        on files and corpus directories
  lab run --chain store,video FILE -o out/     keep the outputs
A segment is never bypassed here: the figures are the codec's own. Rates of a stage are per thread.")]
pub struct Args {
    /// Codecs in order, then at most one carrier, such as repair,zstd:level=19,video
    #[arg(long, short, value_name = "CHAIN")]
    chain: String,
    /// Files and corpus directories [default: the built-in samples]
    paths: Vec<PathBuf>,
    /// Keep the encoded files in this directory
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Accepted for the habit of typing it: `run` never bypasses a segment
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

pub fn run(args: &Args, app: &App) -> Result<()> {
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
                &format!("{}/{} is listed, but not there", listed.corpus, listed.name),
                args.talk.quiet,
            );
        }
        found.samples
    };
    if samples.is_empty() {
        return Err(Error::usage("no files in the given paths"));
    }
    let scratch = tempfile::Builder::new().prefix("lab-run-").tempdir()?;
    let _listed = lab_stream::cleanup::Temporary::new(scratch.path());
    let job = Job { args, app, chain: &chain, carrier: &*carrier, store: &store, scratch: scratch.path() };
    let mut files = Vec::new();
    let mut first_error = None;
    for sample in &samples {
        match job.file(sample) {
            Ok(report) => files.push(report),
            Err(e) if e.kind() == ErrorKind::Cancelled => return Err(e),
            Err(e) => {
                super::note(&format!("lab: {}", about(sample, &e)), false);
                files.push(report::failed(sample, &e));
                first_error = first_error.or(Some(e));
            }
        }
    }
    let report = Report::new(&chain, files);
    if args.talk.json {
        super::print_json(&report)?;
    } else {
        super::print(&report::text(&report))?;
    }
    let total = report.total();
    let failed = format!("{} of {} files FAILED", total.files - total.verified, total.files);
    match first_error {
        _ if total.verified == total.files => Ok(()),
        // Nothing came back wrong: it did not come so far.
        Some(error) if total.differing == 0 => Err(Error::new(error.kind(), failed)),
        _ => Err(Error::corrupt(failed)),
    }
}

/// The error's line, with the sample's path in front where it is not there yet.
fn about(sample: &Sample, error: &Error) -> String {
    let (path, line) = (sample.path.display().to_string(), error.to_string());
    if line.contains(&path) { line } else { format!("{path}: {line}") }
}

struct Job<'a> {
    args: &'a Args,
    app: &'a App,
    chain: &'a Chain,
    carrier: &'a dyn Carrier,
    store: &'a Store,
    scratch: &'a Path,
}

impl Job<'_> {
    fn file(&self, sample: &Sample) -> Result<FileReport> {
        let mut output = Output::open(&self.output_path(sample)?, self.args.write.force)?;
        let threads = self.args.work.threads();
        let label = sample.name.as_str();
        let quiet = self.args.talk.quiet;

        let pipeline = Pipeline::build(self.chain, self.store.loaded(), None)?;
        let encoding = Arc::new(Figures::new(pipeline.len()));
        let pipeline = pipeline.with_probe(encoding.clone());
        let cx = self.args.work.context(self.app, progress::bar(label, Some(sample.bytes), quiet));
        let histogram = Mutex::new(Histogram::default());
        let counting = Stopwatch::default();
        let reader = Counted { inner: sample.open(&cx)?, histogram: &histogram, watch: counting.clone() };
        let name =
            Path::new(&sample.name).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let input = Input { reader: Box::new(reader), len: Some(sample.bytes), name };
        let options = Options { segment: self.args.cut.segment, threads, bypass: false };
        let start = Instant::now();
        let writing = Stopwatch::default();
        let medium = self.carrier.create(output.target(), &input.name, &self.chain.to_string(), &cx)?;
        let medium = Box::new(TimedWriter { inner: medium, watch: writing.clone() });
        let encoded = encode(input, self.chain, &pipeline, medium, options, &cx)?;
        let overhead = (encoding.overhead() + counting.total()) / threads as u32;
        let encode_seconds = start.elapsed().saturating_sub(overhead).as_secs_f64();

        let path = output.temporary().ok_or_else(|| Error::usage("the output cannot be read back"))?;
        let output_bytes = std::fs::metadata(path)?.len();
        let cx = self.args.work.context(self.app, progress::bar(label, Some(sample.bytes), quiet));
        let start = Instant::now();
        let reading = Stopwatch::default();
        let stream = reading.time(|| input::open(&self.app.registry, path, &cx))?;
        let Medium::Stream { stream, .. } = stream else {
            return Err(Error::corrupt("the encoded file is not recognised as one"));
        };
        let stream = Arc::new(TimedReader { inner: stream, watch: reading.clone() });
        let mut sequence = Sequence::open(Feed::Carrier(stream, 0), *cx.limits())?;
        let decoder = pipeline_of(sequence.header(), &self.app.registry, self.store)?;
        let decoding = Arc::new(Figures::new(decoder.len()));
        let decoder = decoder.with_probe(decoding.clone());
        let ending = decode(&mut sequence, &decoder, &mut std::io::sink(), threads, &cx)?;
        let decode_seconds = start.elapsed().as_secs_f64();

        let mut figures =
            FileFigures { input: histogram.into_inner().unwrap_or_default(), stages: encoding.stages() };
        for (row, decoded) in figures.stages.iter_mut().zip(decoding.stages()) {
            row.decode = decoded.decode;
        }
        if self.chain.carrier.is_some() {
            figures.stages.push(StageFigures {
                bytes_in: encoded.stream_len,
                bytes_out: output_bytes,
                encode: writing.total(),
                decode: reading.total(),
                histogram: histogram_of(path)?,
                ..StageFigures::default()
            });
        }
        if self.args.output.is_some() {
            output.commit()?;
        }
        let expected = sample.sha256.unwrap_or(encoded.sha256);
        Ok(FileReport {
            path: sample.path.display().to_string(),
            bytes: encoded.bytes,
            output_bytes,
            ratio: report::ratio(encoded.bytes, output_bytes),
            verified: ending.trailer.sha256 == encoded.sha256 && encoded.sha256 == expected,
            sha256: Some(encoded.sha256.to_string()),
            error: None,
            entropy0: figures.input.entropy(),
            container_bytes: encoded.stream_len - encoded.stored,
            encode_seconds,
            decode_seconds,
            stages: report::rows(&report::stage_names(self.chain), &figures.stages),
            figures,
        })
    }

    fn output_path(&self, sample: &Sample) -> Result<PathBuf> {
        let extension = self.carrier.extension();
        let Some(dir) = &self.args.output else { return Ok(self.scratch.join(format!("out.{extension}"))) };
        let mut path = dir.clone();
        // Names come from anywhere: nothing in them may lead out of the directory.
        let label = PathBuf::from(format!("{}.{extension}", sample.label()));
        path.extend(label.components().filter(|part| matches!(part, std::path::Component::Normal(_))));
        let parent = path.parent().unwrap_or(dir);
        std::fs::create_dir_all(parent).map_err(|e| Error::from(e).at(parent.display().to_string()))?;
        Ok(path)
    }
}

fn histogram_of(path: &Path) -> Result<Histogram> {
    let mut histogram = Histogram::default();
    let mut reader = std::fs::File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(histogram),
            got => histogram.add(&buffer[..got]),
        }
    }
}
