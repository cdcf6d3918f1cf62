//! `lab template encode`: `lab encode` with the codec `template` and its parameters as options.

use std::path::PathBuf;

use lab_codec::Resources;
use lab_codec::{Error, Result};
use lab_template::notes::dictionary::{Dictionary, is_context_name};
use lab_template::notes::map::{Declared, Map};

use super::{App, named_path, options};
use lab_stream::chain::MAX_TEXT;

/// Encode a file with the notes of a dictionary
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab template encode IN -o OUT.lab --dict DICT
  lab template encode IN -o OUT.lab --dict DICT --contexts VIDEO,TEXT
  lab template encode IN -o OUT.lab --dict DICT --contexts VIDEO,TEXT --embed-map MIXED=MAP
  tail -f LOG | lab template encode --segment 64K - -o - > GROWING.lab
A map assigns a context to each symbol of the dictionary: see `lab template decode --help`.
The same as `lab encode --chain template:dict=@DICT:...`; `lab codecs template` lists all parameters.
Decoding OUT needs DICT: give it with --resource.")]
pub(super) struct Args {
    /// The file to encode, or - for standard input
    input: PathBuf,
    /// The output, or - for standard output [default: - for standard input, else IN.lab]
    #[arg(long, short, value_name = "OUT")]
    output: Option<PathBuf>,
    /// A dictionary of `lab template build-dict`
    #[arg(long, value_name = "DICT")]
    dict: Option<PathBuf>,
    /// Contexts of the dictionary: first the content's, then those for rendering
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "dict")]
    contexts: Vec<String>,
    /// Embed a map for rendering under a name (repeatable)
    #[arg(long = "embed-map", value_name = "NAME=FILE", requires = "contexts", value_parser = named_path)]
    maps: Vec<(String, PathBuf)>,
    /// Average size of a note in bytes [default: the dictionary's, or 4K without one]
    #[arg(long, value_name = "SIZE", value_parser = options::size)]
    chunk_size: Option<u64>,
    /// Minimum number of occurrences of a pair to be replaced
    #[arg(long, value_name = "N")]
    min_pair_freq: Option<u64>,
    /// Coder of the grammars: rans, raw, mix or packed
    #[arg(long, value_name = "NAME")]
    coder: Option<String>,
    /// Decode the output and compare it before it takes its name
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

/// The maps in the text form of the codec's parameter `maps`.
fn maps(args: &Args, dictionary: &Dictionary) -> Result<String> {
    let contexts = args.contexts.iter().map(|name| dictionary.context(name)).collect::<Result<Vec<_>>>()?;
    let declared = Declared { dictionary, contexts: &contexts };
    let maps = args.maps.iter().map(|(name, path)| {
        let at_path = |e: Error| e.at(path.display().to_string());
        let text = std::fs::read_to_string(path).map_err(|e| at_path(e.into()))?;
        let map = Map::from_lines(&text, declared).map_err(at_path)?;
        Ok(format!("{name}.{}", map.to_words(dictionary)))
    });
    Ok(maps.collect::<Result<Vec<_>>>()?.join("+"))
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let mut store = args.work.store(app, None);
    let mut chain = "template".to_string();
    let mut dictionary = None;
    if let Some(dict) = &args.dict {
        let digest = store.load(dict)?;
        chain += &format!(":dict=sha256:{digest}");
        let read = Dictionary::read(store.loaded().get(&digest)?, Resources::default());
        dictionary = Some(read.map_err(|e| e.at(dict.display().to_string()))?);
    }
    if let Some(name) = args.contexts.iter().find(|name| !is_context_name(name)) {
        return Err(Error::usage(format!("{name:?} is not a context name; use letters, digits, - and _")));
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
    if let Some(dictionary) = dictionary.filter(|_| !args.maps.is_empty()) {
        let maps = maps(args, &dictionary)?;
        chain += &format!(":maps={maps}");
        if chain.len() > MAX_TEXT {
            return Err(Error::usage(format!(
                "the maps take {} bytes, but a template's parameters have at most {MAX_TEXT}; map ranges of \
                 symbols (3-7 NAME), or use `lab template decode --map FILE`",
                maps.len()
            )));
        }
    }
    let args = super::super::encode::Args {
        chain,
        input: args.input.clone(),
        output: args.output.clone(),
        // A bypassed segment cannot be rendered in other contexts.
        no_bypass: args.contexts.len() > 1 || !args.maps.is_empty(),
        verify: args.verify,
        cut: args.cut.clone(),
        work: args.work.clone(),
        write: args.write.clone(),
        talk: args.talk.clone(),
    };
    super::super::encode::run_with(&args, app, store)
}
