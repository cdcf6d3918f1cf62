//! `lab telomere decompress`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use lab_codec::{Error, Result};

use super::super::{App, note, options, report_json, table};
use super::Paths;
use crate::progress;
use lab_stream::output::Output;

/// Decompress a .tlmr file (also: d)
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab telomere decompress IN.tlmr OUT
  lab telomere d IN.tlmr              into IN")]
pub(super) struct Args {
    #[command(flatten)]
    paths: Paths,
    #[command(flatten)]
    effort: options::Effort,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

#[derive(serde::Serialize)]
struct Report {
    input_bytes: u64,
    output_bytes: u64,
    seconds: f64,
    block_size: u8,
    passes: u8,
    salt: String,
    batches: u64,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let start = Instant::now();
    let (input_path, output_path) = args.paths.both()?;
    let cx = args.effort.context(app, progress::bar("decompress", None, args.talk.quiet));
    let output_path = match output_path {
        Some(path) => path.to_path_buf(),
        None if input_path == Path::new("-") => PathBuf::from("-"),
        None if input_path.extension().is_some_and(|ending| ending == "tlmr") => {
            input_path.with_extension("")
        }
        None => {
            let name = input_path.display();
            return Err(Error::usage(format!(
                "{name} does not end in .tlmr; name the output with -o OUTPUT"
            )));
        }
    };
    let mut output = Output::open(&output_path, args.write.force)?;
    output.made_from(input_path)?;
    let to_stdout = output.temporary().is_none();
    let input = super::read_input(input_path, &cx)?;
    let mut content = Vec::new();
    let contents = lab_telomere::format::read(&input, None, &mut content, &cx)
        .map_err(|e| e.at(input_path.display().to_string()))?;
    let at = |e: std::io::Error| Error::from(e).at(output_path.display().to_string());
    output.sink()?.write_all(&content).map_err(at)?;
    output.commit()?;
    let report = Report {
        input_bytes: input.len() as u64,
        output_bytes: content.len() as u64,
        seconds: start.elapsed().as_secs_f64(),
        block_size: contents.block_size,
        passes: contents.extension.map_or(1, |extension| extension.passes),
        salt: contents.extension.map_or(String::new(), |extension| extension.salt.hex()),
        batches: contents.batches,
    };
    if args.talk.json {
        return report_json(&report, to_stdout);
    }
    let (from, to) = (table::count(report.input_bytes), table::count(report.output_bytes));
    note(
        &format!("{from} -> {to} bytes, {} batches verified", table::count(report.batches)),
        args.talk.quiet,
    );
    Ok(())
}
