//! `lab telomere compress`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use lab_codec::{Error, Result};
use lab_telomere::{Encoder, SaltChoice, Settings, Summary};

use super::super::{App, note, options, report_json, table};
use super::{Paths, room};
use crate::progress;
use lab_stream::output::Output;

/// Compress a file into a .tlmr file (also: c)
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab telomere compress IN OUT.tlmr
  lab telomere c -i IN -o OUT.tlmr --block-size 4 --status
  lab telomere c IN --salt auto --large-batches --dry-run --json
Only data that contain expansions of short seeds shrink; all other data grow by a few bytes.")]
pub(super) struct Args {
    #[command(flatten)]
    paths: Paths,
    /// Block size in bytes
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=64))]
    block_size: u8,
    /// Maximum number of passes; a pass is kept only if it shrinks the data
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..))]
    passes: u8,
    /// Maximum seed length in bytes
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=3))]
    max_seed_len: u8,
    /// Salt hashed before every seed if that shrinks the output: none, auto, or 1 to 5 bytes in hexadecimal
    #[arg(long, value_name = "SALT", default_value = "none", value_parser = salt)]
    salt: SaltChoice,
    /// Use batches of more than three records if that shrinks the output
    #[arg(long)]
    large_batches: bool,
    /// Do not align long literals to byte boundaries
    #[arg(long)]
    no_align: bool,
    /// Print a short line for every seed and every run of literal blocks
    #[arg(long)]
    status: bool,
    /// Compress, but write no file
    #[arg(long)]
    dry_run: bool,
    /// A seed table of `lab telomere table build`; it saves time and changes no output byte
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    /// Append the seeds of the output to this file, without duplicates
    #[arg(long, value_name = "FILE")]
    persist: Option<PathBuf>,
    #[command(flatten)]
    room: room::Room,
    #[command(flatten)]
    effort: options::Effort,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

fn salt(text: &str) -> Result<SaltChoice, String> {
    Ok(match text {
        "none" => SaltChoice::None,
        "auto" => SaltChoice::Auto,
        hex => SaltChoice::Given(super::salt(hex)?),
    })
}

#[derive(serde::Serialize)]
struct Report {
    input_bytes: u64,
    output_bytes: u64,
    ratio: Option<f64>,
    seconds: f64,
    block_size: u8,
    max_seed_len: u8,
    passes: u8,
    salt: String,
    hashes: u64,
    /// Number of seeds in the last pass, for arity 1, 2, 3 ...
    hits_by_arity: Vec<u64>,
    useful_hits: u64,
    literals: u64,
    batches: u64,
    persisted_seeds: Option<u64>,
    dry_run: bool,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let start = Instant::now();
    let (input_path, output_path) = args.paths.both()?;
    let named = |e: Error| e.at(input_path.display().to_string());
    let cx = args.effort.context(app, progress::bar("compress", None, args.talk.quiet));
    let given = args.table.as_deref().map(lab_telomere::table::open).transpose()?;
    let output_path = match output_path {
        Some(path) => path.to_path_buf(),
        None if input_path == Path::new("-") => PathBuf::from("-"),
        None => {
            let mut name = input_path.as_os_str().to_os_string();
            name.push(".tlmr");
            PathBuf::from(name)
        }
    };
    let mut output = if args.dry_run { None } else { Some(Output::open(&output_path, args.write.force)?) };
    output.as_mut().map_or(Ok(()), |output| output.made_from(input_path))?;
    let input = super::read_input(input_path, &cx)?;
    let settings = Settings {
        block_size: args.block_size,
        max_seed_len: args.max_seed_len,
        passes: args.passes,
        salt: args.salt,
        align: !args.no_align,
        large_batches: args.large_batches,
    };
    let need = lab_telomere::encode_memory(args.block_size, args.max_seed_len, input.len() as u64).encode;
    cx.limits().check_memory(need, "seed search in a file of this size").map_err(named)?;
    let mut encoded = Vec::new();
    let encoder = Encoder::new(settings, args.effort.threads(), given);
    let summary = encoder.encode(&input, &mut encoded, &cx).map_err(named)?;
    if args.status {
        status(&summary)?;
    }
    let persisted = match &args.persist {
        Some(path) if !args.dry_run => Some(persist(path, &summary, &args.room)?),
        _ => None,
    };
    let to_stdout = output.as_ref().is_some_and(|output| output.temporary().is_none());
    if let Some(mut output) = output.take() {
        let at = |e: io::Error| Error::from(e).at(output_path.display().to_string());
        output.sink()?.write_all(&encoded).map_err(at)?;
        output.commit()?;
    }
    let report = Report {
        input_bytes: input.len() as u64,
        output_bytes: encoded.len() as u64,
        ratio: (!input.is_empty()).then(|| input.len() as f64 / encoded.len() as f64),
        seconds: start.elapsed().as_secs_f64(),
        block_size: args.block_size,
        max_seed_len: args.max_seed_len,
        passes: summary.passes,
        salt: summary.salt.hex(),
        hashes: summary.hashes,
        hits_by_arity: summary.hits_by_arity(),
        useful_hits: summary.useful_hits(),
        literals: summary.literals(),
        batches: summary.records.batches.len() as u64,
        persisted_seeds: persisted,
        dry_run: args.dry_run,
    };
    if args.talk.json {
        return report_json(&report, to_stdout);
    }
    note(&words(&report), args.talk.quiet);
    Ok(())
}

fn words(report: &Report) -> String {
    let seeds: u64 = report.hits_by_arity.iter().sum();
    let salt = if report.salt.is_empty() { String::new() } else { format!(", salt {}", report.salt) };
    format!(
        "{} -> {} bytes, ratio {}; {} seeds ({} useful), {} literals, {} batches, {} pass{}{salt}{}",
        table::count(report.input_bytes),
        table::count(report.output_bytes),
        report.ratio.map_or("-".to_string(), |ratio| format!("{ratio:.4}")),
        table::count(seeds),
        table::count(report.useful_hits),
        table::count(report.literals),
        table::count(report.batches),
        report.passes,
        if report.passes == 1 { "" } else { "es" },
        if report.dry_run { "; nothing was written" } else { "" },
    )
}

fn status(summary: &Summary) -> Result<()> {
    let mut out = io::BufWriter::new(io::stderr().lock());
    summary.lines().try_for_each(|line| writeln!(out, "{line}"))?;
    Ok(out.flush()?)
}

/// Appends the seeds that the file lacks; returns their number.
fn persist(path: &Path, summary: &Summary, room: &room::Room) -> Result<u64> {
    let at = |e: Error| e.at(path.display().to_string());
    let mut bytes = match std::fs::read(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read.map_err(|e| at(e.into()))?,
    };
    let added = lab_telomere::collect::append(&mut bytes, summary).map_err(at)?;
    room.check(path, bytes.len() as u64, 0)?;
    if added > 0 {
        let mut output = Output::open(path, true)?;
        output.sink()?.write_all(&bytes).map_err(|e| at(e.into()))?;
        output.commit()?;
    }
    Ok(added)
}
