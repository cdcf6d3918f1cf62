//! `lab bench`: measures every chain on every sample and writes results and a report page.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lab_codec::{Error, ErrorKind, Result, Silent, format_size};

use super::{App, options, table};
use crate::progress::{self, Steps};
use crate::registry::added;
use lab_bench::environment::Program;
use lab_bench::experiment::Experiment;
use lab_bench::results::{Cell, Results};
use lab_bench::session::{self, Outcome, Session};
use lab_bench::{Key, Listener, Plan, Rules, plan, summary};
use lab_corpus::rows::{get_with, missing};
use lab_stream::chain::Chain;
use lab_stream::encode::{Options, SEGMENT};
use lab_stream::resource::Store;

/// Measure chains on files and corpora: ratio, time, memory, and entropy per stage
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab bench corpora/                                  the default chains on every corpus in a directory
  lab bench FILE --chain zstd:1/3/19 --chain repair   a sweep and a codec, beside the baselines
  lab bench DIR --threads 1/2 --segment 1M/16M -o out/  also sweep threads and segment size
  lab bench DIR -o out/ --resume                      continue an interrupted run
  lab bench --suite experiments/claims                an experiment, and a page with its answer
Every cell (one sample with one chain) is encoded, decoded and compared before it is timed.
A failed cell stays in the results, and the exit code is 3. The bypass is off: figures are the codec's own.")]
pub(super) struct Args {
    /// Files and corpus directories [default: the built-in samples]
    paths: Vec<PathBuf>,
    /// A chain, or a sweep such as zstd:1/3/19 (repeatable) [default: the project's own codecs]
    #[arg(long = "chain", short, value_name = "CHAIN")]
    chains: Vec<String>,
    /// Leave out the baselines (memcpy, store, zstd:3, zstd:19, xz:6)
    #[arg(long)]
    no_baselines: bool,
    /// Run an experiment: its folder or experiment.toml; PATH then names the directory of its corpora
    /// [default: LAB_CORPORA, or the corpora of its project]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["chains", "no_baselines"])]
    suite: Option<PathBuf>,
    /// Directory for the results [default: reports/NAME-DATE]
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Time budget per cell, such as 30s or 2m; at least three measurements are made [default: 500ms]
    #[arg(long, value_name = "TIME", value_parser = options::duration)]
    budget: Option<Duration>,
    /// Number of measurements per cell, in place of a time budget
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    iterations: Option<u32>,
    /// Number of threads; several numbers, such as 1/2/4, are a sweep [default: 1]
    #[arg(long, short = 'T', value_name = "N/N", value_parser = threads)]
    threads: Option<Axis<usize>>,
    /// Segment size in bytes, such as 4M, or `whole`; several sizes are a sweep [default: 16M]
    #[arg(long, value_name = "SIZE/SIZE", value_parser = segments)]
    segment: Option<Axis<u64>>,
    /// Run on these processors only, such as 1 or 0,1
    #[arg(long, value_name = "CPU", value_delimiter = ',')]
    pin: Vec<u32>,
    /// Continue the interrupted run in the directory of -o
    #[arg(long, requires = "output")]
    resume: bool,
    /// Do not measure peak memory, which starts a process per measurement
    #[arg(long)]
    no_memory: bool,
    #[command(flatten)]
    memory: options::Memory,
    /// A file or directory with dictionaries and other side data (repeatable; also LAB_RESOURCES)
    #[arg(long = "resource", value_name = "PATH")]
    resources: Vec<PathBuf>,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

/// Values of a swept option, separated by slashes.
#[derive(Debug, Clone)]
pub(super) struct Axis<T>(pub Vec<T>);

/// Version, compiler and revision of this build, for the results.
const PROGRAM: Program = Program {
    version: env!("CARGO_PKG_VERSION"),
    compiler: match option_env!("LAB_COMPILER") {
        Some(compiler) => compiler,
        None => "",
    },
    revision: option_env!("LAB_REVISION"),
    lock: include_str!("../../Cargo.lock"),
};

/// Default time budget for the measurements of a cell.
const BUDGET: Duration = Duration::from_millis(500);

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let mut store = Store::new(&app.registry, &args.resources, None);
    let (plan, experiment) = match &args.suite {
        Some(suite) => suite_plan(args, app, suite, &mut store)?,
        None => (paths_plan(args, app, &mut store)?, None),
    };
    let session = Session {
        program: &PROGRAM,
        registry: &app.registry,
        store: &store,
        paths: &args.paths,
        resources: &args.resources,
        pin: &args.pin,
        output: args.output.as_deref(),
        resume: args.resume,
        force: args.write.force,
    };
    let cx = args.memory.context(app, Arc::new(Silent));
    let quiet = args.talk.quiet;
    let Outcome { results, directory, complete } = session.run(&plan, &cx, |cells, finished| {
        let bar = progress::steps("bench", cells as u64, quiet);
        bar.advance(finished as u64);
        Watcher { bar, quiet }
    })?;
    if let Some((experiment, left_out)) = &experiment {
        // The experiment's answer as text; the report page has the charts.
        session::write(&directory.join("README.md"), &experiment.page(&results, left_out))?;
    }
    let charts = experiment.as_ref().map_or(&[][..], |(experiment, _)| &experiment.charts);
    let page = write_all(&results, &directory, charts)?;
    if args.talk.json {
        super::print_json(&results)?;
        super::note(&page.display().to_string(), args.talk.quiet);
    } else {
        super::print(&format!("{}\n{}\n", overview(&results), page.display()))?;
    }
    verdict(&results, complete, &plan, &directory)
}

