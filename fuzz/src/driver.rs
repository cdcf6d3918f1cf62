//! Runs a target over mutated seeds in one process, and saves inputs that panic or use too much memory.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::coverage::Coverage;
use crate::mutate::mutate;
use crate::{Random, Target};

/// Maximum heap of one execution, in bytes: input, output and several times the decoders' memory.
const MAX_HEAP: u64 = 512 << 20;

/// Executions to run, and the directory of findings.
#[derive(Debug, Clone)]
pub struct Options {
    /// Seed of the mutations, combined with the number of each execution.
    pub seed: u64,
    /// The number of the first execution.
    pub first: u64,
    /// The number of executions.
    pub executions: u64,
    /// Directory for the inputs of findings.
    pub findings: PathBuf,
    /// Time limit of one execution; exceeding it ends the process and prints the execution's number.
    pub stall: Duration,
    /// Peak of live heap bytes since the previous call; 0 without a counting allocator.
    pub peak: fn() -> u64,
}

impl Default for Options {
    /// Seed 1, 10,000 executions, no memory measurement.
    fn default() -> Self {
        Self {
            seed: 1,
            first: 0,
            executions: 10_000,
            findings: std::env::temp_dir(),
            stall: Duration::from_secs(120),
            peak: || 0,
        }
    }
}

/// An input on which a target failed.
#[derive(Debug)]
pub struct Finding {
    /// Number of the execution.
    pub execution: u64,
    /// Message of the panic, or the heap used.
    pub what: String,
    /// File with the input.
    pub path: PathBuf,
}

/// Result of a run.
#[derive(Debug)]
pub struct Report {
    /// Duration of the run.
    pub elapsed: Duration,
    /// Number and time of the slowest execution.
    pub slowest: (u64, Duration),
    /// Findings, at most [`MOST`].
    pub findings: Vec<Finding>,
    /// Branches reached, and inputs kept because they reached something new; `None` without counters.
    pub coverage: Option<(usize, usize)>,
}

/// Maximum number of findings, after which a target stops.
pub const MOST: usize = 10;

/// Committed seeds of a target as names and bytes, sorted by name.
///
/// # Errors
/// I/O errors.
pub fn seeds(target: &Target) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target.seeds);
    let mut seeds = Vec::new();
    for file in std::fs::read_dir(directory)? {
        let file = file?;
        seeds.push((file.file_name().to_string_lossy().into_owned(), std::fs::read(file.path())?));
    }
    seeds.sort();
    Ok(seeds)
}

/// Input of one execution. The first executions use the seeds unchanged; `seeds` may grow behind them.
pub fn input(target: &Target, seeds: &[(String, Vec<u8>)], seed: u64, execution: u64) -> Vec<u8> {
    if let Some((_, bytes)) = usize::try_from(execution).ok().and_then(|number| seeds.get(number)) {
        return bytes.clone();
    }
    let mut random = Random::new(seed, execution);
    let nothing = (String::new(), Vec::new());
    let mut any = || seeds.get(random.below(seeds.len())).unwrap_or(&nothing);
    let (first, second) = (any(), any());
    let mut bytes = mutate(&mut random, &first.1, &second.1);
    // Every fourth input keeps its wrong checksums, so that the error paths are reached too.
    if let Some(repair) = target.repair.filter(|_| random.below(4) != 0) {
        repair(&mut bytes);
    }
    bytes
}

/// Message of a panic.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without text").to_string()
}

/// Runs `target` on one input; returns a description of the finding, if any.
pub fn execute(target: &Target, bytes: &[u8], peak: fn() -> u64) -> Option<String> {
    // The first call resets the peak, the second returns the current live bytes.
    peak();
    let before = peak();
    // State that a panic leaves behind is dropped: targets create their decoders anew each time.
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(bytes)));
    let taken = peak().saturating_sub(before);
    match outcome {
        Err(panic) => Some(said(&*panic)),
        Ok(()) if taken > MAX_HEAP => Some(format!("{taken} bytes of heap exceed {MAX_HEAP}")),
        Ok(()) => None,
    }
}

/// Runs a target.
///
/// # Errors
/// Seeds that cannot be read, findings that cannot be written.
pub fn run(target: &Target, options: &Options) -> std::io::Result<Report> {
    let mut inputs = seeds(target)?;
    let committed = inputs.len();
    let mut coverage = Coverage::new();
    let started = Instant::now();
    let slowest = (0, Duration::ZERO);
    let mut report = Report { elapsed: Duration::ZERO, slowest, findings: Vec::new(), coverage: None };
    let current = AtomicU64::new(options.first);
    let (done, end) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| -> std::io::Result<()> {
        scope.spawn(|| watch(target, options, &current, end));
        let done = done;
        for execution in options.first..options.first + options.executions {
            current.store(execution, Ordering::Relaxed);
            let bytes = input(target, &inputs, options.seed, execution);
            if let Some(coverage) = &mut coverage {
                coverage.reset();
            }
            let began = Instant::now();
            let what = execute(target, &bytes, options.peak);
            if began.elapsed() > report.slowest.1 {
                report.slowest = (execution, began.elapsed());
            }
            if let Some(what) = what {
                let path = options.findings.join(format!("{}-{}-{execution}", target.name, options.seed));
                std::fs::write(&path, &bytes)?;
                report.findings.push(Finding { execution, what, path });
                if report.findings.len() == MOST {
                    break;
                }
            } else if coverage.as_mut().is_some_and(Coverage::add) && execution >= committed as u64 {
                inputs.push((execution.to_string(), bytes));
            }
        }
        drop(done);
        Ok(())
    })?;
    report.elapsed = started.elapsed();
    report.coverage = coverage.map(|coverage| (coverage.branches(), inputs.len() - committed));
    Ok(report)
}

/// Ends the process if one execution takes too long: a thread cannot be stopped from outside.
#[allow(clippy::print_stderr)]
fn watch(target: &Target, options: &Options, current: &AtomicU64, end: std::sync::mpsc::Receiver<()>) {
    let mut last = u64::MAX;
    while end.recv_timeout(options.stall) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
        let execution = current.load(Ordering::Relaxed);
        if execution == last {
            let (name, seed) = (target.name, options.seed);
            eprintln!(
                "{name}: execution {execution} takes more than {} s; \
                 repeat it with --target {name} --seed {seed} --first {execution} --executions 1",
                options.stall.as_secs()
            );
            std::process::exit(3);
        }
        last = execution;
    }
}

impl Report {
    /// One line: target, executions and their rate, the slowest one, coverage, number of findings.
    pub fn line(&self, target: &Target, options: &Options) -> String {
        let coverage = self
            .coverage
            .map_or(String::new(), |(branches, kept)| format!("{branches} branches, {kept} inputs kept, "));
        format!(
            "{:<13} {:>9} executions {:>8.0} /s, slowest {} in {:.0} ms, {coverage}{} findings",
            target.name,
            options.executions,
            options.executions as f64 / self.elapsed.as_secs_f64().max(1e-9),
            self.slowest.0,
            self.slowest.1.as_secs_f64() * 1e3,
            self.findings.len()
        )
    }
}
