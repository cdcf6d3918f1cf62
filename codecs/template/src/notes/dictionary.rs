//! Dictionaries: notes that many files share, each under its content identifier, with the root of a Merkle
//! tree over the identifiers. The bytes of notes stand in the file itself or in blobs. Format:
//! docs/formats/dictionary.md.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use lab_bits::varint;
use lab_codec::{Digest, Error, ErrorKind, Hint, Resources, Result};

use super::cid;
use super::cut::{Chunking, Cutting};
use super::merkle;

/// The first bytes of a dictionary.
pub const MAGIC: [u8; 4] = *b"LABD";
const VERSION: u8 = 1;
/// Maximum size of a piece, in bytes.
pub const MAX_PIECE: u64 = 1 << 30;
/// Maximum number of contexts.
pub const MAX_CONTEXTS: usize = 64;
const MAX_NAME: usize = 64;
/// Minimum size of a stored piece: a digest and a length of one byte. Bounds the count before allocation.
const MIN_PIECE_BYTES: usize = 33;

/// An entry's content in one context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Piece {
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// Their number.
    pub len: u32,
}

/// The contents of a dictionary, without the bytes of notes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The cutting of its notes.
    pub cutting: Cutting,
    /// Names of contexts; at least one.
    pub contexts: Vec<String>,
    /// The piece of each entry in each context, entry by entry.
    pub pieces: Vec<Piece>,
}

impl Table {
    /// The pieces without repetitions, in order: those that a dictionary holds the bytes of.
    pub fn distinct(&self) -> impl Iterator<Item = Piece> + '_ {
        let mut seen = std::collections::HashSet::new();
        self.pieces.iter().copied().filter(move |piece| seen.insert(piece.digest))
    }

    /// The Merkle root over the identifiers, sorted, without repetitions.
    pub fn root(&self) -> Digest {
        let digests: BTreeSet<Digest> = self.pieces.iter().map(|piece| piece.digest).collect();
        merkle::root(digests.iter().map(cid::bytes))
    }

    /// The file up to the bytes of the [`distinct`](Self::distinct) pieces, which follow if `embedded`.
    pub fn to_bytes(&self, embedded: bool) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend([VERSION, u8::from(embedded), self.cutting.chunking() as u8]);
        varint::write(&mut out, self.cutting.size());
        varint::write(&mut out, self.contexts.len() as u64);
        for name in &self.contexts {
            out.push(name.len() as u8);
            out.extend_from_slice(name.as_bytes());
        }
        varint::write(&mut out, (self.pieces.len() / self.contexts.len()) as u64);
        for piece in &self.pieces {
            out.extend_from_slice(&piece.digest.0);
            varint::write(&mut out, piece.len.into());
        }
        out.extend_from_slice(&self.root().0);
        out
    }

    fn read(input: &mut &[u8]) -> Result<(Self, bool)> {
        if take(input, 4)? != MAGIC {
            return Err(Error::unsupported("not a dictionary of `lab template build-dict`"));
        }
        let fixed = take(input, 3)?;
        if fixed[0] != VERSION {
            return Err(Error::unsupported(format!("a dictionary of version {}, not {VERSION}", fixed[0])));
        }
        let embedded = match fixed[1] {
            flag @ 0..=1 => flag == 1,
            flag => {
                return Err(Error::corrupt(format!("flag {flag} of a dictionary; only 0 and 1 are defined")));
            }
        };
        let chunking = match fixed[2] {
            0 => Chunking::Content,
            1 => Chunking::Fixed,
            n => {
                return Err(Error::unsupported(format!(
                    "chunking method {n} of a dictionary; a newer version may read it"
                )));
            }
        };
        let cutting =
            Cutting::new(chunking, varint::read(input)?).map_err(|e| Error::corrupt(e.message()))?;
        let contexts = read_contexts(input)?;
        let entries = varint::read(input)?;
        let count = usize::try_from(entries).ok().and_then(|n| n.checked_mul(contexts.len()));
        let Some(count) = count.filter(|n| *n <= input.len() / MIN_PIECE_BYTES) else {
            return Err(Error::truncated(format!("{entries} entries in {} bytes", input.len())));
        };
        let mut pieces = Vec::with_capacity(count);
        for _ in 0..count {
            let digest = digest(input)?;
            let len = varint::read(input)?;
            if len > MAX_PIECE {
                return Err(Error::corrupt(format!("a note of {len} bytes; the maximum is {MAX_PIECE}")));
            }
            pieces.push(Piece { digest, len: len as u32 });
        }
        let table = Self { cutting, contexts, pieces };
        if digest(input)? != table.root() {
            return Err(Error::corrupt("the dictionary's Merkle root is not that of its identifiers"));
        }
        Ok((table, embedded))
    }
}

