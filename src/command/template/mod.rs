//! `lab template`: work on encoded files as their grammars tell them. One file per subcommand.

mod count;
mod inspect;
mod pattern;
mod search;
pub mod segments;

use lab_codec::Result;

use super::{App, options, print, print_json, table};

/// Search, count and look at grammars, without expanding the file
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab encode --chain repair --segment whole IN -o OUT.lab
  lab template inspect OUT.lab                  how many rules, how deep, and which ones save most
  lab template count 'of the ' OUT.lab          how often?
  lab template search --hex '0d 0a' OUT.lab     ... and where?
These work on chains that begin with a grammar codec, such as repair:coder=raw,zstd:19.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Search(search::Args),
    Count(count::Args),
    Inspect(inspect::Args),
}

pub fn run(args: &Args, app: &App) -> Result<()> {
    match &args.command {
        Command::Search(args) => search::run(args, app),
        Command::Count(args) => count::run(args, app),
        Command::Inspect(args) => inspect::run(args, app),
    }
}
