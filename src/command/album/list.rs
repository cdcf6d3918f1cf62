//! `lab album list`.

use std::path::PathBuf;

use std::sync::Arc;

use lab_codec::text::visible;
use lab_codec::{Result, Silent};

use super::super::{App, options, print, print_json, table};
use super::Input;
use lab_stream::output::Output;

/// List the files of an album with their sizes
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    input: Input,
    /// Write a contact sheet to this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The packed folder, for thumbnails of the originals in the contact sheet
    #[arg(long, value_name = "DIR", requires = "html")]
    original: Option<PathBuf>,
    #[command(flatten)]
    effort: options::Effort,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let cx = args.effort.context(app, Arc::new(Silent));
    if let Some(path) = &args.html {
        let output = Output::open(path, args.write.force)?;
        return super::write_sheet(output, &args.input, args.original.as_deref(), &args.effort, &cx);
    }
    let list = args.input.open(&cx)?.list();
    if args.talk.json {
        return print_json(&serde_json::json!(list));
    }
    let mut shown = table::table(&["file", "bytes", "in album", "size", "how", "score"]);
    for line in &list.files {
        let size = line.width.zip(line.height).map(|(width, height)| format!("{width}x{height}"));
        shown.add_row([
            visible(&line.path),
            table::count(line.bytes),
            table::count(line.album_bytes),
            size.unwrap_or_else(|| "-".to_string()),
            line.how.to_string(),
            line.score.map_or("-".to_string(), |score| format!("{score:.1}")),
        ]);
    }
    print(&table::text(&shown))
}
