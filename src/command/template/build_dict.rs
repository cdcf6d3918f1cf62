//! `lab template build-dict`: the notes that samples share, as a dictionary.

use std::fs::{self, File};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lab_codec::{Digest, Error, ErrorKind, Result, Silent, format_size};
use lab_template::notes::build::{Builder, Place, Text};
use lab_template::notes::cid;
use lab_template::notes::cut::{Chunking, Cutting, MIN_SIZE};
use lab_template::notes::dictionary::{MAX_CONTEXTS, Piece, Table};
use sha2::{Digest as _, Sha256};

use super::{App, named_path, options, table};
use crate::progress;
use lab_stream::output::Output;
use lab_stream::resource::MAX_RESOURCE;

/// The name of the only context of a dictionary that is made without any.
const CONTEXT: &str = "DEFAULT";

/// Bytes of a note that is a file of its own, where no size is given.
const BLOB_SIZE: u64 = 4 << 10;

/// Make a dictionary from samples
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab template build-dict SAMPLES/* -o DICT
  lab template build-dict SAMPLES/* -o DICT --blobs STORE     notes as files, named by identifier
  lab template build-dict --context VIDEO=DIR1 --context TEXT=DIR2 -o DICT
Notes that most samples have come first, until --max-size is reached. With contexts, files of the
same name belong together: that in the first directory is cut into notes, and what corresponds to a
note in another is the same part of the file there.
Samples are read as streams, twice. Of notes only identifiers are kept, in at most --memory-limit
bytes; where that is too little for all of them, those that were seen least are forgotten.")]
pub struct Args {
    /// Files, or directories of files
    #[arg(required_unless_present = "contexts", conflicts_with = "contexts")]
    samples: Vec<PathBuf>,
    /// The dictionary
    #[arg(long, short, value_name = "DICT")]
    output: PathBuf,
    /// A context and its directory of samples (repeatable; the first one's files are cut)
    #[arg(long = "context", value_name = "NAME=DIR", value_parser = named_path)]
    contexts: Vec<(String, PathBuf)>,
    /// The most bytes of notes and their identifiers
    #[arg(long, value_name = "SIZE", default_value = "16M", value_parser = options::size)]
    max_size: u64,
    /// Bytes of a note, on average, at least 256 [default: 256, or 4K with --blobs, where each is a file]
    #[arg(long, value_name = "SIZE", value_parser = options::size)]
    chunk_size: Option<u64>,
    /// Cut every so many bytes, and not where the content says so
    #[arg(long)]
    fixed: bool,
    /// Leave out notes that the samples have less often
    #[arg(long, value_name = "N", default_value_t = 1)]
    min_uses: u64,
    /// Write the notes into this directory, each under its content identifier, and not into the dictionary
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
    /// Of the Merkle tree over the identifiers.
    root: String,
    contexts: Vec<String>,
    samples: usize,
    entries: usize,
    /// Different pieces, and their bytes.
    pieces: usize,
    bytes: u64,
    dictionary_bytes: u64,
}

pub fn run(args: &Args, app: &App) -> Result<()> {
    if args.blobs.is_none() && args.max_size > MAX_RESOURCE {
        let most = format_size(MAX_RESOURCE);
        return Err(Error::usage(format!(
            "a dictionary of more than {most} cannot be loaded; give --blobs DIR"
        )));
    }
    let chunking = if args.fixed { Chunking::Fixed } else { Chunking::Content };
    let size = if args.blobs.is_some() { BLOB_SIZE } else { MIN_SIZE };
    let cutting = Cutting::new(chunking, args.chunk_size.unwrap_or(size))?;
    let mut names: Vec<String> = args.contexts.iter().map(|(name, _)| name.clone()).collect();
    if let Some(twice) =
        names.iter().enumerate().find_map(|(i, name)| names[..i].contains(name).then_some(name))
    {
        return Err(Error::usage(format!("the context {twice:?} is named twice")));
    }
    if names.len() > MAX_CONTEXTS {
        return Err(Error::usage(format!("a dictionary has {MAX_CONTEXTS} contexts at most")));
    }
    if names.is_empty() {
        names.push(CONTEXT.to_string());
    }
    let samples = samples(args)?;
    let mut output = Output::open(&args.output, args.write.force)?;
    let total = samples.iter().filter_map(|paths| Some(fs::metadata(&paths[0]).ok()?.len())).sum();
    let cx = args.work.context(app, progress::bar("build-dict", Some(total), args.talk.quiet));
    let mut builder = Builder::new(cutting, names, args.work.memory_limit)?;
    for paths in &samples {
        let texts = paths.iter().map(|path| open(path)).collect::<Result<Vec<_>>>()?;
        builder.add(texts, &cx).map_err(|e| e.at(paths[0].display().to_string()))?;
    }
    let cx = args.work.context(app, Arc::new(Silent));
    let (dictionary, places) = builder.finish(args.min_uses, args.max_size);
    let head = dictionary.to_bytes(args.blobs.is_none());
    let pieces: Vec<(Piece, Place)> = dictionary.distinct().zip(places).collect();

    let mut hash = Sha256::new();
    let mut written = 0;
    {
        let mut sink = output.sink()?;
        let mut put = |bytes: &[u8]| {
            hash.update(bytes);
            written += bytes.len() as u64;
            sink.write_all(bytes)
        };
        put(&head)?;
        if let Some(dir) = &args.blobs {
            fs::create_dir_all(dir).map_err(|e| Error::from(e).at(dir.display().to_string()))?;
        }
        let mut open: Option<(&Path, File)> = None;
        for (piece, place) in &pieces {
            cx.check()?;
            let path = &samples[place.sample][place.context];
            let bytes = bytes_of(piece, path, place.range.start, &mut open)
                .map_err(|e| e.at(path.display().to_string()))?;
            match &args.blobs {
                Some(dir) => store(dir, &piece.digest, &bytes, args.write.force)?,
                None => put(&bytes)?,
            }
        }
        sink.flush()?;
    }
    output.commit()?;
    let sum = pieces.iter().map(|(piece, _)| u64::from(piece.len)).sum();
    report(args, &dictionary, samples.len(), sum, Digest(hash.finalize().into()), written)
}

fn report(
    args: &Args,
    dictionary: &Table,
    samples: usize,
    bytes: u64,
    sha256: Digest,
    written: u64,
) -> Result<()> {
    let report = Report {
        path: args.output.display().to_string(),
        sha256: sha256.to_string(),
        root: dictionary.root().to_string(),
        contexts: dictionary.contexts.clone(),
        samples,
        entries: dictionary.pieces.len() / dictionary.contexts.len(),
        pieces: dictionary.distinct().count(),
        bytes,
        dictionary_bytes: written,
    };
    if args.talk.json {
        return super::super::report_json(&report, args.output == Path::new("-"));
    }
    super::super::note(
        &format!(
            "{samples} samples -> {}: {} notes with {} bytes, Merkle root {}",
            report.path,
            table::count(report.entries as u64),
            table::count(bytes),
            report.root
        ),
        args.talk.quiet,
    );
    Ok(())
}

/// For each sample its file in every context.
fn samples(args: &Args) -> Result<Vec<Vec<PathBuf>>> {
    let Some(((_, first), others)) = args.contexts.split_first() else {
        let files =
            args.samples.iter().map(|path| if path.is_dir() { files(path) } else { Ok(vec![path.clone()]) });
        return Ok(files.collect::<Result<Vec<_>>>()?.into_iter().flatten().map(|path| vec![path]).collect());
    };
    let with_others = |path: PathBuf| {
        let name = path.file_name().map(PathBuf::from).unwrap_or_default();
        let others = others.iter().map(|(_, dir)| dir.join(&name));
        std::iter::once(path).chain(others).collect()
    };
    Ok(files(first)?.into_iter().map(with_others).collect())
}

/// The regular files directly in a directory, in order of their names.
fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let entries = entries.map_err(|e| Error::from(e).at(dir.display().to_string()))?;
    let mut files: Vec<_> = entries.into_iter().map(|e| e.path()).filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}

/// A file as it is read.
fn open(path: &Path) -> Result<Text<'static>> {
    let open = || -> Result<Text<'static>> {
        let file = File::open(path)?;
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(Error::usage("a sample is a file, or a directory of files; this is neither"));
        }
        Ok(Text { reader: Box::new(BufReader::with_capacity(1 << 16, file)), len: meta.len() })
    };
    open().map_err(|e| e.at(path.display().to_string()))
}

/// The bytes of a piece, once more from the sample: it may have changed.
fn bytes_of<'a>(
    piece: &Piece,
    path: &'a Path,
    start: u64,
    open: &mut Option<(&'a Path, File)>,
) -> Result<Vec<u8>> {
    let (_, file) = match open.take_if(|(known, _)| *known == path) {
        Some(known) => open.insert(known),
        None => open.insert((path, File::open(path)?)),
    };
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(piece.len.into()).read_to_end(&mut bytes)?;
    if cid::digest(&bytes) != piece.digest {
        return Err(Error::new(ErrorKind::Io, "the sample changed while it was read; try again"));
    }
    Ok(bytes)
}

/// Writes a blob into the store, unless it is there already.
fn store(dir: &Path, digest: &Digest, bytes: &[u8], force: bool) -> Result<()> {
    let path = dir.join(cid::text(digest));
    if fs::read(&path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let mut output = Output::open(&path, force)?;
    output.sink()?.write_all(bytes)?;
    output.commit()
}
