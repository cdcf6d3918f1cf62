//! `lab video verify`: checks the file in a video, and reports the copy's margins.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lab_codec::{Context, Digest, Error, ErrorKind, Result, StreamReader};
use lab_video::stream::{Margins, Reader};

use super::super::verify::content;
use super::{App, options, table};
use crate::progress;
use lab_stream::input::{self, Medium};

/// Check the file in a video without writing it, and report the margin of its error correction
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab video verify OUT.mp4
  lab video verify COPY.mp4 SHA256      the content must have this digest")]
pub(super) struct Args {
    /// The video
    input: PathBuf,
    /// The SHA-256 that the content must have, in hexadecimal
    sha256: Option<String>,
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
    profile: &'static str,
    /// Only for lossy profiles.
    margins: Option<Margins>,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let cx = args.work.context(app, progress::bar("verify", None, args.talk.quiet));
    let at_input = |e: Error| e.at(args.input.display().to_string());
    let expected = args.sha256.as_deref().map(digest).transpose()?;
    let Opened { stream, lossy } = open(&args.input, app, &cx)?;
    let profile = lossy.as_ref().map_or("exact", |reader| reader.profile());
    let content = content(&args.work, false, app, &args.input, stream, &cx);
    let outcome = content.and_then(|(bytes, sha256)| match &expected {
        Some(expected) if *expected != sha256 => {
            Err(Error::corrupt(format!("the content has the SHA-256 {sha256}, not {expected}")))
        }
        _ => Ok((bytes, sha256)),
    });
    let margins = match &lossy {
        Some(reader) => {
            reader.read_rest().map_err(at_input)?;
            Some(Margins::of(&reader.take_health()))
        }
        None => None,
    };
    drop(cx);
    let path = args.input.display().to_string();
    if args.talk.json {
        let error = outcome.as_ref().err().map(ToString::to_string);
        let (bytes, sha256) = outcome.as_ref().ok().cloned().unzip();
        super::super::print_json(&Report {
            path,
            ok: error.is_none(),
            bytes,
            sha256,
            error,
            profile,
            margins,
        })?;
    } else if !args.talk.quiet {
        let verdict = match &outcome {
            Ok((bytes, sha256)) => {
                format!("ok, {} bytes, SHA-256 {sha256} verified", table::count(*bytes))
            }
            Err(_) => "NOT whole".to_string(),
        };
        let lines = margins.as_ref().map(ToString::to_string).unwrap_or_default();
        super::super::print(&format!("{path}: {verdict}, profile {profile}\n{lines}"))?;
    }
    outcome.map(|_| ()).map_err(at_input)
}

/// The stream in a video, and the reader of a lossy profile.
struct Opened {
    stream: Arc<dyn StreamReader>,
    lossy: Option<Arc<Reader>>,
}

fn open(path: &Path, app: &App, cx: &Context) -> Result<Opened> {
    // Try `exact` first: its reader needs no ffmpeg.
    match std::fs::File::open(path)
        .map_err(Error::from)
        .and_then(|file| lab_video::exact::Reader::open(file, cx))
    {
        Ok(reader) => return Ok(Opened { stream: Arc::new(reader), lossy: None }),
        Err(e) if e.kind() == ErrorKind::Unsupported => {}
        Err(e) => return Err(e.at(path.display().to_string())),
    }
    match Reader::open(path, cx) {
        Ok(reader) => {
            let reader = Arc::new(reader);
            Ok(Opened { stream: reader.clone(), lossy: Some(reader) })
        }
        // Prefer the carrier's error, which is more specific.
        Err(e) => match input::open(&app.registry, path, cx)? {
            Medium::Stream { .. } | Medium::Zstd => Err(e.at(path.display().to_string())),
        },
    }
}

/// Parses a digest in hexadecimal, with or without the prefix `sha256:`.
fn digest(text: &str) -> Result<String> {
    let digest = Digest::from_hex(text.strip_prefix("sha256:").unwrap_or(text));
    let refuse = || Error::usage(format!("{text:?} is not a SHA-256; give 64 hexadecimal digits"));
    digest.map(|digest| digest.to_string()).ok_or_else(refuse)
}
