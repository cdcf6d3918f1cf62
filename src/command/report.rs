//! `lab report`: charts and a page from results.

use std::path::{Path, PathBuf};

use lab_codec::{Error, Result};

use super::{App, options};
use lab_bench::results::Results;
use lab_report::interchange::{self, Format, Input};
use lab_stream::output::Output;

/// Draw charts and a page from one benchmark run, or from two side by side
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab report results.json -o report/              report.html and charts/*.svg, *.png
  lab report old.json new.json -o report/         two runs side by side, with their differences
  lab report results.json lzbench.csv -o report/  another tool's run in the same charts
  lab report results.json -o report/ --chart files --chart stages
  lab report results.json -o report/ --export hyperfine --export lzbench
Results of hyperfine (JSON), lzbench and TurboBench (CSV) are recognised by content.
They are drawn together with the run named before them.")]
pub(super) struct Args {
    /// Results of `lab bench`, hyperfine (JSON), lzbench or TurboBench (CSV)
    #[arg(required = true, value_name = "RESULTS")]
    inputs: Vec<PathBuf>,
    /// Directory for report.html and charts/
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// The page's title [default: the names of the runs]
    #[arg(long, value_name = "TITLE")]
    title: Option<String>,
    /// Draw only this chart (repeatable) [default: every chart with data in the results]
    #[arg(long, value_name = "NAME")]
    chart: Vec<String>,
    /// Also export the first run in another tool's format: hyperfine, lzbench, turbobench (repeatable)
    #[arg(long, value_name = "TOOL", value_parser = tool)]
    export: Vec<String>,
    #[command(flatten)]
    write: options::Write,
}

pub(super) fn run(args: &Args, _: &App) -> Result<()> {
    let mut runs: Vec<Results> = Vec::new();
    for path in &args.inputs {
        let input = read(path)?;
        match (input.foreign, runs.last_mut()) {
            (Some(_), Some(run)) => interchange::join(run, input.results),
            _ => runs.push(input.results),
        }
    }
    let runs: Vec<&Results> = runs.iter().collect();
    let page = lab_report::write(&runs, args.title.as_deref(), &args.output, &args.chart, args.write.force)?;
    for name in &args.export {
        let format = interchange::format(name)?;
        export(format, runs[0], &args.output.join(format.file_name()), args.write.force)?;
    }
    super::print(&format!("{}\n", page.display()))
}

/// Reads results in any supported format.
pub(super) fn read(path: &Path) -> Result<Input> {
    let at = |e: Error| e.at(path.display().to_string());
    let bytes = std::fs::read(path).map_err(|e| at(e.into()))?;
    let text = String::from_utf8(bytes).map_err(|_| at(Error::corrupt("not text")))?;
    let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    interchange::read(&text, &name).map_err(at)
}

fn tool(name: &str) -> Result<String, String> {
    interchange::format(name).map(|f| f.name().to_string()).map_err(|e| e.to_string())
}

fn export(format: &dyn Format, results: &Results, path: &Path, force: bool) -> Result<()> {
    let text = format.export(results)?;
    let mut output = Output::open(path, force)?;
    output.sink()?.write_all(text.as_bytes()).map_err(|e| Error::from(e).at(path.display().to_string()))?;
    output.commit()
}
