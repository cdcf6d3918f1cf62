//! `lab template build-dict`: builds a dictionary of notes that samples share.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lab_codec::{Digest, Error, Result, Silent, format_size};
use lab_template::notes::build::Builder;
use lab_template::notes::cid;
use lab_template::notes::cut::{Chunking, Cutting, MIN_SIZE};
use lab_template::notes::dictionary::Piece;
use lab_template::notes::files::{Made, Samples, context_names};
use sha2::{Digest as _, Sha256};

use super::table::count;
use super::{App, named_path, options};
use crate::progress;
use lab_stream::output::Output;
use lab_stream::resource::MAX_RESOURCE;

/// Default average size of a note in bytes with --blobs, where each note is a file.
const BLOB_SIZE: u64 = 4 << 10;

/// Build a dictionary from samples
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab template build-dict SAMPLES/* -o DICT
  lab template build-dict SAMPLES/* -o DICT --blobs STORE     notes as files, named by identifier
  lab template build-dict --context VIDEO=DIR1 --context TEXT=DIR2 -o DICT
Notes are taken by the number of samples that contain them, until --max-size is reached.
With contexts, files of the same name belong together. The file of the first directory is cut into
notes; each other context gets the corresponding part of its own file.
Samples are read twice, as streams. Memory holds only identifiers of notes, at most --memory-limit
bytes; if they do not fit, the rarest are dropped.")]
pub(super) struct Args {
    /// Files, or directories of files
    #[arg(required_unless_present = "contexts", conflicts_with = "contexts")]
    samples: Vec<PathBuf>,
    /// The dictionary
    #[arg(long, short, value_name = "DICT")]
    output: PathBuf,
    /// A context and its directory of samples (repeatable; files of the first are cut into notes)
    #[arg(long = "context", value_name = "NAME=DIR", value_parser = named_path)]
    contexts: Vec<(String, PathBuf)>,
    /// Maximum size of notes and their identifiers
    #[arg(long, value_name = "SIZE", default_value = "16M", value_parser = options::size)]
    max_size: u64,
    /// Average size of a note, at least 256 bytes [default: 256, or 4K with --blobs]
    #[arg(long, value_name = "SIZE", value_parser = options::size)]
    chunk_size: Option<u64>,
    /// Cut notes of fixed size, instead of content-defined chunks
    #[arg(long)]
    fixed: bool,
    /// Minimum number of occurrences of a note in the samples
    #[arg(long, value_name = "N", default_value_t = 1)]
    min_uses: u64,
    /// Write notes as files into this directory, named by content identifier, instead of into the dictionary
    #[arg(long, value_name = "DIR")]
    blobs: Option<PathBuf>,
    #[command(flatten)]
    work: options::Work,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

#[derive(serde::Serialize)]
struct Report {
    path: String,
    sha256: String,
    /// Root of the Merkle tree over the identifiers.
    root: String,
    contexts: Vec<String>,
    samples: usize,
    entries: usize,
    /// Number of distinct pieces, and their total bytes.
    pieces: usize,
    bytes: u64,
    dictionary_bytes: u64,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    if args.blobs.is_none() && args.max_size > MAX_RESOURCE {
        let most = format_size(MAX_RESOURCE);
        return Err(Error::usage(format!(
            "a dictionary larger than {most} cannot be loaded; use --blobs DIR"
        )));
    }
    let chunking = if args.fixed { Chunking::Fixed } else { Chunking::Content };
    let size = if args.blobs.is_some() { BLOB_SIZE } else { MIN_SIZE };
    let cutting = Cutting::new(chunking, args.chunk_size.unwrap_or(size))?;
    let names = context_names(args.contexts.iter().map(|(name, _)| &name[..]))?;
    let samples = match args.contexts.split_first() {
        None => Samples::plain(&args.samples)?,
        Some(((_, first), others)) => {
            Samples::in_contexts(first, &others.iter().map(|(_, dir)| dir.as_path()).collect::<Vec<_>>())?
        }
    };
    let mut output = Output::open(&args.output, args.write.force)?;
    let sources = || args.samples.iter().chain(args.contexts.iter().map(|(_, directory)| directory));
    sources().try_for_each(|sample| output.made_of_parts(sample))?;
    let cx = args.work.context(app, progress::bar("build-dict", Some(samples.bytes()), args.talk.quiet));
    let builder = Builder::new(cutting, names, args.work.effort.memory.memory_limit)?;
    let made = samples.build(builder, args.min_uses, args.max_size, &cx)?;
    drop(cx);

    let mut hash = Sha256::new();
    let mut written = 0;
    {
        let mut sink = output.sink()?;
        let mut put = |bytes: &[u8]| {
            hash.update(bytes);
            written += bytes.len() as u64;
            sink.write_all(bytes)
        };
        put(&made.table.to_bytes(args.blobs.is_none()))?;
        if let Some(dir) = &args.blobs {
            fs::create_dir_all(dir).map_err(|e| Error::from(e).at(dir.display().to_string()))?;
        }
        let visit = |piece: &Piece, bytes: &[u8]| match &args.blobs {
            Some(dir) => store(dir, &piece.digest, bytes, args.write.force),
            None => Ok(put(bytes)?),
        };
        made.read(visit, &args.work.context(app, Arc::new(Silent)))?;
        sink.flush()?;
    }
    output.commit()?;
    report(args, &made, samples.len(), Digest(hash.finalize().into()), written)
}

fn report(args: &Args, made: &Made, samples: usize, sha256: Digest, written: u64) -> Result<()> {
    let table = &made.table;
    let report = Report {
        path: args.output.display().to_string(),
        sha256: sha256.to_string(),
        root: table.root().to_string(),
        contexts: table.contexts.clone(),
        samples,
        entries: table.pieces.len() / table.contexts.len(),
        pieces: made.pieces(),
        bytes: made.bytes(),
        dictionary_bytes: written,
    };
    if args.talk.json {
        return super::super::report_json(&report, args.output == Path::new("-"));
    }
    super::super::note(
        &format!(
            "{samples} samples -> {}: {} notes with {} bytes, Merkle root {}",
            report.path,
            count(report.entries as u64),
            count(report.bytes),
            report.root
        ),
        args.talk.quiet,
    );
    Ok(())
}

/// Writes a blob into the directory unless it exists there.
fn store(dir: &Path, digest: &Digest, bytes: &[u8], force: bool) -> Result<()> {
    let path = dir.join(cid::text(digest));
    if fs::read(&path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let mut output = Output::open(&path, force)?;
    output.sink()?.write_all(bytes)?;
    output.commit()
}
