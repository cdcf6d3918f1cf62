//! `lab telomere`: seed search with a file format of its own, and its seed tables.

mod compare;
mod compress;
mod decompress;
mod room;
mod table;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;
use lab_codec::{Context, Error, Limits, Observer, Result};

use super::{App, options};

/// Compress by seed search: replaces each block that a short seed's SHA-256 regenerates with that seed
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(alias = "c")]
    Compress(compress::Args),
    #[command(alias = "d")]
    Decompress(decompress::Args),
    Table(table::Args),
}

pub fn run(args: &Args, app: &App) -> Result<()> {
    match &args.command {
        Command::Compress(args) => compress::run(args, app),
        Command::Decompress(args) => decompress::run(args, app),
        Command::Table(args) => table::run(args, app),
    }
}

/// Input and output, as positional arguments or options.
#[derive(clap::Args)]
struct Paths {
    /// The input, or - for standard input
    #[arg(value_name = "INPUT", required_unless_present = "input_option", conflicts_with = "input_option")]
    input: Option<PathBuf>,
    /// The output, or - for standard output
    #[arg(value_name = "OUTPUT", conflicts_with = "output_option")]
    output: Option<PathBuf>,
    /// The input
    #[arg(id = "input_option", long = "input", short = 'i', value_name = "INPUT")]
    input_option: Option<PathBuf>,
    /// The output
    #[arg(id = "output_option", long = "output", short = 'o', value_name = "OUTPUT")]
    output_option: Option<PathBuf>,
}

impl Paths {
    /// The input, and the output if one is given. With -i, the first argument is the output.
    fn both(&self) -> Result<(&Path, Option<&Path>)> {
        let (input, output) = match (&self.input_option, &self.input) {
            (Some(input), _) => (input, self.output_option.as_deref().or(self.output.as_deref())),
            (None, Some(input)) => (input, self.output_option.as_deref().or(self.output.as_deref())),
            (None, None) => return Err(Error::usage("no input; give a file, or - for standard input")),
        };
        Ok((input, output))
    }
}

/// Options for threads and memory.
#[derive(clap::Args)]
struct Effort {
    /// Threads that build seed tables [default: one for each core]
    #[arg(long, short = 'T', value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Memory limit
    #[arg(long, value_name = "SIZE", default_value = "4G", value_parser = options::size)]
    memory_limit: u64,
}

impl Effort {
    fn threads(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(all, usize::from)
    }

    fn context(&self, app: &App, observer: Arc<dyn Observer>) -> Context {
        let limits = Limits::new(self.memory_limit, self.memory_limit);
        Context::default().with_limits(limits).with_cancel(app.cancel.clone()).with_observer(observer)
    }
}

/// Reads a whole input; fails if it exceeds the memory limit.
fn read_input(path: &Path, cx: &Context) -> Result<Vec<u8>> {
    let at = |e: Error| e.at(path.display().to_string());
    let mut bytes = Vec::new();
    let limit = cx.limits().memory;
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        let file = std::fs::File::open(path).map_err(|e| at(e.into()))?;
        if file.metadata().is_ok_and(|meta| meta.is_dir()) {
            return Err(at(Error::usage("a directory; give a file")));
        }
        Box::new(file)
    };
    source.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| at(e.into()))?;
    cx.limits().check_memory(bytes.len() as u64, "the input").map_err(at)?;
    Ok(bytes)
}

/// Reads a salt in hexadecimal.
fn salt(text: &str) -> Result<lab_telomere::seed::Salt, String> {
    lab_telomere::seed::Salt::from_hex(text)
        .ok_or_else(|| "a salt is 0 to 5 bytes in hexadecimal".to_string())
}