/// The plan for the arguments. Without any sample, the plan uses the built-in ones.
fn paths_plan(args: &Args, app: &App, store: &mut Store) -> Result<Plan> {
    let found = lab_corpus::survey(&args.paths)?;
    for text in missing(&found) {
        super::note(&text, args.talk.quiet);
    }
    let mut name = args.paths.first().map_or_else(|| "builtin".to_string(), |path| plan::name_of(path));
    let mut samples = found.samples;
    // A directory whose manifest lists only absent files may hold a README, which must not become a sample.
    let only_listed = !found.missing.is_empty() && samples.iter().all(|sample| sample.corpus.is_none());
    if samples.is_empty() || only_listed {
        if !args.paths.is_empty() {
            super::note("no samples found: measuring the built-in ones", args.talk.quiet);
        }
        samples = lab_corpus::builtin::samples();
        name = "builtin".to_string();
    }
    let chains =
        plan::chains(&app.registry, &args.chains, &added(&app.registry), !args.no_baselines, &mut |path| {
            store.load(path)
        })?;
    Ok(Plan {
        name,
        samples,
        chains,
        segments: args.segment.as_ref().map_or_else(|| vec![SEGMENT], |axis| axis.0.clone()),
        threads: args.threads.as_ref().map_or_else(|| vec![1], |axis| axis.0.clone()),
        rules: Rules {
            budget: args.budget.unwrap_or(BUDGET),
            iterations: args.iterations,
            slow: Rules::SLOW,
        },
        memory: !args.no_memory,
    })
}

/// An experiment, and the chains and corpora of it that are unavailable.
type Suite = Option<(Experiment, Vec<String>)>;

/// The plan for the available part of an experiment. Command-line options override the experiment's own.
fn suite_plan(args: &Args, app: &App, suite: &Path, store: &mut Store) -> Result<(Plan, Suite)> {
    let experiment = Experiment::load(suite)?;
    let in_suite = |text: String| Error::usage(text).at(suite.display().to_string());
    let roots = match (args.paths.is_empty(), std::env::var_os("LAB_CORPORA")) {
        (false, _) => args.paths.clone(),
        (true, Some(root)) => vec![root.into()],
        (true, None) => vec![experiment.directory.join("../../corpora")],
    };
    // The default corpora directory may not exist before the first fetch.
    let there: Vec<PathBuf> =
        roots.into_iter().filter(|root| !args.paths.is_empty() || root.exists()).collect();
    let found = lab_corpus::survey(&there)?;
    let (samples, absent) =
        experiment.select(found.samples.into_iter().chain(lab_corpus::builtin::samples()).collect());
    for corpus in &absent {
        let name = corpus.split('/').next().unwrap_or(corpus);
        super::note(&format!("{corpus} has not been fetched{}", get_with(name)), args.talk.quiet);
    }
    if samples.is_empty() {
        return Err(in_suite("none of its samples has been fetched".into()));
    }
    let (known, unknown): (Vec<String>, Vec<String>) =
        experiment.chains.iter().cloned().partition(|chain| plan::known(&app.registry, chain));
    if known.is_empty() {
        return Err(in_suite("none of its chains can be built with the codecs of this build".into()));
    }
    let chains =
        plan::chains(&app.registry, &known, &added(&app.registry), experiment.baselines, &mut |path| {
            store.load(path)
        })?;
    let segments: Result<Vec<u64>, String> =
        experiment.segments.iter().map(|s| options::segment(s)).collect();
    let budget = experiment.budget.as_deref().map(options::duration).transpose().map_err(in_suite)?;
    let plan = Plan {
        name: experiment.name.clone(),
        samples,
        chains,
        segments: args.segment.clone().map_or(segments.map_err(in_suite)?, |axis| axis.0),
        threads: args.threads.clone().map_or_else(|| experiment.threads.clone(), |axis| axis.0),
        rules: Rules {
            budget: args.budget.or(budget).unwrap_or(BUDGET),
            iterations: args.iterations,
            slow: Rules::SLOW,
        },
        memory: experiment.memory && !args.no_memory,
    };
    Ok((plan, Some((experiment, [absent, unknown].concat()))))
}

/// Shows progress, and reports each failed cell.
struct Watcher {
    bar: Steps,
    quiet: bool,
}

impl Listener for Watcher {
    fn begin(&mut self, key: &Key) {
        self.bar.begin(&format!("{} {}", key.sample, key.chain));
    }

