//! `lab gvcf verify`.

use lab_codec::{Error, ErrorKind, Result};

use super::super::{App, note, options, print_json};
use super::Source;
use crate::progress;

/// Check the repository and all frames without writing anything
#[derive(clap::Args)]
#[command(after_help = "\
git checks all objects (`git fsck --strict --full`). Then every frame is decoded and compared with the digest
in its commit. All frames are checked; a bad one makes the exit code 3.")]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    talk: options::Talk,
}

#[derive(serde::Serialize)]
struct Report {
    frames: usize,
    /// Frames whose commit holds a digest.
    digests: usize,
    warnings: Vec<String>,
    errors: Vec<String>,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let cx = app.context(4 << 30, progress::bar("verify", None, args.talk.quiet));
    let mut repository = args.source.open(&cx)?;
    let frames = repository.entries().len();
    let digests = repository.entries().iter().filter(|entry| entry.sha256.is_some()).count();
    let mut errors: Vec<String> = repository.check(&cx).err().iter().map(ToString::to_string).collect();
    for number in 0..frames as u32 {
        cx.check()?;
        match repository.verified(number) {
            Ok(picture) => cx.observer().advance(picture.pixels().len() as u64),
            Err(e) => errors.push(e.to_string()),
        }
    }
    let report = Report { frames, digests, warnings: repository.warnings(), errors };
    if args.talk.json {
        print_json(&report)?;
    } else {
        report.warnings.iter().chain(&report.errors).for_each(|line| note(line, args.talk.quiet));
    }
    match report.errors.first() {
        None => {
            note(&format!("{frames} frames verified, {digests} by digest"), args.talk.quiet);
            Ok(())
        }
        Some(first) => {
            let count = report.errors.len();
            Err(Error::new(
                ErrorKind::Corrupt,
                format!("{count} of {frames} frames or checks failed; the first: {first}"),
            ))
        }
    }
}
