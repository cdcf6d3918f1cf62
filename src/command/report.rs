//! `lab report`: charts and a page from results.

use std::path::{Path, PathBuf};

use lab_codec::{Error, Result};

use super::{App, options};
use crate::bench::results::Results;
use crate::report;

/// Draw charts and a page from the results of one run, or of two side by side
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab report results.json -o report/            charts and report.html
  lab report old.json new.json -o report/       two runs side by side, with their differences")]
pub struct Args {
    /// Results of `lab bench`
    #[arg(required = true, value_name = "RESULTS")]
    inputs: Vec<PathBuf>,
    /// The directory for report.html and charts/
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// The page's title [default: the names of the runs]
    #[arg(long, value_name = "TITLE")]
    title: Option<String>,
    #[command(flatten)]
    write: options::Write,
}

pub fn run(args: &Args, _: &App) -> Result<()> {
    let mut runs: Vec<Results> = Vec::new();
    for path in &args.inputs {
        runs.push(read(path)?);
    }
    let runs: Vec<&Results> = runs.iter().collect();
    let page = report::write(&runs, args.title.as_deref(), &args.output, args.write.force)?;
    super::print(&format!("{}\n", page.display()))
}

/// Reads results.
pub fn read(path: &Path) -> Result<Results> {
    let at = |e: Error| e.at(path.display().to_string());
    let text = std::fs::read_to_string(path).map_err(|e| at(e.into()))?;
    Results::parse(&text).map_err(at)
}
