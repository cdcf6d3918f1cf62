//! `lab try`: measures many chains on one file and prints the Pareto front with a command for each chain.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lab_codec::{Error, Result, Silent};

use super::{App, options, table};
use crate::progress;
use lab_bench::Surroundings;
use lab_bench::scratch::Scratch;
use lab_bench::trial::{self, Choice, Trial};
use lab_stream::resource::Store;

/// Try many chains on a file and show the Pareto front of ratio and speed
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab try FILE                       what suits this file?
  lab try FILE --budget 2m           ... with more time, on more of a large file
  lab try FILE --chain zstd:1..19    ... among these chains
All chains first run on a part of the file. Clearly beaten chains drop out; the others repeat on a larger
part, until the time is used up. Figures are for one thread.")]
pub(super) struct Args {
    /// The file, or a listed sample of a corpus
    file: PathBuf,
    /// A chain or a sweep of chains (repeatable) [default: a built-in selection]
    #[arg(long = "chain", short, value_name = "CHAIN")]
    chains: Vec<String>,
    /// Total time budget, such as 30s or 2m
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = options::duration)]
    budget: Duration,
    /// Show all chains of the last round, not only the Pareto front
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    memory: options::Memory,
    #[command(flatten)]
    talk: options::Talk,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let samples = lab_corpus::discover(std::slice::from_ref(&args.file))?;
    let [sample] = &samples[..] else {
        return Err(Error::usage(format!(
            "{} is not one file; `lab bench` takes several",
            args.file.display()
        )));
    };
    let mut store = Store::new(&app.registry, &[], None);
    let chains = trial::candidates(&app.registry, &args.chains, &mut |path| store.load(path))?;
    let cx = args.memory.context(app, Arc::new(Silent));
    let raw = sample.load(&cx.clone().with_limits(cx.limits().with_output(u64::MAX)))?;
    if raw.is_empty() {
        return Err(Error::usage("the file is empty; nothing can be measured"));
    }
    let scratch = Scratch::new(raw.len() as u64 * 8)?;
    let around = Surroundings { store: &store, cx: &cx, scratch: scratch.path(), probe: None };
    let bar = progress::steps("try", 0, args.talk.quiet);
    let trial = trial::run(&raw, chains, args.budget, &around, &mut |bytes, chains| {
        bar.begin(&format!("{chains} chains on {} bytes", table::count(bytes)));
    })?;
    drop(bar);
    if trial.choices.is_empty() {
        return Err(Error::corrupt("no chain decoded to the original file"));
    }
    if args.talk.json {
        return super::print_json(&json(args, &trial, raw.len() as u64));
    }
    super::print(&text(args, &trial, raw.len() as u64))
}

fn shown<'a>(args: &Args, trial: &'a Trial) -> impl Iterator<Item = &'a Choice> {
    let all = args.all;
    trial.choices.iter().filter(move |c| all || c.encode_front || c.decode_front)
}

fn text(args: &Args, trial: &Trial, bytes: u64) -> String {
    let mut table = table::table(&["ratio", "enc MB/s", "dec MB/s", "best", "command"]);
    for choice in shown(args, trial) {
        let best = match (choice.encode_front, choice.decode_front) {
            (true, true) => "both",
            (true, false) => "enc",
            (false, true) => "dec",
            (false, false) => "",
        };
        table.add_row([
            format!("{:.3}", choice.ratio),
            format!("{:.1}", choice.encode_rate),
            format!("{:.1}", choice.decode_rate),
            best.to_string(),
            command(&choice.chain, &args.file),
        ]);
    }
    if let Some(column) = table.column_mut(4) {
        column.set_cell_alignment(comfy_table::CellAlignment::Left);
    }
    let part = match trial.bytes {
        all if all == bytes => "the whole file".to_string(),
        part => format!("{} of {} bytes", table::count(part), table::count(bytes)),
    };
    format!(
        "{}\n{} chains tried, figures from {part}. best: on the Pareto front of ratio and encoding (enc) or \
         decoding (dec) speed.\n",
        table::text(&table),
        trial.tried
    )
}

fn json(args: &Args, trial: &Trial, bytes: u64) -> serde_json::Value {
    let choice = |c: &Choice| {
        serde_json::json!({
            "chain": c.chain,
            "ratio": c.ratio,
            "encode_mb_per_second": c.encode_rate,
            "decode_mb_per_second": c.decode_rate,
            "encode_front": c.encode_front,
            "decode_front": c.decode_front,
            "command": command(&c.chain, &args.file),
        })
    };
    serde_json::json!({
        "file": args.file.display().to_string(),
        "bytes": bytes,
        "measured_bytes": trial.bytes,
        "tried": trial.tried,
        "choices": shown(args, trial).map(choice).collect::<Vec<_>>(),
    })
}

/// The command line that encodes the file, quoted for a shell.
fn command(chain: &str, file: &Path) -> String {
    format!("lab encode --chain {} {}", quoted(chain), quoted(&file.display().to_string()))
}

fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+=:@%,".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        return text.to_string();
    }
    let prefix = if text.starts_with('-') { "./" } else { "" };
    format!("{prefix}'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_can_be_pasted() {
        assert_eq!(quoted("a/b.txt"), "a/b.txt");
        assert_eq!(quoted("it's here"), "'it'\\''s here'");
        assert_eq!(quoted("-x"), "./'-x'");
        assert_eq!(command("auto:of={lz4/xz}", Path::new("x")), "lab encode --chain 'auto:of={lz4/xz}' x");
    }
}