    fn cell(&mut self, cell: Cell) -> Result<()> {
        self.bar.advance(1);
        if let Some(error) = &cell.error {
            super::note(&format!("FAIL {} {}: {error}", cell.sample.escape_debug(), cell.chain), self.quiet);
        }
        Ok(())
    }
}

/// Writes the results in every format, and returns the path of the report page.
fn write_all(results: &Results, directory: &Path, charts: &[String]) -> Result<PathBuf> {
    session::write_tables(results, directory)?;
    if results.cells.is_empty() {
        return Ok(directory.join("results.md"));
    }
    lab_report::write_all(results, directory, charts)
}

fn verdict(results: &Results, complete: bool, plan: &Plan, directory: &Path) -> Result<()> {
    let failed = summary::failures(results).count();
    if !complete {
        return Err(Error::new(
            ErrorKind::Partial,
            format!(
                "interrupted after {} of {} cells; continue with the same command and -o {} --resume",
                results.cells.len(),
                plan.keys().len(),
                directory.display()
            ),
        ));
    }
    match failed {
        0 => Ok(()),
        n => Err(Error::corrupt(format!("{n} of {} cells FAILED", results.cells.len()))),
    }
}

/// A table with a row for each chain.
fn overview(results: &Results) -> String {
    let mut shown = table::table(&[
        "chain", "cells", "bytes", "output", "ratio", "mean", "enc MB/s", "dec MB/s", "enc MiB", "dec MiB",
        "",
    ]);
    let rows = summary::rows(results);
    let several = |of: fn(&summary::Row) -> u64| rows.iter().any(|r| of(r) != of(&rows[0]));
    let (segments, threads) = (several(|r| r.segment), several(|r| u64::from(r.threads)));
    for row in &rows {
        let mut name = row.chain.clone();
        if segments {
            name +=
                &format!(" @{}", if row.segment == 0 { "whole".into() } else { format_size(row.segment) });
        }
        if threads {
            name += &format!(" x{}", row.threads);
        }
        let memory = |bytes: Option<u64>| {
            bytes.map_or_else(|| "-".to_string(), |b| format!("{:.1}", b as f64 / f64::from(1 << 20)))
        };
        let mut remarks = Vec::new();
        if row.failed > 0 {
            remarks.push(format!("{} FAIL", row.failed));
        }
        if row.noisy > 0 {
            remarks.push(format!("{} noisy", row.noisy));
        }
        shown.add_row([
            name,
            row.cells.to_string(),
            table::count(row.bytes),
            table::count(row.output_bytes),
            table::ratio(row.bytes, row.output_bytes),
            if row.mean_ratio > 0.0 { format!("{:.3}", row.mean_ratio) } else { "-".to_string() },
            table::rate(row.bytes, row.encode_seconds),
            table::rate(row.bytes, row.decode_seconds),
            memory(row.encode_memory),
            memory(row.decode_memory),
            remarks.join(", "),
        ]);
    }
    let failed = summary::failures(results).count();
    let verdict = match (results.cells.len(), failed) {
        (n, 0) => format!("all {n} cells came back byte for byte"),
        (n, failed) => format!("{failed} of {n} cells FAILED"),
    };
    format!("{}\n{verdict}", table::text(&shown))
}

fn axis<T: PartialEq>(text: &str, one: impl Fn(&str) -> Result<T, String>) -> Result<Axis<T>, String> {
    let mut values = Vec::new();
    for item in text.split(['/', ',']) {
        let value = one(item)?;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    Ok(Axis(values))
}

fn threads(text: &str) -> Result<Axis<usize>, String> {
    axis(text, |item| match item.parse() {
        Ok(n @ 1..=1024) => Ok(n),
        _ => Err("threads are numbers from 1 to 1024, such as 1/2/4".to_string()),
    })
}

fn segments(text: &str) -> Result<Axis<u64>, String> {
    axis(text, options::segment)
}

/// Arguments of the hidden child process that measures peak memory for `lab bench`.
#[derive(clap::Args)]
pub(super) struct ProbeArgs {
    direction: String,
    chain: String,
    segment: u64,
    threads: usize,
    limit: u64,
    input: PathBuf,
    medium: PathBuf,
    resources: Vec<PathBuf>,
}

pub(super) fn probe(args: &ProbeArgs, app: &App) -> Result<()> {
    let cx = app.context(args.limit, Arc::new(Silent));
    let store = Store::new(&app.registry, &args.resources, None);
    let peak = if args.direction == "encode" {
        let chain = Chain::parse(&app.registry, &args.chain)?;
        let options = Options { segment: args.segment, threads: args.threads, bypass: false };
        lab_bench::memory::encode_peak(&chain, &store, options, &args.input, &args.medium, &cx)?
    } else {
        lab_bench::memory::decode_peak(&app.registry, &store, args.threads, &args.medium, &cx)?
    };
    super::print(&format!("{peak}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_several_values() {
        assert_eq!(threads("1/2/1").unwrap().0, [1, 2]);
        assert_eq!(segments("1M/whole").unwrap().0, [1 << 20, 0]);
        assert!(threads("0").is_err() && segments("none").is_err());
    }
}
