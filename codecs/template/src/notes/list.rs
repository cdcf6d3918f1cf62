//! The entries of a dictionary, with the numbers by which maps name them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use lab_codec::text::readable;
use lab_codec::{ErrorKind, Result};
use serde::Serialize;

use super::cid;
use super::dictionary::{Dictionary, MAGIC};

/// Bytes of an entry that are shown.
const SHOWN: usize = 40;

/// A dictionary's entries.
#[derive(Debug, Serialize)]
pub struct List {
    /// The root of the Merkle tree over the identifiers.
    pub root: String,
    /// Bytes of a note, on average.
    pub chunk_size: u64,
    /// The names of the contexts.
    pub contexts: Vec<String>,
    /// Number of entries.
    pub entries: usize,
    /// The first of them.
    pub list: Vec<Entry>,
}

/// An entry.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// Its number.
    pub entry: usize,
    /// Its piece in each context.
    pub pieces: Vec<Piece>,
}

/// What an entry stands for in a context.
#[derive(Debug, Serialize)]
pub struct Piece {
    /// The context's name.
    pub context: String,
    /// Number of bytes.
    pub bytes: u32,
    /// Content identifier.
    pub cid: String,
    /// Its beginning, escaped; `None` for a blob that is missing here.
    pub text: Option<String>,
}

impl List {
    /// Lists at most `most` entries.
    ///
    /// # Errors
    /// Damaged blobs.
    pub fn of(dictionary: &Dictionary, most: usize) -> Result<Self> {
        let table = dictionary.table();
        let piece = |entry, context: usize| -> Result<Piece> {
            let piece = dictionary.piece(entry, context);
            let begin = |bytes: &[u8]| readable(&bytes[..bytes.len().min(SHOWN)]);
            let text = match dictionary.with_bytes(&piece, begin) {
                Err(e) if e.kind() == ErrorKind::MissingResource => None,
                text => Some(text?),
            };
            let context = table.contexts[context].clone();
            Ok(Piece { context, bytes: piece.len, cid: cid::text(&piece.digest), text })
        };
        let entry = |entry| -> Result<Entry> {
            let pieces = (0..table.contexts.len()).map(|context| piece(entry, context));
            Ok(Entry { entry, pieces: pieces.collect::<Result<_>>()? })
        };
        let entries = dictionary.entries();
        Ok(Self {
            root: table.root().to_string(),
            chunk_size: table.cutting.size(),
            contexts: table.contexts.clone(),
            entries,
            list: (0..entries.min(most)).map(entry).collect::<Result<_>>()?,
        })
    }
}

/// Whether a file begins like a dictionary.
pub fn is_dictionary(path: &Path) -> bool {
    let mut head = [0; MAGIC.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == MAGIC
}
