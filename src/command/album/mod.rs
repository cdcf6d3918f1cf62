//! `lab album`: packs a folder of images into one Matroska file, and unpacks it.

#[cfg(feature = "report")]
mod compare;
mod extract;
mod list;
mod pack;
mod unpack;
mod verify;

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use lab_album::Album;
use lab_codec::{Context, Error, ErrorKind, Result};

use super::{App, options};
use lab_stream::output::Output;

/// Pack a folder of images into one Matroska file; lossless by default, every loss is reported
#[derive(clap::Args)]
pub(super) struct Args {
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
    #[cfg(feature = "report")]
    Compare(compare::Args),
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    match &args.command {
        Command::Pack(args) => pack::run(args, app),
        Command::Unpack(args) => unpack::run(args, app),
        Command::List(args) => list::run(args, app),
        Command::Extract(args) => extract::run(args, app),
        Command::Verify(args) => verify::run(args, app),
        #[cfg(feature = "report")]
        Command::Compare(args) => compare::run(args, app),
    }
}

/// Runs work in a pool of this many threads.
fn in_pool<T: Send>(effort: &options::Effort, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(effort.threads()).build();
    pool.map_err(|e| Error::new(ErrorKind::Io, format!("cannot start threads: {e}")))?.install(work)
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
    effort: &options::Effort,
    cx: &Context,
) -> Result<()> {
    let mut sink = BufWriter::new(output.sink()?);
    let sidecar = input.manifest.as_deref();
    in_pool(effort, || lab_album::write_sheet(&input.album, sidecar, original, &mut sink, cx))?;
    sink.flush()?;
    drop(sink);
    output.commit()
}

/// Parser of an option whose value is a name in `named`.
fn one_of<T: Copy + Send + Sync>(named: &'static [(&'static str, T)]) -> impl TypedValueParser<Value = T> {
    let names = PossibleValuesParser::new(named.iter().map(|(name, _)| *name));
    names.map(|given| named.iter().find(|(name, _)| *name == given).map_or(named[0].1, |(_, value)| *value))
}
