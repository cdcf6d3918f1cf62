//! `lab gvcf log`.

use lab_codec::Result;

use super::super::{App, options, print, print_json, table};
use super::Source;
use super::pictures::Frames;

/// List frames with compression type, key frame and reference
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    /// Only these frames: A..B, A.., ..B, or one number
    #[arg(long, value_name = "FRAMES")]
    range: Option<Frames>,
    #[command(flatten)]
    talk: options::Talk,
}

#[derive(serde::Serialize)]
struct Row<'a> {
    frame: u32,
    commit: &'a str,
    blob: &'a str,
    subject: &'a str,
    key: Option<u32>,
    reference: Option<u32>,
    time: Option<i64>,
    sha256: Option<String>,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let cx = app.context(4 << 30, crate::progress::bar("log", None, true));
    let repository = args.source.open(&cx)?;
    let range = Frames::of(args.range, repository.entries().len())?;
    let rows: Vec<Row> = range
        .map(|frame| {
            let entry = &repository.entries()[frame as usize];
            Row {
                frame,
                commit: &entry.commit,
                blob: &entry.blob,
                subject: &entry.subject,
                key: entry.key,
                reference: entry.reference,
                time: entry.time,
                sha256: entry.sha256.map(|digest| digest.to_string()),
            }
        })
        .collect();
    if args.talk.json {
        return print_json(&rows);
    }
    let short = |id: &str| id.get(..10).unwrap_or(id).to_string();
    let number = |n: Option<u32>| n.map_or_else(|| "-".to_string(), |n| n.to_string());
    let mut lines = table::table(&["commit", "frame", "key", "refers to", "blob", "subject"]);
    for row in &rows {
        lines.add_row([
            short(row.commit),
            row.frame.to_string(),
            number(row.key),
            number(row.reference),
            short(row.blob),
            super::super::one_line(row.subject),
        ]);
    }
    print(&table::text(&lines))
}
