//! `lab gvcf show-frame`.

use std::path::PathBuf;

use lab_codec::Result;

use super::super::{App, note, options};
use super::Source;
use super::pictures::write;

/// Write one frame as a PNG file or as raw pixels
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab gvcf show-frame 12 --repo clip.git -o f.png
  lab gvcf show-frame 12 --repo clip.git -o - | feh -
  lab gvcf show-frame 12 --repo clip.git -o f.raw   raw pixels, in a third of the time
Only the frame and its references are read. In a clone without blobs, --fetch downloads only those.")]
pub(super) struct Args {
    /// The frame's number
    #[arg(value_name = "N")]
    number: u32,
    #[command(flatten)]
    source: Source,
    /// The PNG file, or - for standard output; a name ending in .raw gets raw pixels
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    write: options::Write,
    /// Print errors only, no messages
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let cx = app.context(4 << 30, crate::progress::bar("show", None, true));
    let mut repository = args.source.open(&cx)?;
    let frame = super::frame_of(&*repository.verified(args.number)?)?;
    for warning in repository.warnings() {
        note(&warning, args.quiet);
    }
    write(&frame, &args.output, args.write.force)
}
