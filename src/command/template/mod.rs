//! `lab template`: dictionaries, templates, and search in grammars without expansion.

mod build_dict;
mod count;
mod decode;
mod encode;
mod entries;
mod follow;
mod inspect;
mod pattern;
mod search;
pub(super) mod segments;

use std::path::PathBuf;

use lab_template::notes::dictionary::is_context_name;

use super::{App, options, print, print_json, table};

/// Build dictionaries, encode with them, and search grammars without expanding the file
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab template build-dict SAMPLES/* -o DICT     a dictionary of notes that files share
  lab template encode IN -o OUT.lab --dict DICT
  lab template decode OUT.lab --resource DICT   and back; --context or --map NAME: another rendering
  lab template inspect DICT                     its contexts and entries
  lab encode --chain repair --segment whole IN -o OUT.lab
  lab template inspect OUT.lab                  number of rules, depth, and the rules that save most
  lab template count 'of the ' OUT.lab          number of occurrences
  lab template search --hex '0d 0a' OUT.lab     their offsets
search, count and inspect work on chains that begin with a grammar, such as template or
repair:coder=raw,zstd:19.")]
pub(super) struct Args {
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

pub(super) fn run(args: &Args, app: &App) -> lab_codec::Result<()> {
    match &args.command {
        Command::BuildDict(args) => build_dict::run(args, app),
        Command::Encode(args) => encode::run(args, app),
        Command::Decode(args) => decode::run(args, app),
        Command::Search(args) => search::run(args, app),
        Command::Count(args) => count::run(args, app),
        Command::Inspect(args) => inspect::run(args, app),
    }
}

/// Parses the `NAME=PATH` of a context or map.
fn named_path(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if is_context_name(name) && !path.is_empty() => Ok((name.into(), path.into())),
        _ => Err("expected NAME=PATH, with a name of letters, digits, - and _".into()),
    }
}
