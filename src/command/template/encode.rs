//! `lab template encode`: `lab encode` with the codec `template`, whose parameters are options here.

use std::path::PathBuf;

use lab_codec::{Error, Result};
use lab_template::notes::dictionary::is_context_name;

use super::{App, options};
use crate::resource::Store;

/// Encode a file with notes of a dictionary
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab template encode IN -o OUT.lab --dict DICT
  lab template encode IN -o OUT.lab --dict DICT --contexts VIDEO,TEXT
  lab template encode IN -o OUT.lab --chunk-size 1K
This is `lab encode --chain template:dict=@DICT:...`; more parameters are under `lab codecs template`. Whoever decodes OUT
needs DICT, too: give it with --resource.")]
pub struct Args {
    /// The file to encode, or - for standard input
    input: PathBuf,
    /// The output, or - for standard output [default: - for standard input, else IN.lab]
    #[arg(long, short, value_name = "OUT")]
    output: Option<PathBuf>,
    /// A dictionary of `lab template build-dict`
    #[arg(long, value_name = "DICT")]
    dict: Option<PathBuf>,
    /// Contexts of the dictionary: the content's, then those in which it can be rendered
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "dict")]
    contexts: Vec<String>,
    /// Bytes of a note, on average [default: as the dictionary is cut, or 4K without one]
    #[arg(long, value_name = "SIZE", value_parser = options::size)]
    chunk_size: Option<u64>,
    /// Replace pairs that occur at least this often
    #[arg(long, value_name = "N")]
    min_pair_freq: Option<u64>,
    /// How the grammars are coded, as the codec's parameter says
    #[arg(long, value_name = "NAME")]
    coder: Option<String>,
    /// Decode the result and compare, before it replaces anything
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    cut: options::Cut,
    #[command(flatten)]
    work: options::Work,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

pub fn run(args: &Args, app: &App) -> Result<()> {
    let mut work = args.work.clone();
    let mut chain = "template".to_string();
    if let Some(dict) = &args.dict {
        chain += &format!(":dict=sha256:{}", Store::new(&[], None).load(dict)?);
        work.resources.push(dict.clone());
    }
    if let Some(name) = args.contexts.iter().find(|name| !is_context_name(name)) {
        return Err(Error::usage(format!("{name:?} is no name of a context: letters, digits, - and _")));
    }
    if !args.contexts.is_empty() {
        chain += &format!(":contexts={}", args.contexts.join("+"));
    }
    if let Some(size) = args.chunk_size {
        chain += &format!(":chunk_size={size}");
    }
    if let Some(n) = args.min_pair_freq {
        chain += &format!(":min_freq={n}");
    }
    if let Some(coder) = &args.coder {
        chain += &format!(":coder={coder}");
    }
    let args = super::super::encode::Args {
        chain,
        input: args.input.clone(),
        output: args.output.clone(),
        // A segment that is stored as it is has no renderings.
        no_bypass: args.contexts.len() > 1,
        verify: args.verify,
        cut: args.cut.clone(),
        work,
        write: args.write.clone(),
        talk: args.talk.clone(),
    };
    super::super::encode::run(&args, app)
}
