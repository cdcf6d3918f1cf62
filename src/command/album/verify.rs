//! `lab album verify`.

use std::sync::Arc;

use lab_codec::{Error, ErrorKind, Result, Silent};

use super::super::{App, note, options, print_json, table};
use super::{Input, in_pool};
use crate::progress;

/// Decode all files and compare their digests without writing anything
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    effort: options::Effort,
    #[command(flatten)]
    talk: options::Talk,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let album = args.input.open(&args.effort.context(app, Arc::new(Silent)))?;
    let cx = args.effort.context(app, progress::bar("verify", Some(album.bytes()), args.talk.quiet));
    let verdict = in_pool(&args.effort, || album.verify(&cx))?;
    drop(cx);
    if args.talk.json {
        print_json(&verdict)?;
    } else {
        for (path, why) in &verdict.lost {
            note(&format!("{path}: {why}"), args.talk.quiet);
        }
        note(&format!("{} files match their digests", table::count(verdict.good)), args.talk.quiet);
    }
    match verdict.lost.len() {
        0 => Ok(()),
        count => Err(Error::new(ErrorKind::Corrupt, format!("{count} files of the album are damaged"))),
    }
}
