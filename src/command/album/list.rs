//! `lab album list`.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use lab_album::manifest::{Coding, Content};
use lab_album::{Album, scan};
use lab_codec::Result;

use super::super::{App, options, print, print_json, table};
use super::pack::mode_name;
use super::{Effort, Input, sheet};
use crate::progress;
use lab_stream::output::Output;

/// Show what is in an album, and what each file takes
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// Write a contact sheet to this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The folder that was packed, for thumbnails of what was before
    #[arg(long, value_name = "DIR", requires = "html")]
    original: Option<PathBuf>,
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

#[derive(serde::Serialize)]
struct Line {
    path: String,
    restored: Option<String>,
    bytes: u64,
    /// What it takes in the album: its blocks, or its share of those that it has in common with others.
    album_bytes: u64,
    how: &'static str,
    width: Option<u32>,
    height: Option<u32>,
    channels: Option<u8>,
    bits: Option<u8>,
    orientation: Option<u8>,
    taken: Option<String>,
    score: Option<f64>,
    sha256: String,
}

pub fn run(args: &Args, app: &App) -> Result<()> {
    let cx = args.effort.context(app, progress::bar("", None, true));
    let album = args.input.open(&cx)?;
    if let Some(path) = &args.html {
        let mut output = Output::open(path, args.write.force)?;
        let sidecar = args.input.manifest.as_deref();
        let mut sink = BufWriter::new(output.sink()?);
        let original = args.original.as_deref();
        args.effort.run(|| sheet::write(&args.input.album, sidecar, original, &mut sink, &cx))?;
        sink.flush()?;
        drop(sink);
        return output.commit();
    }
    let lines = lines(&album);
    if args.talk.json {
        return print_json(&serde_json::json!({
            "mode": mode_name(album.manifest.mode),
            "folders": album.manifest.folders.iter().map(|folder| scan::text(&folder.path)).collect::<Vec<_>>(),
            "slide_show": album.manifest.slides.as_ref().map(|slides| slides.files.len()),
            "files": lines,
        }));
    }
    let mut shown = table::table(&["file", "bytes", "in album", "size", "how", "score"]);
    for line in &lines {
        let size = match (line.width, line.height) {
            (Some(width), Some(height)) => format!("{width}x{height}"),
            _ => "-".to_string(),
        };
        shown.add_row([
            lab_report::text::visible(&line.path),
            table::count(line.bytes),
            table::count(line.album_bytes),
            size,
            line.how.to_string(),
            line.score.map_or("-".to_string(), |score| format!("{score:.1}")),
        ]);
    }
    print(&table::text(&shown))
}

fn lines(album: &Album) -> Vec<Line> {
    let manifest = &album.manifest;
    let shares = album.shares();
    let how = |content: &Content| match content {
        Content::Stored { .. } => "kept",
        Content::Same { .. } => "same",
        Content::Coded { group, .. } => match manifest.groups.get(*group as usize).map(|group| &group.coding)
        {
            Some(Coding::Video { .. }) => "video",
            _ => "coded",
        },
    };
    let line = |(file, share): (&lab_album::manifest::File, &u64)| {
        let picture = file.picture.as_ref();
        Line {
            path: scan::text(&file.path),
            restored: file.restored.as_ref().map(|path| scan::text(path)),
            bytes: file.bytes,
            album_bytes: *share,
            how: how(&file.content),
            width: picture.map(|picture| picture.shape.width),
            height: picture.map(|picture| picture.shape.height),
            channels: picture.map(|picture| picture.shape.channels),
            bits: picture.map(|picture| picture.shape.bits),
            orientation: picture.map(|picture| picture.orientation),
            taken: picture.and_then(|picture| picture.taken.as_ref()).map(|taken| scan::text(taken)),
            score: picture.and_then(|picture| picture.score).map(|score| f64::from(score) / 100.0),
            sha256: file.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    };
    manifest.files.iter().zip(&shares).map(line).collect()
}
