//! `lab album compare`: compares an album's size with archives and single-image codecs.

use std::path::PathBuf;

use lab_album::compare::compare;
use lab_album::scan;
use std::sync::Arc;

use lab_codec::{Result, Silent};

use super::super::chart::Chart;
use super::super::{App, options, print, print_json, table};
use super::in_pool;
use super::pack::How;
use crate::progress;
use lab_report::charts::sizes;

/// Compare an album's size with archives of the same files and with single-image codecs
#[derive(clap::Args)]
#[command(after_help = "\
zip and zstd are built in; 7z, cwebp, cjxl and avifenc run if they are installed. Archives hold the original
files, or each picture as PNG. Single-image codecs get each picture as PNG; other files are not counted.
cjxl also gets original JPEG files (`JXL of files`). With --mode visual, they use the coarsest quality whose
mean SSIMULACRA2 reaches the target, for pictures of 8 bits only.")]
pub(super) struct Args {
    /// Folder with the files
    folder: PathBuf,
    #[command(flatten)]
    how: How,
    /// Draw a chart of the sizes into this file, .svg or .png
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
    #[command(flatten)]
    effort: options::Effort,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

/// Steps of the progress bar beside the files.
const STEPS: u64 = 8;

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let options = args.how.options();
    options.check()?;
    let chart = args.chart.as_deref().map(|path| Chart::open(path, args.write.force)).transpose()?;
    let cx = args.effort.context(app, Arc::new(Silent));
    let files = scan::scan(&args.folder, &cx)?.files.len() as u64;
    let steps = progress::steps("compare", STEPS + files, args.talk.quiet);
    let begin = |name: &str| {
        steps.begin(name);
        steps.advance(1);
    };
    let comparison = in_pool(&args.effort, || compare(&args.folder, &options, &begin, &cx))?;
    drop(steps);
    if let Some(chart) = chart {
        let name = args.folder.file_name().unwrap_or_default().to_string_lossy();
        let bars: Vec<(&str, u64)> =
            comparison.sizes.iter().filter_map(|row| Some((row.what, row.bytes?))).collect();
        chart.draw(&sizes::figure(&name, &bars))?;
    }
    if args.talk.json {
        return print_json(&serde_json::json!(comparison));
    }
    let mut shown = table::table(&["", "bytes", "album / this"]);
    for row in &comparison.sizes {
        shown.add_row([
            row.what.to_string(),
            row.bytes.map_or("not available".to_string(), table::count),
            row.bytes.map_or("-".to_string(), |bytes| table::ratio(comparison.album.output_bytes, bytes)),
        ]);
    }
    print(&table::text(&shown))
}
