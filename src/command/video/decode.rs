//! `lab video decode`: restores the file that a video holds.

use std::path::PathBuf;

use lab_codec::Result;

use super::super::decode;
use super::{App, options};

/// Restore the file that a video holds
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab video decode OUT.mp4              under the name recorded in the video
  lab video decode COPY.webm FILE
  lab video decode DAMAGED.mp4 FILE --salvage

The same as `lab decode`; the video's profile is detected.")]
pub(super) struct Args {
    /// The video
    input: PathBuf,
    /// The file, or - for standard output [default: the original name beside IN]
    output: Option<PathBuf>,
    /// Recover the intact parts of a damaged copy; lost ranges are listed and become zeros (exit code 6)
    #[arg(long)]
    salvage: bool,
    #[command(flatten)]
    work: options::Work,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let args = decode::Args {
        input: args.input.clone(),
        output: args.output.clone(),
        salvage: args.salvage,
        work: args.work.clone(),
        write: args.write.clone(),
        talk: args.talk.clone(),
    };
    decode::run(&args, app)
}
