//! `lab corpus fetch`: gets published corpora, checked to the byte.

use std::path::PathBuf;
use std::time::Duration;

use lab_codec::{Context, Error, Result};

use crate::command::options::duration;
use crate::command::{App, options, print, print_json, table};
use crate::progress;
use lab_corpus::fetch::{self, Arrived, Options, Tries};
use lab_corpus::published::{Sources, catalogue, directory};

/// Get published corpora: checked against sizes and SHA-256, resumed where they were cut
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab corpus fetch canterbury silesia              into corpora/canterbury and corpora/silesia
  lab corpus fetch enwik8 --from ~/Downloads       enwik8.zip or enwik8 is there already; no network
  lab corpus fetch silesia --mirror http://host/d  from http://host/d/silesia.zip, if it is there
  lab corpus fetch --manifest own.toml             a corpus of your own (docs/formats/corpus.md)
`lab corpus list` shows which there are. A download that was interrupted goes on with the same command.")]
pub struct Args {
    /// The corpora
    #[arg(value_name = "NAME", required_unless_present = "manifests")]
    names: Vec<String>,
    /// A file that says where another corpus can be had (repeatable)
    #[arg(long = "manifest", value_name = "FILE")]
    manifests: Vec<PathBuf>,
    /// Where each corpus gets its directory
    #[arg(long, short, value_name = "DIR", default_value = "corpora")]
    output: PathBuf,
    /// Take files or their archives from a directory, without network
    #[arg(long, value_name = "DIR", conflicts_with = "mirror")]
    from: Option<PathBuf>,
    /// An address below which downloads are looked for first
    #[arg(long, value_name = "URL", value_parser = address)]
    mirror: Option<String>,
    /// How often to try again where a server fails or a connection is cut
    #[arg(long, value_name = "N", default_value_t = 4)]
    retries: u32,
    /// The pause before the first new try; it doubles
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    wait: Duration,
    /// How long to wait for a connection, an answer, or more of it
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    timeout: Duration,
    /// Fetch again what is there, and replace files that are not as listed
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
    /// It was there before.
    was_here: bool,
    /// No digest is published that it could be compared with.
    is_unproven: bool,
}

pub fn run(args: &Args, app: &App) -> Result<()> {
    // A wrong name is told before anything is fetched.
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
            // One corpus that cannot be had does not keep the others away.
            Err(error) if cx.check().is_ok() => failures.push(error),
            Err(error) => return Err(error),
        }
    }
    if args.talk.json {
        print_json(&rows)?;
    }
    let Some(first) = failures.first() else { return Ok(()) };
    let lines: Vec<String> = failures.iter().map(Error::to_string).collect();
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

/// What there is now, in a line, and what could not be proven, in another.
fn summary(sources: &Sources, arrived: &[Arrived], into: &std::path::Path) -> String {
    let bytes = table::count(arrived.iter().map(|a| a.bytes).sum());
    let here = arrived.iter().filter(|a| a.was_here).count();
    let here = match here {
        0 => String::new(),
        n if n == arrived.len() => ", all here before".to_string(),
        n => format!(", {n} here before"),
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
            "{}: no SHA-256 is known for {unproven} of them; what came first is recorded in its manifest.json\n",
            sources.corpus
        );
    }
    text
}
