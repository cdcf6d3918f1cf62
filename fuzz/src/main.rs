//! `lab-fuzz`: runs fuzz targets, repeats a finding, or makes the seeds.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use lab_fuzz::{TARGETS, Target, driver, make, target};

/// Counts live heap bytes: an execution that uses too many is a finding.
#[global_allocator]
static HEAP: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// Runs fuzz targets over mutated seeds. Exit code 3: there are findings.
#[derive(Parser)]
struct Args {
    /// Targets to run; all by default
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
    /// Total executions over all targets; slow targets get fewer
    #[arg(long, default_value_t = 100_000)]
    executions: u64,
    /// Seed of the mutations, combined with the number of each execution
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of the first execution
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Directory for the inputs of findings
    #[arg(long, value_name = "DIR", default_value = "target/fuzz")]
    findings: PathBuf,
    /// Time limit of one execution, in seconds
    #[arg(long, default_value_t = 120)]
    stall: u64,
    /// Run the targets on this file instead of mutated seeds
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Write the seeds into this directory instead of running targets
    #[arg(long, value_name = "DIR")]
    make_seeds: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(3),
        Err(error) => {
            eprintln!("lab-fuzz: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Peak of live bytes since the previous call.
fn peak() -> u64 {
    let bytes = HEAP.peak_usage() as u64;
    HEAP.reset_peak_usage();
    bytes
}

/// Runs the command; returns the number of findings.
fn run(args: &Args) -> lab_codec::Result<usize> {
    if let Some(directory) = &args.make_seeds {
        return make::make(directory).map(|()| 0);
    }
    let named = |name: &String| {
        target::find(name).ok_or_else(|| {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            lab_codec::Error::usage(format!("unknown target {name:?}; the targets are {}", names.join(", ")))
        })
    };
    let mut targets: Vec<&Target> = args.target.iter().map(named).collect::<lab_codec::Result<_>>()?;
    if targets.is_empty() {
        targets = TARGETS.iter().collect();
    }
    if let Some(path) = &args.input {
        return repeat(&targets, path);
    }
    std::fs::create_dir_all(&args.findings)?;
    let shares: u64 = targets.iter().map(|target| target.share).sum();
    let mut found = 0;
    for target in targets {
        let options = driver::Options {
            seed: args.seed,
            first: args.first,
            executions: (args.executions * target.share / shares).max(1),
            findings: args.findings.clone(),
            stall: Duration::from_secs(args.stall),
            peak,
        };
        // The default hook would print a second message: a finding is reported with its file.
        std::panic::set_hook(Box::new(|_| ()));
        let report = driver::run(target, &options)?;
        drop(std::panic::take_hook());
        println!("{}", report.line(target, &options));
        for finding in &report.findings {
            println!("  execution {}: {} ({})", finding.execution, finding.what, finding.path.display());
        }
        found += report.findings.len();
    }
    Ok(found)
}

fn repeat(targets: &[&Target], path: &Path) -> lab_codec::Result<usize> {
    let bytes = std::fs::read(path)?;
    let mut found = 0;
    for target in targets {
        if let Some(what) = driver::execute(target, &bytes, peak) {
            println!("{}: {what}", target.name);
            found += 1;
        }
    }
    Ok(found)
}
