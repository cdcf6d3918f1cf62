//! `lab corpus`: list, fetch, verify and generate samples.

#[cfg(feature = "fetch")]
mod fetch;

use std::io::Write;
use std::path::PathBuf;

use lab_codec::{Error, Result};

use super::{App, options, table};
use crate::progress;
use lab_corpus::rows::{AbsentRow, Applying, GeneratorRow, SampleRow, absent_known, manifests, sum, within};
use lab_corpus::{Listed, Manifest, builtin, generate, list, verify};
use lab_stream::output::Output;

/// List, fetch, verify and generate samples
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab corpus list                                 built-in samples, generators, published corpora
  lab corpus list corpora/                        the files that a directory's manifest lists
  lab corpus fetch canterbury silesia             published corpora, into corpora/
  lab corpus verify corpora/silesia               sizes and SHA-256 of stored files and originals
  lab corpus generate versioned --size 8G -o -    synthetic data, identical on every machine")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(ListArgs),
    #[cfg(feature = "fetch")]
    Fetch(fetch::Args),
    Verify(VerifyArgs),
    Generate(GenerateArgs),
}

/// List samples of directories, or the built-in samples, the generators and the published corpora
#[derive(clap::Args)]
struct ListArgs {
    /// Files and corpus directories
    paths: Vec<PathBuf>,
    /// List every file
    #[arg(long)]
    files: bool,
    #[command(flatten)]
    talk: options::Talk,
}

/// Check files against their manifest: size and SHA-256
#[derive(clap::Args)]
struct VerifyArgs {
    /// Directories with a manifest.json in them or in a parent
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    talk: options::Talk,
    #[command(flatten)]
    work: options::Work,
}

/// Write synthetic data
#[derive(clap::Args)]
#[command(
    after_help = "`lab corpus list` shows the generators. A shorter sample is a prefix of a longer one."
)]
struct GenerateArgs {
    /// The generator and its parameters
    #[arg(value_name = "GENERATOR[:KEY=VALUE]")]
    generator: String,
    /// Size of the output in bytes, such as 8G
    #[arg(long, value_name = "SIZE", value_parser = options::size)]
    size: u64,
    /// Seed of the generator
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The output, or - for standard output
    #[arg(long, short, value_name = "OUT")]
    output: PathBuf,
    #[command(flatten)]
    work: options::Work,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    match &args.command {
        Command::List(args) => list(args),
        #[cfg(feature = "fetch")]
        Command::Fetch(args) => fetch::run(args, app),
        Command::Verify(args) => verify(args, app),
        Command::Generate(args) => generate(args, app),
    }
}

/// Corpora that can be fetched, with the command that does it.
fn absent_text(rows: &[AbsentRow]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut shown = table::table(&["not fetched", "files", "bytes", "fetch with"]);
    for row in rows {
        shown.add_row([
            row.corpus.escape_debug().to_string(),
            row.files.to_string(),
            table::count(row.bytes),
            row.command.escape_debug().to_string(),
        ]);
    }
    if let Some(column) = shown.column_mut(3) {
        column.set_cell_alignment(comfy_table::CellAlignment::Left);
    }
    format!("\n{}", table::text(&shown))
}

fn list(args: &ListArgs) -> Result<()> {
    let found = lab_corpus::survey(&args.paths)?;
    let absent = if args.paths.is_empty() { absent_known()? } else { found.absent };
    let absent: Vec<_> = absent.into_iter().map(AbsentRow::of).collect();
    if !args.paths.is_empty() && !args.files {
        let manifests = manifests(&args.paths)?;
        if manifests.iter().all(|of_path| !of_path.is_empty()) {
            return list_corpora(args, &manifests.concat(), &absent);
        }
    }
    let samples = if args.paths.is_empty() { builtin::samples() } else { found.samples };
    let generators: Vec<_> = if args.paths.is_empty() { generate::GENERATORS.to_vec() } else { Vec::new() };
    if args.talk.json {
        let samples: Vec<_> = samples.iter().map(SampleRow::of).collect();
        let generators: Vec<_> = generators.iter().map(|g| GeneratorRow::of(*g)).collect();
        return super::print_json(
            &serde_json::json!({ "samples": samples, "generators": generators, "absent": absent }),
        );
    }
    let mut rows = table::table(&["sample", "bytes"]);
    for sample in &samples {
        rows.add_row([sample.label().escape_debug().to_string(), table::count(sample.bytes)]);
    }
    rows.add_row([format!("{} samples", samples.len()), table::count(sum(samples.iter().map(|s| s.bytes)))]);
    let mut text = table::text(&rows);
    if !generators.is_empty() {
        text += "\ngenerators\n";
        for generator in generators {
            text += &format!("  {:<13} {}\n", generator.name(), generator.summary());
            for param in generator.params() {
                let default = param.value_text(&param.default());
                text += &format!(
                    "  {:<13} {}={default}: {} ({})\n",
                    "",
                    param.name,
                    param.help,
                    param.range_text()
                );
            }
        }
    }
    super::print(&(text + &absent_text(&absent)))
}

