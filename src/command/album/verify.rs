//! `lab album verify`.

use std::collections::BTreeMap;

use lab_album::manifest::File;
use lab_album::{Sink, scan};
use lab_codec::{Error, ErrorKind, Result};

use super::super::{App, note, options, print_json, table};
use super::{Effort, Input};
use crate::progress;

/// Decode everything and compare it with its digests, without writing anything
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    talk: options::Talk,
}

pub fn run(args: &Args, app: &App) -> Result<()> {
    let album = args.input.open(&args.effort.context(app, progress::bar("", None, true)))?;
    let total = album.manifest.files.iter().map(|file| file.bytes).sum();
    let cx = args.effort.context(app, progress::bar("verify", Some(total), args.talk.quiet));
    let mut sink = Judge { good: 0, lost: BTreeMap::new() };
    args.effort.run(|| album.read(&|_| true, &mut sink, &cx))?;
    drop(cx);
    if args.talk.json {
        print_json(&serde_json::json!({ "good": sink.good, "lost": sink.lost }))?;
    } else {
        for (path, why) in &sink.lost {
            note(&format!("{path}: {why}"), args.talk.quiet);
        }
        note(&format!("{} files are as they should be", table::count(sink.good)), args.talk.quiet);
    }
    match sink.lost.len() {
        0 => Ok(()),
        count => Err(Error::new(ErrorKind::Corrupt, format!("{count} files of the album are damaged"))),
    }
}

struct Judge {
    good: u64,
    lost: BTreeMap<String, String>,
}

impl Sink for Judge {
    fn begin(&mut self, _: usize, _: &File) -> Result<()> {
        Ok(())
    }

    fn bytes(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn end(&mut self, _: usize, _: &File) -> Result<()> {
        self.good += 1;
        Ok(())
    }

    fn lost(&mut self, _: usize, file: &File, error: Error) -> Result<()> {
        self.lost.insert(scan::text(&file.path), error.to_string());
        Ok(())
    }
}
