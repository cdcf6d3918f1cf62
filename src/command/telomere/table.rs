//! `lab telomere table`: build, info, compare.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Subcommand;
use lab_codec::{Error, Result, Silent};
use lab_telomere::seed::Salt;
use lab_telomere::table::{self, FILE_NAME, SeedTable};

use super::super::{App, note, options, print, print_json, table as text};
#[cfg(all(feature = "corpus", feature = "report"))]
use super::compare;
use super::room;
use lab_stream::output::Output;

/// Build, inspect and compare seed tables
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Build(BuildArgs),
    Info(InfoArgs),
    #[cfg(all(feature = "corpus", feature = "report"))]
    Compare(compare::Args),
}

/// Build a seed table: all short seeds, sorted by digest
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab telomere table build                          hash_table.bin, all seeds of 1 to 3 bytes: 135 MB
  lab telomere table build --max-seed-len 2 -o small.bin
A table is a cache: `lab telomere compress --table FILE` starts faster and writes the same bytes.")]
struct BuildArgs {
    /// Maximum seed length in bytes
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=3))]
    max_seed_len: u8,
    /// Salt hashed before every seed, in hexadecimal
    #[arg(long, value_name = "HEX", default_value = "", value_parser = super::salt)]
    salt: Salt,
    /// The file
    #[arg(long, short, value_name = "FILE", default_value = FILE_NAME)]
    output: PathBuf,
    #[command(flatten)]
    room: room::Room,
    #[command(flatten)]
    effort: options::Effort,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

/// Check a seed table and show its contents
#[derive(clap::Args)]
struct InfoArgs {
    /// The file
    #[arg(default_value = FILE_NAME)]
    file: PathBuf,
    #[command(flatten)]
    talk: options::Talk,
}

#[derive(serde::Serialize)]
struct Report {
    file: String,
    max_seed_len: u8,
    salt: String,
    entries: u32,
    record_bytes: u64,
    file_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    build_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    write_seconds: Option<f64>,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    match &args.command {
        Command::Build(args) => build(args, app),
        Command::Info(args) => info(args),
        #[cfg(all(feature = "corpus", feature = "report"))]
        Command::Compare(args) => compare::run(args, app),
    }
}

fn report(path: &std::path::Path, table: &SeedTable) -> Report {
    Report {
        file: path.display().to_string(),
        max_seed_len: table.max_seed_len(),
        salt: table.salt().hex(),
        entries: table.entries(),
        record_bytes: u64::from(table.entries()) * table::RECORD,
        file_bytes: table::file_bytes(table.max_seed_len()),
        build_seconds: None,
        write_seconds: None,
    }
}

fn build(args: &BuildArgs, app: &App) -> Result<()> {
    let cx = args.effort.context(app, Arc::new(Silent));
    let threads = args.effort.threads();
    let memory = table::build_memory(args.max_seed_len, threads);
    args.room.check(&args.output, table::file_bytes(args.max_seed_len), memory)?;
    let mut output = Output::open(&args.output, args.write.force)?;
    let start = Instant::now();
    let table = table::build(args.salt, args.max_seed_len, threads, &cx)?;
    let build_seconds = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let at = |e: Error| e.at(args.output.display().to_string());
    table::write(&table, &mut *output.sink()?).map_err(at)?;
    cx.check()?;
    output.commit()?;
    let write_seconds = start.elapsed().as_secs_f64();
    let report = Report {
        build_seconds: Some(build_seconds),
        write_seconds: Some(write_seconds),
        ..report(&args.output, &table)
    };
    if args.talk.json {
        return print_json(&report);
    }
    let line = format!(
        "{}: {} seeds, {} bytes; built in {build_seconds:.2} s, written in {write_seconds:.2} s",
        report.file,
        text::count(u64::from(report.entries)),
        text::count(report.file_bytes),
    );
    note(&line, args.talk.quiet);
    Ok(())
}

fn info(args: &InfoArgs) -> Result<()> {
    let table = table::open(&args.file)?;
    let report = report(&args.file, &table);
    if args.talk.json {
        return print_json(&report);
    }
    let seeds = if report.max_seed_len == 1 {
        "1 byte".to_string()
    } else {
        format!("1 to {} bytes", report.max_seed_len)
    };
    let salt = if report.salt.is_empty() { "none" } else { &report.salt };
    print(&format!(
        "{}: intact\nseeds      {} of {seeds}\nsalt       {salt}\nrecords    {} bytes\nfile       {} bytes\n",
        report.file,
        text::count(u64::from(report.entries)),
        text::count(report.record_bytes),
        text::count(report.file_bytes),
    ))
}
