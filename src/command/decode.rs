//! `lab decode`: decodes a stream from any carrier to the original bytes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use lab_codec::{Context, Error, ErrorKind, Result};
use lab_process::standard;

use super::{App, options, table};
use crate::progress;
use lab_stream::container::{Ending, Feed, Sequence, trailer_of};
use lab_stream::decode::{decode, pipeline_of, salvage_all};
use lab_stream::input::{self, Medium, Pipe};
use lab_stream::output::Output;
use lab_stream::resource::Store;

/// Decode a stream from any carrier; no options needed
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab decode OUT.lab -o IN
  lab decode OUT.mp4              under the name recorded in the video
  lab decode damaged.lab --salvage -o IN
  lab decode plain.zst            a plain Zstandard file, too")]
pub(super) struct Args {
    /// The encoded file, or - for a stream on standard input
    pub input: PathBuf,
    /// The output, or - for standard output [default: - for standard input, else the original name beside IN]
    #[arg(long, short, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Recover the intact segments of a damaged stream; lost ranges become zeros (exit code 6)
    #[arg(long)]
    pub salvage: bool,
    #[command(flatten)]
    pub work: options::Work,
    #[command(flatten)]
    pub write: options::Write,
    #[command(flatten)]
    pub talk: options::Talk,
}

#[derive(Default, serde::Serialize)]
struct Report {
    bytes: u64,
    sha256: Option<String>,
    verified: bool,
    segments: Option<u64>,
    lost: Vec<[u64; 2]>,
    seconds: f64,
}

impl Report {
    /// Adds a stream that follows. Several streams together have no recorded digest.
    fn join(&mut self, next: Self) {
        self.sha256 = next.sha256.filter(|_| self.segments.is_none());
        self.verified = next.verified;
        self.bytes += next.bytes;
        self.segments = next.segments.map(|segments| segments + self.segments.unwrap_or(0));
    }
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let start = Instant::now();
    let piped = args.input == Path::new("-");
    let (output_path, media) = match &args.output {
        Some(path) => (path.clone(), None),
        None if piped => (PathBuf::from("-"), None),
        None => {
            let media = open(args, app)?;
            (default_name(args, &media)?, Some(media))
        }
    };
    let mut output = Output::open(&output_path, args.write.force)?;
    output.made_from(&args.input)?;
    let store = args.work.store(app, Some(&args.input));
    let result = if args.salvage {
        recover(args, app, &store, &mut *output.sink()?)
    } else {
        read(args, app, media, &store, &mut *output.sink()?)
    };
    let mut report = result.map_err(|e| if piped { e.at("standard input") } else { e })?;
    output.commit()?;
    report.seconds = start.elapsed().as_secs_f64();
    let partial = args.salvage && !report.verified;
    if args.talk.json {
        super::report_json(&report, output_path == Path::new("-"))?;
    } else {
        super::note(&summary(args, &output_path, &report), args.talk.quiet);
        if !report.lost.is_empty() {
            super::note(&lost(&report.lost), args.talk.quiet);
        }
    }
    if partial {
        let lost: u64 = report.lost.iter().map(|[a, b]| b - a).sum();
        return Err(Error::new(
            ErrorKind::Partial,
            match lost {
                0 => "all segments found were recovered; the stream's end is lost, so more may have followed"
                    .into(),
                n => format!("{n} bytes in {} ranges are lost and zero in the output", report.lost.len()),
            },
        ));
    }
    Ok(())
}

fn summary(args: &Args, output: &Path, report: &Report) -> String {
    let verdict = match (report.verified, &report.sha256) {
        (true, Some(_)) => "SHA-256 verified",
        (true, None) => "checksums verified",
        (false, _) => "NOT verified",
    };
    format!(
        "{} -> {}: {} bytes, {verdict}, {} MB/s",
        args.input.display(),
        output.display(),
        table::count(report.bytes),
        table::rate(report.bytes, report.seconds)
    )
}

/// Maximum number of lost ranges in the message; JSON lists all.
const MAX_LISTED: usize = 20;

fn lost(ranges: &[[u64; 2]]) -> String {
    let listed: Vec<_> =
        ranges.iter().take(MAX_LISTED).map(|[start, end]| format!("{start}..{end}")).collect();
    let more = match ranges.len().saturating_sub(MAX_LISTED) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    format!("lost: {}{more}", listed.join(", "))
}

/// Opens the streams of a seekable input.
fn open(args: &Args, app: &App) -> Result<Vec<Medium>> {
    let cx = args.work.context(app, progress::bar("", None, true));
    input::open_all(&app.registry, &args.input, &cx)
}

/// Output path: the name recorded in the medium, or the input's name without its extension.
fn default_name(args: &Args, media: &[Medium]) -> Result<PathBuf> {
    let told = match media {
        [Medium::Stream { stream, .. }] => stream.summary().map(|s| s.name).unwrap_or_default(),
        _ => String::new(),
    };
    // A recorded name is untrusted: it must not leave the directory, nor mean standard output.
    let plain = !told.starts_with('.') && told != "-" && !told.contains(char::is_control);
    if let Some(name) = Path::new(&told).file_name().filter(|n| plain && n.to_str() == Some(&told)) {
        return Ok(args.input.with_file_name(name));
    }
    let ending = args.input.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match &ending[..] {
        "lab" | "zst" | "zstd" | "mp4" | "mkv" => Ok(args.input.with_extension("")),
        "tzst" => Ok(args.input.with_extension("tar")),
        _ => Err(Error::usage(format!("{} records no output name; give one with -o", args.input.display()))),
    }
}

