//! `lab telomere table compare`: what tables of each size cost, and what they find, beside what chance predicts.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lab_codec::{Context, Error, Result, Silent};
use lab_telomere::search::is_useful;
use lab_telomere::seed::{MAX_SEED_LEN, Salt, seeds_up_to};
use lab_telomere::table::{self, Filter, SeedTable};
use lab_telomere::{Encoder, Settings};

use super::super::chart::Chart;
use super::super::{App, options, print, print_json, table as text};
use super::Effort;
use lab_corpus::{self, Sample, generate};
use lab_report::charts::seed_tables::{self, Finds};
use lab_report::figure::Figure;

/// Compare the tables of 1, 1 to 2, and 1 to 3 bytes: size, speed, and what they find
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab telomere table compare                                 artificial samples
  lab telomere table compare FILE corpora/ -o tables.svg     my own data, and a chart (.svg or .png)
hit: blocks that some seed begins with. useful: those for which a seed's record is shorter than the block.
expected: what chance predicts for random blocks, 1 - exp(-n / 2^(8B)) for n seeds and blocks of B bytes.")]
pub struct Args {
    /// Files and corpora [default: random bytes, text, zeros]
    paths: Vec<PathBuf>,
    /// Bytes of a block
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=6))]
    block_size: u8,
    /// Bytes that are taken of each sample
    #[arg(long, value_name = "SIZE", default_value = "1M", value_parser = options::size)]
    sample: u64,
    /// Draw a chart into this file, .svg or .png
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

/// Look-ups are repeated for this long.
const LOOKUPS: Duration = Duration::from_millis(100);

/// What is taken where no path is given.
const ARTIFICIAL: [&str; 4] = ["random", "zipf-text", "zeros", "planted-seeds:density=500"];

#[derive(serde::Serialize)]
struct TableRow {
    max_seed_len: u8,
    entries: u32,
    record_bytes: u64,
    file_bytes: u64,
    build_seconds: f64,
    threads: usize,
    /// Look-ups in the map in front of the table, on one core.
    lookups_per_second: f64,
    expected_hits: f64,
    expected_useful: f64,
}

#[derive(serde::Serialize)]
struct SampleRow {
    sample: String,
    max_seed_len: u8,
    bytes: u64,
    hits: f64,
    useful: f64,
    encoded_bytes: u64,
    ratio: f64,
}

#[derive(serde::Serialize)]
struct Report {
    block_size: u8,
    tables: Vec<TableRow>,
    samples: Vec<SampleRow>,
}

struct Input {
    name: String,
    bytes: Vec<u8>,
}

pub fn run(args: &Args, app: &App) -> Result<()> {
    let cx = args.effort.context(app, Arc::new(Silent));
    let chart = args.output.as_deref().map(|path| Chart::open(path, args.write.force)).transpose()?;
    let samples = samples(args, &cx)?;
    let mut report = Report { block_size: args.block_size, tables: Vec::new(), samples: Vec::new() };
    for len in 1..=MAX_SEED_LEN {
        let start = Instant::now();
        let table = table::build(Salt::default(), len, args.effort.threads(), &cx)?;
        let build_seconds = start.elapsed().as_secs_f64();
        let filter = Filter::new(&table, &(0..table.entries()), 8 * u32::from(args.block_size));
        report.tables.push(TableRow {
            max_seed_len: len,
            entries: table.entries(),
            record_bytes: u64::from(table.entries()) * table::RECORD,
            file_bytes: table::file_bytes(len),
            build_seconds,
            threads: args.effort.threads(),
            lookups_per_second: lookups(&filter, &samples, args.block_size),
            expected_hits: chance(table.entries(), args.block_size),
            expected_useful: chance(useful_seeds(len, args.block_size), args.block_size),
        });
        for sample in &samples {
            cx.check()?;
            let (hits, useful) = shares(&table, &filter, &sample.bytes, args.block_size);
            report.samples.push(SampleRow {
                sample: sample.name.clone(),
                max_seed_len: len,
                bytes: sample.bytes.len() as u64,
                hits,
                useful,
                encoded_bytes: 0,
                ratio: 0.0,
            });
        }
        let settings = Settings { block_size: args.block_size, max_seed_len: len, ..Settings::default() };
        let encoder = Encoder::new(settings, args.effort.threads(), Some(table));
        let first = report.samples.len() - samples.len();
        for (row, sample) in report.samples[first..].iter_mut().zip(&samples) {
            let mut out = Vec::new();
            encoder.encode(&sample.bytes, &mut out, &cx)?;
            row.encoded_bytes = out.len() as u64;
            row.ratio = sample.bytes.len() as f64 / out.len() as f64;
        }
    }
    if let Some(chart) = chart {
        chart.draw(&figure(&report))?;
    }
    if args.talk.json { print_json(&report) } else { print(&words(&report)) }
}

