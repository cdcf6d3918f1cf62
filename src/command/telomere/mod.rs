//! `lab telomere`: seed search with a file format of its own, and its seed tables.

#[cfg(all(feature = "corpus", feature = "report"))]
mod compare;
mod compress;
mod decompress;
mod room;
mod table;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use lab_codec::{Context, Error, Result};
use lab_stream::encode::Input;

use super::App;

/// Compress by seed search: replaces each block that a short seed's SHA-256 regenerates with that seed
#[derive(clap::Args)]
pub(super) struct Args {
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

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
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

/// Reads a whole input, up to the memory limit.
fn read_input(path: &Path, cx: &Context) -> Result<Vec<u8>> {
    Input::open(path)?.read_whole(cx).map_err(|e| e.at(path.display().to_string()))
}

/// Reads a salt in hexadecimal.
fn salt(text: &str) -> Result<lab_telomere::seed::Salt, String> {
    lab_telomere::seed::Salt::from_hex(text)
        .ok_or_else(|| "a salt is 0 to 5 bytes in hexadecimal".to_string())
}
