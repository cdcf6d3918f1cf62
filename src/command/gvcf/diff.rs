//! `lab gvcf diff`.

use std::path::PathBuf;

use lab_codec::Result;
use lab_gvcf::difference::Difference;

use super::super::{App, options, print, print_json};
use super::Source;
use super::pictures::write_png;

/// Compare two frames: PSNR and changed blocks
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab gvcf diff 10 11 --repo clip.git
  lab gvcf diff 10 11 --repo clip.git -o changed.png   changed blocks bright and framed, the rest dark
  lab gvcf diff 10 11 --repo clip.git --json | jq .psnr")]
pub(super) struct Args {
    /// The first frame's number
    #[arg(value_name = "N")]
    first: u32,
    /// The second frame's number
    #[arg(value_name = "M")]
    second: u32,
    #[command(flatten)]
    source: Source,
    /// Write the second frame as a PNG file with changed blocks marked
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let cx = app.context(4 << 30, crate::progress::bar("diff", None, true));
    let mut repository = args.source.open(&cx)?;
    let first = repository.verified(args.first)?;
    let second = repository.verified(args.second)?;
    let report = Difference::of(&first, &second)?;
    if let Some(path) = &args.output {
        write_png(&super::frame_of(&report.marked(&second)?)?, path, args.write.force)?;
    }
    if args.talk.json {
        return print_json(&report);
    }
    let psnr = report.psnr.map_or_else(|| "equal".to_string(), |psnr| format!("PSNR {psnr:.2} dB"));
    print(&format!(
        "{psnr}, {} of {} pixels and {} of {} blocks changed, by {} at most\n",
        report.changed_pixels, report.pixels, report.changed_blocks, report.blocks, report.largest_difference,
    ))
}
