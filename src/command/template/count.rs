//! `lab template count`: counts the occurrences of a pattern in the content.

use std::ops::ControlFlow;

use lab_codec::{Error, Result};
use lab_template::partial::Search;

use super::App;
use super::pattern::Query;

/// Count the occurrences of a pattern, without expanding the file
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab template count 'of the ' OUT.lab
  lab template count --hex 0d0a OUT.lab --json
Occurrences may overlap.")]
pub(super) struct Args {
    #[command(flatten)]
    query: Query,
}

#[derive(serde::Serialize)]
struct Report {
    path: String,
    chain: String,
    pattern: String,
    bytes: u64,
    count: u64,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let (pattern, segments) = args.query.open(app)?;
    let path = args.query.path();
    let at_input = |e: Error| e.at(path.clone());
    let mut search = Search::new(&pattern);
    let mut count = 0;
    let visited = segments.each(|segment| {
        count += search.count(&segment.parsed, &segments.cx)?;
        Ok(ControlFlow::Continue(()))
    });
    visited.map_err(at_input)?;
    if !args.query.talk.json {
        return super::print(&format!("{count}\n"));
    }
    super::print_json(&Report {
        path: path.clone(),
        chain: segments.chain().to_string(),
        pattern: pattern.bytes().escape_ascii().to_string(),
        bytes: segments.bytes(),
        count,
    })
}
