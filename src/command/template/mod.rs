//! `lab template`: dictionaries and what is encoded with them; work on encoded files as their grammars tell them. One file
//! per subcommand.

mod build_dict;
mod count;
mod decode;
mod encode;
mod entries;
mod follow;
mod inspect;
mod pattern;
mod search;
pub mod segments;

use std::path::PathBuf;

use lab_template::notes::dictionary::is_context_name;

use super::{App, options, print, print_json, table};

/// Dictionaries, contexts, and work on grammars without expanding the file
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab template build-dict SAMPLES/* -o DICT     notes that many files share
  lab template encode IN -o OUT.lab --dict DICT
  lab template decode OUT.lab --resource DICT   --context NAME or --map NAME: another rendering of it
  lab template inspect DICT                     what does it have?
  lab encode --chain repair --segment whole IN -o OUT.lab
  lab template inspect OUT.lab                  how many rules, how deep, and which ones save most
  lab template count 'of the ' OUT.lab          how often?
  lab template search --hex '0d 0a' OUT.lab     ... and where?
search, count and inspect work on chains that begin with a grammar, such as template or
repair:coder=raw,zstd:19.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    BuildDict(build_dict::Args),
    Encode(encode::Args),
    Decode(decode::Args),
    Search(search::Args),
    Count(count::Args),
    Inspect(inspect::Args),
}

pub fn run(args: &Args, app: &App) -> lab_codec::Result<()> {
    match &args.command {
        Command::BuildDict(args) => build_dict::run(args, app),
        Command::Encode(args) => encode::run(args, app),
        Command::Decode(args) => decode::run(args, app),
        Command::Search(args) => search::run(args, app),
        Command::Count(args) => count::run(args, app),
        Command::Inspect(args) => inspect::run(args, app),
    }
}

/// `NAME=PATH`, as contexts and maps are given.
fn named_path(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if is_context_name(name) && !path.is_empty() => Ok((name.into(), path.into())),
        _ => Err("it is NAME=PATH, the name of letters, digits, - and _".into()),
    }
}
