//! `lab album unpack`.

use std::path::PathBuf;

use std::sync::Arc;

use lab_codec::{Result, Silent};

use super::super::{App, note, options, print_json, table};
use super::{Input, in_pool};
use crate::progress;

/// Restore all files of an album with names, times and permissions
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    input: Input,
    /// Folder for the files [default: the album's name without its extension]
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    #[command(flatten)]
    effort: options::Effort,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let album = args.input.open(&args.effort.context(app, Arc::new(Silent)))?;
    let root = args.output.clone().unwrap_or_else(|| args.input.album.with_extension(""));
    let cx = args.effort.context(app, progress::bar("unpack", Some(album.bytes()), args.talk.quiet));
    let unpacked = in_pool(&args.effort, || album.unpack(&root, args.write.force, &cx))?;
    drop(cx);
    if args.talk.json {
        return print_json(&serde_json::json!(unpacked));
    }
    let (files, bytes) = (table::count(unpacked.files), table::count(unpacked.bytes));
    note(&format!("{files} files, {bytes} bytes in {}", root.display()), args.talk.quiet);
    Ok(())
}
