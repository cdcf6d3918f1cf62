//! `lab template count`: how often the content has a pattern.

use std::ops::ControlFlow;

use lab_codec::{Error, Result};
use lab_template::partial::Search;

use super::pattern::PatternArgs;
use super::segments::Segments;
use super::{App, options};

/// Count the occurrences of a pattern, without expanding the file
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab template count 'of the ' OUT.lab
  lab template count --hex 0d0a OUT.lab --json
Occurrences may overlap.")]
pub struct Args {
    #[command(flatten)]
    pattern: PatternArgs,
    #[command(flatten)]
    work: options::Work,
    #[command(flatten)]
    talk: options::Talk,
}

#[derive(serde::Serialize)]
struct Report {
    path: String,
    chain: String,
    pattern: String,
    bytes: u64,
    count: u64,
}

pub fn run(args: &Args, app: &App) -> Result<()> {
    let pattern = args.pattern.pattern()?;
    let path = args.pattern.input.display().to_string();
    let at_input = |e: Error| e.at(path.clone());
    let segments = Segments::open(&args.pattern.input, &args.work, args.talk.quiet, app).map_err(at_input)?;
    let mut search = Search::new(&pattern);
    let mut count = 0;
    let visited = segments.each(|segment| {
        count += search.count(&segment.parsed, &segments.cx)?;
        Ok(ControlFlow::Continue(()))
    });
    visited.map_err(at_input)?;
    if !args.talk.json {
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
