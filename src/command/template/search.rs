//! `lab template search`: finds the occurrences of a pattern in the content.

use std::io::{self, Write};
use std::ops::ControlFlow;

use lab_codec::{Error, Result};
use lab_template::partial::Search;

use super::App;
use super::pattern::Query;

/// Print the offsets of a pattern, without expanding the file
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab template search 'of the ' OUT.lab
  lab template search --hex '0d 0a' OUT.lab --limit 1
Each line is the offset of an occurrence's first byte in the content. Occurrences may overlap.")]
pub(super) struct Args {
    #[command(flatten)]
    query: Query,
    /// Maximum number of occurrences to print
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
}

#[derive(serde::Serialize)]
struct Report {
    path: String,
    chain: String,
    pattern: String,
    bytes: u64,
    /// Whether all of the content was searched.
    complete: bool,
    offsets: Vec<u64>,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let (pattern, segments) = args.query.open(app)?;
    let path = args.query.path();
    let at_input = |e: Error| e.at(path.clone());
    let mut search = Search::new(&pattern);
    let mut left = args.limit.unwrap_or(u64::MAX);
    let mut offsets = Vec::new();
    let mut out = io::BufWriter::new(lab_process::standard::output()?);
    let visited = segments.each(|segment| {
        search.find(&segment.parsed, &segments.cx, &mut |offset| {
            left -= 1;
            if args.query.talk.json {
                segments.cx.limits().check_memory(offsets.len() as u64 * 16, "the list of offsets")?;
                offsets.push(offset);
            } else {
                writeln!(out, "{offset}")?;
            }
            Ok(if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
    });
    // Offsets found before an error are valid: print them first.
    let flushed = out.flush();
    visited.map_err(at_input)?;
    flushed?;
    if !args.query.talk.json {
        return Ok(());
    }
    super::print_json(&Report {
        path: path.clone(),
        chain: segments.chain().to_string(),
        pattern: pattern.bytes().escape_ascii().to_string(),
        bytes: segments.bytes(),
        complete: left > 0,
        offsets,
    })
}
