//! Dictionaries from files: finds samples, counts their notes, and reads the chosen pieces again.

use std::fs::{self, File};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use lab_codec::{Context, Error, ErrorKind, Result};

use super::build::{Builder, Place, Text};
use super::cid;
use super::dictionary::{MAX_CONTEXTS, Piece, Table};

/// The context of a dictionary that is made without naming any.
const CONTEXT: &str = "DEFAULT";

/// Files: for each sample one in every context.
#[derive(Debug)]
pub struct Samples(Vec<Vec<PathBuf>>);

/// A dictionary's table, and where in the samples the bytes of its pieces are.
#[derive(Debug)]
pub struct Made<'a> {
    samples: &'a Samples,
    /// The table.
    pub table: Table,
    /// Its distinct pieces.
    pieces: Vec<(Piece, Place)>,
}

/// The names of a dictionary's contexts, `DEFAULT` where none is given.
///
/// # Errors
/// [`Usage`](ErrorKind::Usage) for a name that is given twice, and for too many.
pub fn context_names<'a>(given: impl Iterator<Item = &'a str>) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for name in given {
        if names.iter().any(|known| known == name) {
            return Err(Error::usage(format!("the context {name:?} is named twice")));
        }
        names.push(name.to_string());
    }
    if names.len() > MAX_CONTEXTS {
        return Err(Error::usage(format!("a dictionary has {MAX_CONTEXTS} contexts at most")));
    }
    if names.is_empty() {
        names.push(CONTEXT.to_string());
    }
    Ok(names)
}

impl Samples {
    /// Samples in one context: files, and the files directly in directories.
    ///
    /// # Errors
    /// I/O errors.
    pub fn plain(paths: &[PathBuf]) -> Result<Self> {
        let mut samples = Vec::new();
        for path in paths {
            let found = if path.is_dir() { files(path)? } else { vec![path.clone()] };
            samples.extend(found.into_iter().map(|path| vec![path]));
        }
        Ok(Self(samples))
    }

    /// Samples in a context for each directory: those of the first, with the files of the same name in the
    /// others.
    ///
    /// # Errors
    /// I/O errors.
    pub fn in_contexts(first: &Path, others: &[&Path]) -> Result<Self> {
        let with_others = |path: PathBuf| {
            let name = path.file_name().map(PathBuf::from).unwrap_or_default();
            let others = others.iter().map(|dir| dir.join(&name));
            std::iter::once(path).chain(others).collect()
        };
        Ok(Self(files(first)?.into_iter().map(with_others).collect()))
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes in the first context.
    pub fn bytes(&self) -> u64 {
        self.0.iter().filter_map(|paths| Some(fs::metadata(&paths[0]).ok()?.len())).sum()
    }

    /// Counts the notes of all samples, and chooses those of the dictionary as [`Builder::finish`]. The
    /// observer hears of the first context's bytes.
    ///
    /// # Errors
    /// Those of [`Builder::add`], with the path.
    pub fn build(
        &self,
        mut builder: Builder,
        min_uses: u64,
        max_size: u64,
        cx: &Context,
    ) -> Result<Made<'_>> {
        for paths in &self.0 {
            let texts = paths.iter().map(|path| open(path)).collect::<Result<Vec<_>>>()?;
            builder.add(texts, cx).map_err(|e| e.at(paths[0].display().to_string()))?;
        }
        let (table, places) = builder.finish(min_uses, max_size);
        let pieces = table.distinct().zip(places).collect();
        Ok(Made { samples: self, table, pieces })
    }
}

impl Made<'_> {
    /// Number of distinct pieces.
    pub fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// Bytes of the distinct pieces.
    pub fn bytes(&self) -> u64 {
        self.pieces.iter().map(|(piece, _)| u64::from(piece.len)).sum()
    }

    /// Reads the distinct pieces from the samples, in the table's order.
    ///
    /// # Errors
    /// I/O errors, also where a sample has changed; those of `visit`.
    pub fn read(&self, mut visit: impl FnMut(&Piece, &[u8]) -> Result<()>, cx: &Context) -> Result<()> {
        let mut open: Option<(&Path, File)> = None;
        for (piece, place) in &self.pieces {
            cx.check()?;
            let path = &self.samples.0[place.sample][place.context];
            let bytes = bytes_of(piece, path, place.range.start, &mut open)
                .map_err(|e| e.at(path.display().to_string()))?;
            visit(piece, &bytes)?;
        }
        Ok(())
    }
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
