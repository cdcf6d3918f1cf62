//! `lab telomere table compare`: cost and hit rate of seed tables of each size, beside the expected hit rate.

use std::path::PathBuf;
use std::sync::Arc;

use lab_codec::{Context, Result, Silent};
use lab_telomere::compare::{Comparison, compare};

use super::super::chart::Chart;
use super::super::{App, options, print, print_json, table as text};
use lab_corpus::{self, Sample, generate};
use lab_report::charts::seed_tables::{self, Finds};
use lab_report::figure::Figure;

/// Compare tables of seeds up to 1, 2 and 3 bytes: size, speed, hit rate
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab telomere table compare                                 synthetic samples
  lab telomere table compare FILE corpora/ -o tables.svg     your own data, and a chart (.svg or .png)
hit: share of blocks that a seed regenerates. useful: share of blocks whose record is shorter than the block.
expected: probability for random blocks, 1 - exp(-n / 2^(8B)) with n seeds and blocks of B bytes.")]
pub(super) struct Args {
    /// Files and corpora [default: random bytes, text, zeros]
    paths: Vec<PathBuf>,
    /// Block size in bytes
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=6))]
    block_size: u8,
    /// Number of bytes to use of each sample
    #[arg(long, value_name = "SIZE", default_value = "1M", value_parser = options::size)]
    sample: u64,
    /// Draw a chart into this file, .svg or .png
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    effort: options::Effort,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

/// Generated samples for a run without paths.
const ARTIFICIAL: [&str; 4] = ["random", "zipf-text", "zeros", "planted-seeds:density=500"];

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let cx = args.effort.context(app, Arc::new(Silent));
    let chart = args.output.as_deref().map(|path| Chart::open(path, args.write.force)).transpose()?;
    let comparison = compare(&samples(args, &cx)?, args.block_size, args.effort.threads(), &cx)?;
    if let Some(chart) = chart {
        chart.draw(&figure(&comparison))?;
    }
    if args.talk.json { print_json(&comparison) } else { print(&words(&comparison)) }
}

fn samples(args: &Args, cx: &Context) -> Result<Vec<(String, Vec<u8>)>> {
    let samples = if args.paths.is_empty() {
        // Skips generators that this build lacks.
        let generators = ARTIFICIAL.into_iter().filter(|generator| generate::find(generator).is_ok());
        generators.map(|generator| Sample::generated("generated", generator, 1, args.sample)).collect()
    } else {
        lab_corpus::discover(&args.paths)?
    };
    let limit = usize::try_from(args.sample).unwrap_or(usize::MAX);
    let load = |sample: Sample| {
        let mut bytes = sample.load(cx)?;
        bytes.truncate(limit);
        Ok((sample.name, bytes))
    };
    samples.into_iter().map(load).collect()
}

fn percent(share: f64) -> String {
    if share == 0.0 { "0".to_string() } else { format!("{:.4} %", share * 100.0) }
}

fn seeds(len: u8) -> String {
    if len == 1 { "1 byte".to_string() } else { format!("1-{len} bytes") }
}

fn words(report: &Comparison) -> String {
    let mut tables = text::table(&[
        "table",
        "seeds",
        "record bytes",
        "build",
        "M look-ups/s",
        "expected hit",
        "expected useful",
    ]);
    for row in &report.tables {
        tables.add_row([
            seeds(row.max_seed_len),
            text::count(u64::from(row.entries)),
            text::count(row.record_bytes),
            format!("{:.4} s", row.build_seconds),
            format!("{:.0}", row.lookups_per_second / 1e6),
            percent(row.expected_hits),
            percent(row.expected_useful),
        ]);
    }
    let mut found = text::table(&["sample", "table", "bytes", "hit", "useful", "ratio"]);
    for row in &report.samples {
        found.add_row([
            row.sample.clone(),
            seeds(row.max_seed_len),
            text::count(row.bytes),
            percent(row.hits),
            percent(row.useful),
            format!("{:.5}", row.ratio),
        ]);
    }
    let threads = report.tables.first().map_or(1, |row| row.threads);
    format!(
        "Blocks of {} bytes; tables built by {threads} threads; look-ups on one.\n\n{}\n{}",
        report.block_size,
        text::text(&tables),
        text::text(&found)
    )
}

fn figure(report: &Comparison) -> Figure {
    let mut finds = Vec::new();
    for row in &report.samples {
        let Some(table) = report.tables.iter().find(|t| t.max_seed_len == row.max_seed_len) else { continue };
        finds.push(Finds {
            sample: row.sample.clone(),
            entries: table.entries,
            hits: row.hits,
            useful: row.useful,
            expected: [table.expected_hits, table.expected_useful],
        });
    }
    seed_tables::figure(&finds, report.block_size)
}
