//! Options that several commands share.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use lab_codec::{Context, Observer, parse_size};

use super::App;
use lab_stream::chain::Chain;
use lab_stream::resource::Store;

/// Options for messages and reports.
#[derive(Args, Clone)]
pub(super) struct Talk {
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
    /// Print errors only, no progress and no messages
    #[arg(long, short)]
    pub quiet: bool,
}

/// Memory.
#[derive(Args, Clone)]
pub(super) struct Memory {
    /// Maximum memory of one segment or one decoding step
    #[arg(long, value_name = "SIZE", default_value = "4G", value_parser = size)]
    pub memory_limit: u64,
}

/// Threads and memory.
#[derive(Args, Clone)]
pub(super) struct Effort {
    /// Threads in all [default: one for each core]
    #[arg(long, short = 'T', value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    #[command(flatten)]
    pub memory: Memory,
}

/// Threads, memory and resources.
#[derive(Args, Clone)]
pub(super) struct Work {
    #[command(flatten)]
    pub effort: Effort,
    /// A file or directory with dictionaries and other side data (repeatable; also LAB_RESOURCES)
    #[arg(long = "resource", value_name = "PATH")]
    pub resources: Vec<PathBuf>,
}

/// Options for cutting the input into segments.
#[derive(Args, Clone)]
pub(super) struct Cut {
    /// Segment size in bytes, such as 4M, or `whole` for one segment
    #[arg(long, value_name = "SIZE", default_value = "16M", value_parser = segment)]
    pub segment: u64,
}

/// Options for output files.
#[derive(Args, Clone)]
pub(super) struct Write {
    /// Replace existing outputs
    #[arg(long, short)]
    pub force: bool,
}

impl Memory {
    /// The surroundings for codecs and carriers.
    pub(super) fn context(&self, app: &App, observer: Arc<dyn Observer>) -> Context {
        app.context(self.memory_limit, observer)
    }
}

impl Effort {
    /// The number of threads to use.
    pub(super) fn threads(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(all, usize::from)
    }

    /// The context for codecs and carriers: limits, cancellation, progress.
    pub(super) fn context(&self, app: &App, observer: Arc<dyn Observer>) -> Context {
        self.memory.context(app, observer)
    }
}

impl Work {
    /// The number of threads to use.
    pub(super) fn threads(&self) -> usize {
        self.effort.threads()
    }

    /// The surroundings for codecs and carriers.
    pub(super) fn context(&self, app: &App, observer: Arc<dyn Observer>) -> Context {
        self.effort.context(app, observer)
    }

    /// The resources of `--resource`, of LAB_RESOURCES and of the directory of `input`.
    pub(super) fn store(&self, app: &App, input: Option<&Path>) -> Store {
        let here = |p| if p == Path::new("") { Path::new(".") } else { p };
        let beside = input.and_then(Path::parent).map(here);
        Store::new(&app.registry, &self.resources, beside)
    }
}

/// Parses a chain; files named in it are loaded into `store`.
pub(super) fn chain(app: &App, text: &str, store: &mut Store) -> lab_codec::Result<Chain> {
    Chain::parse_with(&app.registry, text, &mut |path| store.load(path))
}

/// Parses a size in bytes.
pub(super) fn size(text: &str) -> Result<u64, String> {
    parse_size(text).ok_or_else(|| "a size is a number with an optional K, M, G or T".to_string())
}

pub(super) fn segment(text: &str) -> Result<u64, String> {
    match text {
        "whole" => Ok(0),
        _ => match size(text)? {
            n @ 1..=0x1_0000_0000 => Ok(n),
            _ => Err("a segment has 1 to 4G bytes, or is `whole`".to_string()),
        },
    }
}

/// Parses a time.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    lab_codec::parse_duration(text).ok_or_else(|| "a time is a number with ms, s, m or h".to_string())
}
