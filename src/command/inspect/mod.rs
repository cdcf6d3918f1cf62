//! `lab inspect`: chain, sizes and segments of an encoded file, read without decoding.

#[cfg(all(feature = "report", feature = "template"))]
mod heat;

use std::path::PathBuf;

use lab_codec::{Error, Result, format_size};

use super::{App, options, print, print_json, table};
use crate::progress;
use lab_stream::container::Reader;
use lab_stream::input::{self, Medium};

/// Show the chain, sizes and segments of an encoded file
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab inspect OUT.lab
  lab inspect OUT.mp4 --segments --json
  lab inspect --heat OUT.lab -o heat.html     cost of each position, for chains that begin with a grammar
The --heat page shows the first 256 KiB of the content, or a --heat-range of at most 1 MiB.")]
pub(super) struct Args {
    /// The encoded file
    input: PathBuf,
    /// List every segment
    #[arg(long)]
    segments: bool,
    #[cfg(all(feature = "report", feature = "template"))]
    #[command(flatten)]
    heat: heat::HeatArgs,
    #[command(flatten)]
    work: options::Work,
    #[command(flatten)]
    talk: options::Talk,
}

#[derive(serde::Serialize)]
struct Report {
    path: String,
    carrier: &'static str,
    name: Option<String>,
    chain: String,
    formats: Vec<u16>,
    resources: Vec<String>,
    segment_size: u64,
    bytes: u64,
    stream_bytes: u64,
    file_bytes: u64,
    ratio: Option<f64>,
    sha256: String,
    segments: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    segment_list: Vec<Segment>,
}

#[derive(serde::Serialize)]
struct Segment {
    number: u64,
    offset: u64,
    bytes: u64,
    stage_bytes: Vec<u64>,
    stored_bytes: u64,
    bypassed: bool,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    #[cfg(all(feature = "report", feature = "template"))]
    if args.heat.heat {
        return heat::run(args, app);
    }
    let cx = args.work.context(app, progress::bar("", None, true));
    let at_input = |e: Error| e.at(args.input.display().to_string());
    let Medium::Stream { carrier, stream } = input::open(&app.registry, &args.input, &cx)? else {
        return Err(at_input(Error::unsupported(
            "a plain Zstandard file; `zstd -lv` shows it, `lab decode` reads it",
        )));
    };
    let summary = stream.summary();
    let reader = Reader::open(stream, *cx.limits()).map_err(at_input)?;
    let (header, trailer) = (reader.header(), reader.trailer());
    let mut segment_list = Vec::new();
    for number in 0..if args.segments { reader.index().entries.len() } else { 0 } {
        let (segment, _) = reader.segment_header(number).map_err(at_input)?;
        segment_list.push(Segment {
            number: segment.number,
            offset: segment.raw_offset,
            bytes: segment.raw_len,
            stored_bytes: segment.stored_len(),
            bypassed: segment.bypassed,
            stage_bytes: segment.stage_lens,
        });
    }
    let file_bytes = std::fs::metadata(&args.input)?.len();
    let report = Report {
        path: args.input.display().to_string(),
        carrier,
        name: summary.map(|s| s.name).filter(|n| !n.is_empty()),
        chain: header.chain.clone(),
        formats: header.formats.clone(),
        resources: header.resources.iter().map(|d| format!("sha256:{d}")).collect(),
        segment_size: header.segment_size,
        bytes: trailer.bytes,
        stream_bytes: trailer.stream_len,
        file_bytes,
        ratio: (file_bytes > 0).then(|| trailer.bytes as f64 / file_bytes as f64),
        sha256: trailer.sha256.to_string(),
        segments: trailer.segments,
        segment_list,
    };
    if args.talk.json { print_json(&report) } else { print(&text(&report)) }
}

fn text(report: &Report) -> String {
    let mut table = table::table(&[]);
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_string(), value]);
    };
    let segment_size = match report.segment_size {
        0 => "whole".to_string(),
        size => format_size(size),
    };
    row("carrier", report.carrier.to_string());
    if let Some(name) = &report.name {
        row("name", name.escape_debug().to_string());
    }
    row(
        "chain",
        if report.chain.is_empty() {
            "(no codec)".to_string()
        } else {
            report.chain.escape_debug().to_string()
        },
    );
    for digest in &report.resources {
        row("resource", digest.clone());
    }
    row("content", format!("{} bytes", table::count(report.bytes)));
    row("stream", format!("{} bytes", table::count(report.stream_bytes)));
    row(
        "file",
        format!(
            "{} bytes, ratio {}",
            table::count(report.file_bytes),
            table::ratio(report.bytes, report.file_bytes)
        ),
    );
    row("segments", format!("{} of {segment_size}", report.segments));
    row("sha256", report.sha256.clone());
    for column in table.column_iter_mut() {
        column.set_cell_alignment(comfy_table::CellAlignment::Left);
    }
    let mut text = table::text(&table);
    if !report.segment_list.is_empty() {
        let mut list = table::table(&["segment", "offset", "bytes", "after each stage", "stored", "ratio"]);
        for s in &report.segment_list {
            let stages: Vec<_> = s.stage_bytes.iter().map(|b| table::count(*b)).collect();
            list.add_row([
                s.number.to_string(),
                table::count(s.offset),
                table::count(s.bytes),
                if s.bypassed { "bypassed".to_string() } else { stages.join(" ") },
                table::count(s.stored_bytes),
                table::ratio(s.bytes, s.stored_bytes),
            ]);
        }
        text += &format!("\n{}", table::text(&list));
    }
    text
}