fn samples(args: &Args, cx: &Context) -> Result<Vec<Input>> {
    let cut = |mut bytes: Vec<u8>| {
        bytes.truncate(usize::try_from(args.sample).unwrap_or(usize::MAX));
        bytes
    };
    let mut samples = Vec::new();
    if args.paths.is_empty() {
        // Those that this program knows.
        for generator in ARTIFICIAL.iter().filter(|generator| generate::find(generator).is_ok()) {
            let sample = Sample::generated("generated", generator, 1, args.sample);
            samples.push(Input { name: (*generator).to_string(), bytes: sample.load(cx)? });
        }
    } else {
        for sample in lab_corpus::discover(&args.paths)? {
            samples.push(Input { name: sample.name.clone(), bytes: cut(sample.load(cx)?) });
        }
    }
    samples.retain(|sample| sample.bytes.len() >= usize::from(args.block_size));
    if samples.is_empty() {
        return Err(Error::usage("no sample has a whole block"));
    }
    Ok(samples)
}

/// The first eight bytes of every block, as a number.
fn heads(bytes: &[u8], block_size: u8) -> impl Iterator<Item = u64> {
    bytes.chunks_exact(usize::from(block_size)).map(|block| {
        block.iter().enumerate().fold(0, |head, (i, byte)| head | u64::from(*byte) << (56 - 8 * i))
    })
}

/// Look-ups each second in a map, for the blocks of all samples in turn.
fn lookups(filter: &Filter, samples: &[Input], block_size: u8) -> f64 {
    let heads: Vec<u64> = samples.iter().flat_map(|sample| heads(&sample.bytes, block_size)).collect();
    let start = Instant::now();
    let (mut done, mut found) = (0_usize, 0_usize);
    while start.elapsed() < LOOKUPS {
        found += heads.iter().filter(|head| filter.may_have(**head)).count();
        done += heads.len();
    }
    std::hint::black_box(found);
    done as f64 / start.elapsed().as_secs_f64()
}

/// The shares of blocks that a seed begins with, and a useful seed.
fn shares(table: &SeedTable, filter: &Filter, bytes: &[u8], block_size: u8) -> (f64, f64) {
    let (mut blocks, mut hits, mut useful) = (0_u64, 0_u64, 0_u64);
    let mut seeds = Vec::new();
    for head in heads(bytes, block_size) {
        blocks += 1;
        if filter.may_have(head) {
            seeds.clear();
            table.find(head, 8 * u32::from(block_size), &mut seeds);
            hits += u64::from(!seeds.is_empty());
            useful += u64::from(seeds.iter().any(|index| is_useful(*index, 1, block_size)));
        }
    }
    (hits as f64 / blocks as f64, useful as f64 / blocks as f64)
}

/// The share of random blocks that at least one of so many seeds begins with.
fn chance(seeds: u32, block_size: u8) -> f64 {
    -(-f64::from(seeds) / 256_f64.powi(i32::from(block_size))).exp_m1()
}

/// How many seeds have a record that is shorter than a block.
fn useful_seeds(len: u8, block_size: u8) -> u32 {
    let all = seeds_up_to(len);
    // Records only become longer from one position to the next.
    let (mut low, mut high) = (0, all);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_useful(middle, 1, block_size) { low = middle + 1 } else { high = middle }
    }
    low
}

fn percent(share: f64) -> String {
    if share == 0.0 { "0".to_string() } else { format!("{:.4} %", share * 100.0) }
}

fn seeds(len: u8) -> String {
    if len == 1 { "1 byte".to_string() } else { format!("1-{len} bytes") }
}

fn words(report: &Report) -> String {
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

fn figure(report: &Report) -> Figure {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_the_theory() {
        let shares = [1, 2, 3].map(|len| chance(seeds_up_to(len), 3) * 100.0);
        for (share, expected) in shares.into_iter().zip([0.0015, 0.39, 63.35]) {
            assert!((share / expected - 1.0).abs() < 0.02, "{share}");
        }
        assert_eq!([1, 2, 3].map(|len| useful_seeds(len, 3)), [256, 65_536, 65_536]);
        assert_eq!(useful_seeds(3, 5), 16_843_008);
        assert_eq!(heads(&[1, 2, 3, 4, 5], 2).collect::<Vec<_>>(), [0x0102 << 48, 0x0304 << 48]);
    }
}
