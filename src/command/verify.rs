//! `lab verify`: is everything there, and right?

use std::path::PathBuf;
use std::time::Instant;

use lab_codec::{Error, Result};

use super::{App, options, table};
use crate::container::{Feed, Reader, Sequence};
use crate::input::{self, Medium};
use crate::progress;

/// Check files without writing anything
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab verify OUT.lab OUT.mp4      decode everything and compare the SHA-256
  lab verify --stored OUT.lab     only the checksums of the stored bytes: no decoding")]
pub struct Args {
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

pub fn run(args: &Args, app: &App) -> Result<()> {
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
fn check(args: &Args, app: &App, path: &PathBuf) -> Result<(u64, String)> {
    let cx = args.work.context(app, progress::bar("verify", None, args.talk.quiet));
    let at_input = |e: Error| e.at(path.display().to_string());
    let Medium::Stream { stream, .. } = input::open(&app.registry, path, &cx)? else {
        return Err(at_input(Error::unsupported("a plain Zstandard file; `lab decode` reads it")));
    };
    // The random-access path must work, too.
    Reader::open(stream.clone(), *cx.limits()).map_err(at_input)?;
    let ending = if args.stored {
        let mut sequence = Sequence::open(Feed::Carrier(stream, 0), *cx.limits()).map_err(at_input)?;
        let mut buffer = Vec::new();
        while let Some(stored) = sequence.next_segment(buffer).map_err(at_input)? {
            cx.check()?;
            stored.check().map_err(at_input)?;
            cx.observer().advance(stored.header.raw_len);
            buffer = stored.bytes;
        }
        sequence.ending().cloned().ok_or_else(|| at_input(Error::truncated("the stream has no end")))?
    } else {
        let store = args.work.store(Some(path));
        super::decode::decode_to(app, path, &store, &mut std::io::sink(), args.work.threads(), &cx)
            .map_err(at_input)?
    };
    if let (Some(told), false) = (stream_summary(app, path, &cx), args.stored) {
        if (told.bytes, told.sha256) != (ending.trailer.bytes, ending.trailer.sha256) {
            return Err(at_input(Error::corrupt(
                "the medium's manifest names another SHA-256 than the stream",
            )));
        }
    }
    Ok((ending.trailer.bytes, ending.trailer.sha256.to_string()))
}

fn stream_summary(app: &App, path: &PathBuf, cx: &lab_codec::Context) -> Option<lab_codec::Summary> {
    match input::open(&app.registry, path, cx) {
        Ok(Medium::Stream { stream, .. }) => stream.summary(),
        _ => None,
    }
}
