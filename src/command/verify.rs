//! `lab verify`: checks encoded files without writing anything.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use lab_codec::{Context, Error, ErrorKind, Result, StreamReader};

use super::{App, options, table};
use crate::progress;
use lab_stream::container::{Feed, Reader, Sequence};
use lab_stream::input::{self, Medium};

/// Check encoded files without writing anything
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab verify OUT.lab OUT.mp4      decode everything and compare the SHA-256
  lab verify --stored OUT.lab     check only the checksums of stored bytes, without decoding")]
pub(super) struct Args {
    /// The encoded files
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// Check the stored bytes only, without decoding
    #[arg(long)]
    stored: bool,
    #[command(flatten)]
    work: options::Work,
    #[command(flatten)]
    talk: options::Talk,
}

#[derive(serde::Serialize)]
struct Report {
    path: String,
    ok: bool,
    bytes: Option<u64>,
    sha256: Option<String>,
    error: Option<String>,
    seconds: f64,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let mut reports = Vec::new();
    let mut first_error = None;
    for path in &args.inputs {
        let start = Instant::now();
        let result = check(args, app, path);
        let seconds = start.elapsed().as_secs_f64();
        let mut report = Report {
            path: path.display().to_string(),
            ok: false,
            bytes: None,
            sha256: None,
            error: None,
            seconds,
        };
        match result {
            Ok((bytes, sha256)) => {
                report.ok = true;
                report.bytes = Some(bytes);
                report.sha256 = Some(sha256);
            }
            Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
            Err(error) => {
                report.error = Some(error.to_string());
                first_error = first_error.or(Some(error));
            }
        }
        if !args.talk.json && report.ok && !args.talk.quiet {
            let what =
                if args.stored { "stored bytes intact, content not decoded" } else { "SHA-256 verified" };
            let bytes = report.bytes.unwrap_or_default();
            super::print(&format!("{}: ok, {} bytes, {what}\n", report.path, table::count(bytes)))?;
        } else if let (false, Some(error)) = (args.talk.json || args.inputs.len() == 1, &report.error) {
            super::note(&format!("lab: {error}"), false);
        }
        reports.push(report);
    }
    if args.talk.json {
        super::print_json(&reports)?;
    }
    let failed = reports.iter().filter(|r| !r.ok).count();
    match first_error {
        Some(error) if args.inputs.len() == 1 => Err(error),
        Some(error) => Err(Error::new(error.kind(), format!("{failed} of {} files failed", reports.len()))),
        None => Ok(()),
    }
}

/// Bytes and SHA-256 of the content.
fn check(args: &Args, app: &App, path: &Path) -> Result<(u64, String)> {
    let cx = args.work.context(app, progress::bar("verify", None, args.talk.quiet));
    let (mut bytes, mut digests) = (0, Vec::new());
    for medium in input::open_all(&app.registry, path, &cx)? {
        let Medium::Stream { stream, .. } = medium else {
            let text = "a plain Zstandard file; `lab decode` reads it";
            return Err(Error::unsupported(text).at(path.display().to_string()));
        };
        let checked = content(&args.work, args.stored, app, path, stream, &cx);
        let (more, sha256) = checked.map_err(|e| e.at(path.display().to_string()))?;
        bytes += more;
        digests.push(sha256);
    }
    Ok((bytes, digests.join(" ")))
}

/// Checks a stream; returns bytes and SHA-256 of its content.
pub(super) fn content(
    work: &options::Work,
    stored: bool,
    app: &App,
    path: &Path,
    stream: Arc<dyn StreamReader>,
    cx: &Context,
) -> Result<(u64, String)> {
    // Also open the index and trailer, as random access does.
    Reader::open(stream.clone(), *cx.limits())?;
    let told = stream.summary();
    let feed = Feed::Carrier(stream, 0);
    let trailer = if stored {
        let mut sequence = Sequence::open(feed, *cx.limits())?;
        let mut buffer = Vec::new();
        while let Some(stored) = sequence.next_segment(buffer)? {
            cx.check()?;
            stored.check()?;
            cx.observer().advance(stored.header.raw_len);
            buffer = stored.bytes;
        }
        sequence.ending().ok_or_else(|| Error::truncated("the stream has no end"))?.trailer
    } else {
        let store = work.store(app, Some(path));
        super::decode::decode_feed(app, feed, &store, &mut std::io::sink(), work.threads(), cx)?.trailer
    };
    if told.is_some_and(|told| (told.bytes, told.sha256) != (trailer.bytes, trailer.sha256)) {
        return Err(Error::corrupt("the medium's manifest names another SHA-256 than the stream"));
    }
    Ok((trailer.bytes, trailer.sha256.to_string()))
}
