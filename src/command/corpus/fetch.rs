//! `lab corpus fetch`: downloads published corpora and checks size and SHA-256 of every file.

use std::path::PathBuf;
use std::time::Duration;

use lab_codec::{Context, Error, Result};

use crate::command::options::duration;
use crate::command::{App, hint, options, print, print_json, table};
use crate::progress;
use lab_corpus::fetch::{self, Arrived, Options, Tries};
use lab_corpus::published::{Sources, catalogue, directory};

/// Download published corpora; checks size and SHA-256, resumes interrupted downloads
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab corpus fetch canterbury silesia              into corpora/canterbury and corpora/silesia
  lab corpus fetch enwik8 --from ~/Downloads       from a local enwik8.zip or enwik8, without network
  lab corpus fetch silesia --mirror http://host/d  tries http://host/d/silesia.zip first
  lab corpus fetch --manifest own.toml             a corpus of your own (docs/formats/corpus.md)
`lab corpus list` shows the published corpora. Repeat a command to resume an interrupted download.")]
pub(super) struct Args {
    /// Names of corpora
    #[arg(value_name = "NAME", required_unless_present = "manifests")]
    names: Vec<String>,
    /// A description of another corpus: its files and download addresses (repeatable)
    #[arg(long = "manifest", value_name = "FILE")]
    manifests: Vec<PathBuf>,
    /// Directory that gets a subdirectory for each corpus
    #[arg(long, short, value_name = "DIR", default_value = "corpora")]
    output: PathBuf,
    /// Take files or their archives from this directory, without network
    #[arg(long, value_name = "DIR", conflicts_with = "mirror")]
    from: Option<PathBuf>,
    /// Base address to try before the published addresses
    #[arg(long, value_name = "URL", value_parser = address)]
    mirror: Option<String>,
    /// Maximum number of retries per download
    #[arg(long, value_name = "N", default_value_t = 4)]
    retries: u32,
    /// Pause before the first retry; it doubles with each retry
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    wait: Duration,
    /// Timeout for a connection, an answer, and each part of it
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    timeout: Duration,
    /// Download everything again, and replace files that do not match
    #[arg(long, short)]
    force: bool,
    #[command(flatten)]
    talk: options::Talk,
}

fn address(text: &str) -> Result<String, String> {
    if text.starts_with("http://") || text.starts_with("https://") {
        Ok(text.to_string())
    } else {
        Err("an address begins with http:// or https://".to_string())
    }
}

#[derive(serde::Serialize)]
struct Row {
    corpus: String,
    name: String,
    bytes: u64,
    sha256: String,
    origin: String,
    /// Whether an earlier fetch brought it.
    was_here: bool,
    /// Whether no published digest exists for it.
    is_unproven: bool,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    // Refuse an unknown name before the first download.
    let mut all = args.names.iter().map(|name| catalogue::find(name)).collect::<Result<Vec<_>>>()?;
    for path in &args.manifests {
        all.push(Sources::read(path)?);
    }
    let bar = |label: &str, total| progress::bar(label, total, args.talk.quiet);
    let options = Options {
        into: &args.output,
        from: args.from.as_deref(),
        mirror: args.mirror.as_deref(),
        force: args.force,
        tries: Tries { retries: args.retries, wait: args.wait, timeout: args.timeout },
        bar: &bar,
    };
    let cx = Context::default().with_cancel(app.cancel.clone());
    let mut rows = Vec::new();
    let mut failures = Vec::new();
    for sources in &all {
        match fetch::fetch(sources, &options, &cx) {
            Ok(arrived) => {
                if !args.talk.json && !args.talk.quiet {
                    print(&summary(sources, &arrived, &args.output))?;
                }
                rows.extend(arrived.into_iter().map(|arrived| row(sources, arrived)));
            }
            // A failed corpus must not stop the others.
            Err(error) if cx.check().is_ok() => failures.push(error),
            Err(error) => return Err(error),
        }
    }
    if args.talk.json {
        print_json(&rows)?;
    }
    let Some(first) = failures.first() else { return Ok(()) };
    let lines: Vec<String> = failures.iter().map(hint::line).collect();
    Err(Error::new(first.kind(), lines.join("; ")))
}

fn row(sources: &Sources, arrived: Arrived) -> Row {
    Row {
        corpus: sources.corpus.clone(),
        name: arrived.name,
        bytes: arrived.bytes,
        sha256: arrived.sha256.to_string(),
        origin: arrived.origin,
        was_here: arrived.was_here,
        is_unproven: arrived.is_unproven,
    }
}

/// One line with the fetched files, and one with the number of files that have no published digest.
fn summary(sources: &Sources, arrived: &[Arrived], into: &std::path::Path) -> String {
    let bytes = table::count(arrived.iter().map(|a| a.bytes).sum());
    let here = arrived.iter().filter(|a| a.was_here).count();
    let here = match here {
        0 => String::new(),
        n if n == arrived.len() => ", all fetched before".to_string(),
        n => format!(", {n} fetched before"),
    };
    let directory = directory(sources, into);
    let mut text = format!(
        "{}: {} files, {bytes} bytes in {}{here}\n",
        sources.corpus,
        arrived.len(),
        directory.display().to_string().escape_debug()
    );
    let unproven = arrived.iter().filter(|a| a.is_unproven).count();
    if unproven > 0 {
        text += &format!(
            "{}: no published SHA-256 for {unproven} of them; manifest.json records the first download's\n",
            sources.corpus
        );
    }
    text
}
