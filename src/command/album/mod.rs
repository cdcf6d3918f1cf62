//! `lab album`: packs a folder of images into one Matroska file, and unpacks it.

mod compare;
mod extract;
mod list;
mod pack;
mod unpack;
mod verify;

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use lab_album::Album;
use lab_codec::{Context, Error, ErrorKind, Limits, Observer, Result, Silent};

use super::{App, options};
use lab_stream::output::Output;

/// Pack a folder of images into one Matroska file; lossless by default, every loss is reported
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Pack(pack::Args),
    Unpack(unpack::Args),
    List(list::Args),
    Extract(extract::Args),
    Verify(verify::Args),
    Compare(compare::Args),
}

pub fn run(args: &Args, app: &App) -> Result<()> {
    match &args.command {
        Command::Pack(args) => pack::run(args, app),
        Command::Unpack(args) => unpack::run(args, app),
        Command::List(args) => list::run(args, app),
        Command::Extract(args) => extract::run(args, app),
        Command::Verify(args) => verify::run(args, app),
        Command::Compare(args) => compare::run(args, app),
    }
}

/// Options for threads and memory.
#[derive(clap::Args)]
struct Effort {
    /// Number of threads [default: one for each core]
    #[arg(long, short = 'T', value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Memory limit for pictures in work; larger pictures are kept as files
    #[arg(long, value_name = "SIZE", default_value = "4G", value_parser = options::size)]
    memory_limit: u64,
}

impl Effort {
    fn context(&self, app: &App, observer: Arc<dyn Observer>) -> Context {
        let limits = Limits::new(self.memory_limit, self.memory_limit);
        Context::default().with_limits(limits).with_cancel(app.cancel.clone()).with_observer(observer)
    }

    fn quiet(&self, app: &App) -> Context {
        self.context(app, Arc::new(Silent))
    }

    /// Runs `work` in a pool of `threads` threads.
    fn run<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let threads = self.threads.map_or(0, usize::from);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.map_err(|e| Error::new(ErrorKind::Io, format!("cannot start threads: {e}")))?.install(work)
    }
}

/// Options that select an album to read.
#[derive(clap::Args)]
struct Input {
    /// The album
    album: PathBuf,
    /// Read this copy of the manifest in place of the attached one
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
}

impl Input {
    fn open(&self, cx: &Context) -> Result<Album> {
        Album::open(&self.album, self.manifest.as_deref(), cx)
            .map_err(|e| e.at(self.album.display().to_string()))
    }
}

/// Writes the contact sheet of an album.
fn write_sheet(
    mut output: Output,
    input: &Input,
    original: Option<&Path>,
    effort: &Effort,
    cx: &Context,
) -> Result<()> {
    let mut sink = BufWriter::new(output.sink()?);
    let sidecar = input.manifest.as_deref();
    effort.run(|| lab_album::write_sheet(&input.album, sidecar, original, &mut sink, cx))?;
    sink.flush()?;
    drop(sink);
    output.commit()
}

/// Parser of an option whose value is a name in `named`.
fn one_of<T: Copy + Send + Sync>(named: &'static [(&'static str, T)]) -> impl TypedValueParser<Value = T> {
    let names = PossibleValuesParser::new(named.iter().map(|(name, _)| *name));
    names.map(|given| named.iter().find(|(name, _)| *name == given).map_or(named[0].1, |(_, value)| *value))
}