/// Whether `name` is a valid context name: 1 to 64 ASCII letters, digits, `-` and `_`.
pub fn is_context_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn read_contexts(input: &mut &[u8]) -> Result<Vec<String>> {
    let count = varint::read(input)?;
    if !(1..=MAX_CONTEXTS as u64).contains(&count) {
        return Err(Error::corrupt(format!("{count} contexts; a dictionary has 1 to {MAX_CONTEXTS}")));
    }
    let mut names = Vec::<String>::new();
    for _ in 0..count {
        let len = take(input, 1)?[0];
        let name = String::from_utf8_lossy(take(input, usize::from(len))?).into_owned();
        if !is_context_name(&name) || names.contains(&name) {
            return Err(Error::corrupt(format!("context name {name:?} is invalid or occurs twice")));
        }
        names.push(name);
    }
    Ok(names)
}

fn take<'a>(input: &mut &'a [u8], len: usize) -> Result<&'a [u8]> {
    let taken = input.split_off(..len);
    taken.ok_or_else(|| Error::truncated("the dictionary ends too early"))
}

fn digest(input: &mut &[u8]) -> Result<Digest> {
    let mut digest = [0; 32];
    digest.copy_from_slice(take(input, 32)?);
    Ok(Digest(digest))
}

/// A verified dictionary.
#[derive(Debug)]
pub struct Dictionary {
    table: Table,
    file: Arc<[u8]>,
    /// Ranges of the file that hold the bytes of pieces.
    embedded: HashMap<Digest, Range<usize>>,
    /// Source of the pieces outside the file.
    blobs: Resources,
}

impl Dictionary {
    /// Reads and verifies a dictionary; pieces outside the file are read from `blobs` on use.
    ///
    /// # Errors
    /// A corrupt or truncated file; bytes that do not match their identifier.
    pub fn read(file: Arc<[u8]>, blobs: Resources) -> Result<Self> {
        let mut rest = &file[..];
        let (table, is_embedded) = Table::read(&mut rest)?;
        let mut lens = HashMap::new();
        for piece in &table.pieces {
            if *lens.entry(piece.digest).or_insert(piece.len) != piece.len {
                return Err(Error::corrupt(format!(
                    "two different lengths for {}",
                    cid::text(&piece.digest)
                )));
            }
        }
        let mut embedded = HashMap::new();
        if is_embedded {
            for piece in table.distinct() {
                let start = file.len() - rest.len();
                verify(&piece, take(&mut rest, piece.len as usize)?)?;
                embedded.insert(piece.digest, start..start + piece.len as usize);
            }
        }
        if !rest.is_empty() {
            return Err(Error::corrupt(format!("{} bytes follow the end of the dictionary", rest.len())));
        }
        Ok(Self { table, file, embedded, blobs })
    }

    /// The contents without bytes.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The number of entries.
    pub fn entries(&self) -> usize {
        self.table.pieces.len() / self.table.contexts.len()
    }

    /// The number of a context, by name.
    ///
    /// # Errors
    /// [`Param`](ErrorKind::Param), listing the valid names.
    pub fn context(&self, name: &str) -> Result<usize> {
        self.table.contexts.iter().position(|known| known == name).ok_or_else(|| {
            Error::param(format!(
                "the dictionary has no context {name:?}; it has {}",
                self.table.contexts.join(", ")
            ))
        })
    }

    /// The piece of `entry` in `context`; both must exist.
    pub fn piece(&self, entry: usize, context: usize) -> Piece {
        self.table.pieces[entry * self.table.contexts.len() + context]
    }

    /// Passes the bytes of a piece to `read`.
    ///
    /// # Errors
    /// [`MissingResource`](ErrorKind::MissingResource), naming the identifier; a blob of another length.
    pub fn with_bytes<T>(&self, piece: &Piece, read: impl FnOnce(&[u8]) -> T) -> Result<T> {
        if let Some(place) = self.embedded.get(&piece.digest) {
            return Ok(read(&self.file[place.clone()]));
        }
        let blob = self.blobs.get(&piece.digest).map_err(|e| match e.kind() {
            ErrorKind::MissingResource => {
                let text = format!("blob {} of the dictionary is missing", cid::text(&piece.digest));
                Error::new(ErrorKind::MissingResource, text).with_hint(Hint::FindResource)
            }
            _ => e,
        })?;
        if blob.len() != piece.len as usize {
            return Err(Error::corrupt(format!(
                "blob {} has {} bytes; the dictionary says {}",
                cid::text(&piece.digest),
                blob.len(),
                piece.len
            )));
        }
        Ok(read(&blob))
    }
}

/// Checks bytes against the digest of their piece.
fn verify(piece: &Piece, bytes: &[u8]) -> Result<()> {
    if cid::digest(bytes) != piece.digest {
        return Err(Error::corrupt(format!(
            "the bytes of {} do not match their digest",
            cid::text(&piece.digest)
        )));
    }
    Ok(())
}