fn read(
    args: &Args,
    app: &App,
    media: Option<Vec<Medium>>,
    store: &Store,
    sink: &mut (dyn Write + Send),
) -> Result<Report> {
    let threads = args.work.threads();
    if args.input == Path::new("-") {
        let cx = args.work.context(app, progress::bar("decode", None, args.talk.quiet));
        return match input::open_pipe(Box::new(standard::input()?))? {
            Pipe::Stream(pipe) => decode_all(app, Feed::Pipe(pipe), store, sink, threads, &cx),
            Pipe::Zstd(pipe) => decode_zstd(pipe, store, sink, &cx),
        };
    }
    let media = media.map_or_else(|| open(args, app), Ok)?;
    let len = media.iter().map(content_len).sum::<Option<u64>>();
    let cx = args.work.context(app, progress::bar("decode", len, args.talk.quiet));
    let mut report = Report::default();
    for medium in media {
        let next = match medium {
            Medium::Stream { stream, .. } => {
                decode_all(app, Feed::Carrier(stream, 0), store, sink, threads, &cx)
            }
            Medium::Zstd => decode_zstd(std::fs::File::open(&args.input)?, store, sink, &cx),
        };
        report.join(next.map_err(|e| at_input(e, &args.input))?);
    }
    Ok(report)
}

/// Decodes all streams that follow each other in a pipe.
fn decode_all(
    app: &App,
    feed: Feed,
    store: &Store,
    sink: &mut (dyn Write + Send),
    threads: usize,
    cx: &Context,
) -> Result<Report> {
    let mut report = Report::default();
    let mut next = Some(Sequence::open(feed, *cx.limits())?.joined());
    while let Some(mut sequence) = next {
        let pipeline = pipeline_of(sequence.header(), &app.registry, store)?;
        report.join(complete(decode(&mut sequence, &pipeline, sink, threads, cx)?));
        next = sequence.next_stream()?;
    }
    Ok(report)
}

/// Length of the content in bytes, if the carrier or the trailer has it.
fn content_len(medium: &Medium) -> Option<u64> {
    let Medium::Stream { stream, .. } = medium else { return None };
    // A length from the carrier saves reading the trailer.
    let told = stream.summary().map(|summary| summary.bytes);
    told.or_else(|| trailer_of(&**stream).ok().map(|trailer| trailer.bytes))
}

fn complete(ending: Ending) -> Report {
    Report {
        bytes: ending.trailer.bytes,
        sha256: Some(ending.trailer.sha256.to_string()),
        verified: true,
        segments: Some(ending.trailer.segments),
        ..Report::default()
    }
}

fn decode_zstd(
    reader: impl std::io::Read,
    store: &Store,
    sink: &mut (dyn Write + Send),
    cx: &Context,
) -> Result<Report> {
    let mut find = |id: Option<_>| match id {
        Some(_) => store.search(|head| lab_zstd::dictionary_id(head) == id),
        None => store.only(),
    };
    let bytes = lab_zstd::decode_foreign(reader, sink, &mut find, cx)?;
    sink.flush()?;
    Ok(Report { bytes, verified: true, ..Report::default() })
}

fn recover(args: &Args, app: &App, store: &Store, sink: &mut (dyn Write + Send)) -> Result<Report> {
    if args.input == Path::new("-") {
        return Err(Error::usage("--salvage needs a seekable file; save the stream first"));
    }
    let cx = args.work.context(app, progress::bar("salvage", None, args.talk.quiet));
    let stream = match input::open_whole(&app.registry, &args.input, &cx) {
        Ok(Medium::Stream { stream, .. }) => stream,
        Ok(Medium::Zstd) => return Err(Error::usage("--salvage is for .lab streams")),
        // The magic may be damaged: scan for segments anyway.
        Err(e) if e.kind() == ErrorKind::Unsupported => lab_stream::file::open(&args.input)?,
        Err(e) => return Err(e),
    };
    let found =
        salvage_all(&stream, &app.registry, store, sink, &cx).map_err(|e| at_input(e, &args.input))?;
    Ok(Report {
        bytes: found.bytes,
        sha256: found.expected.map(|d| d.to_string()),
        verified: found.complete,
        segments: Some(found.segments),
        lost: found.lost.iter().map(|r| [r.start, r.end]).collect(),
        seconds: 0.0,
    })
}

fn at_input(error: Error, input: &Path) -> Error {
    error.at(input.display().to_string())
}

/// Decodes the stream in the file at `path`.
pub(super) fn decode_to(
    app: &App,
    path: &Path,
    store: &Store,
    sink: &mut (dyn Write + Send),
    threads: usize,
    cx: &Context,
) -> Result<Ending> {
    match input::open(&app.registry, path, cx)? {
        Medium::Stream { stream, .. } => decode_feed(app, Feed::Carrier(stream, 0), store, sink, threads, cx),
        Medium::Zstd => Err(Error::unsupported("a plain Zstandard file, not a .lab stream")),
    }
}

/// Decodes a stream front to back.
pub(super) fn decode_feed(
    app: &App,
    feed: Feed,
    store: &Store,
    sink: &mut (dyn Write + Send),
    threads: usize,
    cx: &Context,
) -> Result<Ending> {
    let mut sequence = Sequence::open(feed, *cx.limits())?;
    let pipeline = pipeline_of(sequence.header(), &app.registry, store)?;
    decode(&mut sequence, &pipeline, sink, threads, cx)
}
