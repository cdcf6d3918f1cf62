//! `lab-fuzz`: runs fuzz targets, repeats a finding, or makes the committed seeds.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use lab_fuzz::{TARGETS, Target, driver, make, target};

/// Counts live heap bytes, so that an execution that takes too many is a finding.
#[global_allocator]
static HEAP: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// Runs fuzz targets over mutated seeds. Exit code 3: something was found.
#[derive(Parser)]
struct Args {
    /// Targets to run; all by default
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
    /// Executions over all targets, divided by how fast each one is
    #[arg(long, default_value_t = 100_000)]
    executions: u64,
    /// What the mutations depend on, beside the number of the execution
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of the first execution
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Directory for the inputs of findings
    #[arg(long, value_name = "DIR", default_value = "target/fuzz")]
    findings: PathBuf,
    /// Longest time of one execution, in seconds
    #[arg(long, default_value_t = 120)]
    stall: u64,
    /// Run the targets on this file instead
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Write the seeds into this directory instead
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

/// Live bytes at most since the call before.
fn peak() -> u64 {
    let bytes = HEAP.peak_usage() as u64;
    HEAP.reset_peak_usage();
    bytes
}

/// The number of findings.
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
        // A finding is told with its file: the default hook would tell it a second time.
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