fn list_corpora(args: &ListArgs, manifests: &[Applying], absent: &[AbsentRow]) -> Result<()> {
    let mut rows = Vec::new();
    for (manifest, real) in manifests {
        let mut part = Manifest::clone(manifest);
        part.files.retain(|listed| within(manifest, listed, real));
        rows.extend(list::overview(&part));
    }
    if args.talk.json {
        return super::print_json(&serde_json::json!({ "corpora": rows, "absent": absent }));
    }
    let mut shown = table::table(&["corpus", "files", "here", "bytes", "stored", "kinds"]);
    for row in &rows {
        shown.add_row([
            row.corpus.escape_debug().to_string(),
            row.files.to_string(),
            row.present.to_string(),
            table::count(row.bytes),
            table::count(row.stored_bytes),
            row.kinds.join(" ").escape_debug().to_string(),
        ]);
    }
    if let Some(column) = shown.column_mut(5) {
        column.set_cell_alignment(comfy_table::CellAlignment::Left);
    }
    let (bytes, stored) = (sum(rows.iter().map(|r| r.bytes)), sum(rows.iter().map(|r| r.stored_bytes)));
    let files: usize = rows.iter().map(|r| r.files).sum();
    let present: usize = rows.iter().map(|r| r.present).sum();
    shown.add_row([
        "all".into(),
        files.to_string(),
        present.to_string(),
        table::count(bytes),
        table::count(stored),
    ]);
    super::print(&(table::text(&shown) + &absent_text(absent)))
}

#[derive(serde::Serialize)]
struct VerifiedRow {
    corpus: String,
    name: String,
    ok: bool,
    outcome: String,
}

fn verify(args: &VerifyArgs, app: &App) -> Result<()> {
    let manifests = manifests(&args.paths)?;
    if manifests.iter().any(Vec::is_empty) {
        return Err(Error::usage(
            "no manifest.json found in the directory, its parents or its subdirectories",
        ));
    }
    let mut rows = Vec::new();
    for (manifest, real) in &manifests.concat() {
        let selected = |listed: &Listed| within(manifest, listed, real);
        let bytes = sum(manifest.files.iter().filter(|l| selected(l)).map(|l| l.stored_bytes));
        let cx = args.work.context(app, progress::bar("verify", Some(bytes), args.talk.quiet));
        verify::verify(manifest, selected, &cx, |listed, outcome| {
            rows.push(VerifiedRow {
                corpus: listed.corpus.clone(),
                name: listed.name.clone(),
                ok: outcome.is_ok(),
                outcome: outcome.to_string(),
            });
        })?;
    }
    if args.talk.json {
        super::print_json(&rows)?;
    } else {
        for row in rows.iter().filter(|r| !r.ok) {
            super::print(&format!(
                "{}/{}: {}\n",
                row.corpus.escape_debug(),
                row.name.escape_debug(),
                row.outcome
            ))?;
        }
    }
    let bad = rows.iter().filter(|r| !r.ok).count();
    match (rows.len(), bad) {
        (0, _) => Err(Error::usage("the manifest lists no file there")),
        (_, 0) if args.talk.json || args.talk.quiet => Ok(()),
        (n, 0) => super::print(&format!("all {n} files match the manifest\n")),
        (n, bad) => Err(Error::corrupt(format!("{bad} of {n} files do not match the manifest"))),
    }
}

fn generate(args: &GenerateArgs, app: &App) -> Result<()> {
    let recipe = generate::find(&args.generator)?;
    let mut output = Output::open(&args.output, args.write.force)?;
    let cx = args.work.context(app, progress::bar(recipe.generator.name(), Some(args.size), args.talk.quiet));
    let mut sink: Box<dyn Write + Send> = output.sink()?;
    generate::generate(&recipe, args.seed, args.size, &mut sink, &cx)
        .and_then(|()| Ok(sink.flush()?))
        .map_err(|e| e.at(args.output.display().to_string()))?;
    drop(sink);
    output.commit()
}
