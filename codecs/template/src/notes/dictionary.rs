//! Dictionaries: notes that many files share, each under its content identifier, with the root of a Merkle tree over
//! these. The notes stand in the file itself or elsewhere, as blobs. The format is docs/formats/dictionary.md.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use lab_bits::varint;
use lab_codec::{Digest, Error, ErrorKind, Resources, Result};

use super::cid;
use super::cut::{Chunking, Cutting};
use super::merkle;

/// The first bytes of a dictionary.
pub const MAGIC: [u8; 4] = *b"LABD";
const VERSION: u8 = 1;
/// The longest piece, in bytes.
pub const MAX_PIECE: u64 = 1 << 30;
/// The most contexts.
pub const MAX_CONTEXTS: usize = 64;
const MAX_NAME: usize = 64;
/// A digest and a length of one byte.
const MIN_PIECE_BYTES: usize = 33;

/// What an entry stands for in one context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Piece {
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// Their number.
    pub len: u32,
}

/// What a dictionary has, without the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// How its notes were cut.
    pub cutting: Cutting,
    /// The names of its contexts; at least one.
    pub contexts: Vec<String>,
    /// For each entry its piece in each context.
    pub pieces: Vec<Piece>,
}

impl Table {
    /// The pieces without repetitions, in order: those that a dictionary holds the bytes of.
    pub fn distinct(&self) -> impl Iterator<Item = Piece> + '_ {
        let mut seen = std::collections::HashSet::new();
        self.pieces.iter().copied().filter(move |piece| seen.insert(piece.digest))
    }

    /// The root of the tree over the identifiers, sorted and without repetitions.
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
            flag => return Err(Error::corrupt(format!("the flag {flag} of a dictionary"))),
        };
        let chunking = match fixed[2] {
            0 => Chunking::Content,
            1 => Chunking::Fixed,
            n => return Err(Error::unsupported(format!("the way {n} to cut notes"))),
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
                return Err(Error::corrupt(format!("a note of {len} bytes")));
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

/// Whether a context may have this name: up to 64 letters, digits, `-` and `_`, of ASCII.
pub fn is_context_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn read_contexts(input: &mut &[u8]) -> Result<Vec<String>> {
    let count = varint::read(input)?;
    if !(1..=MAX_CONTEXTS as u64).contains(&count) {
        return Err(Error::corrupt(format!("{count} contexts")));
    }
    let mut names = Vec::<String>::new();
    for _ in 0..count {
        let len = take(input, 1)?[0];
        let name = String::from_utf8_lossy(take(input, usize::from(len))?).into_owned();
        if !is_context_name(&name) || names.contains(&name) {
            return Err(Error::corrupt(format!("a context called {name:?}, or two of that name")));
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

/// A dictionary, all of it verified.
#[derive(Debug)]
pub struct Dictionary {
    table: Table,
    file: Arc<[u8]>,
    /// Where in the file the bytes of pieces stand.
    embedded: HashMap<Digest, Range<usize>>,
    /// Where the bytes are that the file does not have.
    blobs: Resources,
}

impl Dictionary {
    /// Reads a dictionary; what it does not hold itself is asked of `blobs` when it is used.
    ///
    /// # Errors
    /// Whatever is wrong with the file; bytes that are not those of their identifier.
    pub fn read(file: Arc<[u8]>, blobs: Resources) -> Result<Self> {
        let mut rest = &file[..];
        let (table, is_embedded) = Table::read(&mut rest)?;
        let mut lens = HashMap::new();
        for piece in &table.pieces {
            if *lens.entry(piece.digest).or_insert(piece.len) != piece.len {
                return Err(Error::corrupt(format!("two lengths for {}", cid::text(&piece.digest))));
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
            return Err(Error::corrupt(format!("{} bytes behind the end of the dictionary", rest.len())));
        }
        Ok(Self { table, file, embedded, blobs })
    }

    /// What it has.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The number of entries.
    pub fn entries(&self) -> usize {
        self.table.pieces.len() / self.table.contexts.len()
    }

    /// The number of a context.
    ///
    /// # Errors
    /// [`Param`](ErrorKind::Param), with the names that there are.
    pub fn context(&self, name: &str) -> Result<usize> {
        self.table.contexts.iter().position(|known| known == name).ok_or_else(|| {
            Error::param(format!(
                "the dictionary has no context {name:?}; it has {}",
                self.table.contexts.join(", ")
            ))
        })
    }

    /// What `entry` stands for in `context`; both are below what there is.
    pub fn piece(&self, entry: usize, context: usize) -> Piece {
        self.table.pieces[entry * self.table.contexts.len() + context]
    }

    /// Shows the bytes of a piece to `read`.
    ///
    /// # Errors
    /// [`MissingResource`](ErrorKind::MissingResource), naming the identifier; a blob of another length.
    pub fn with_bytes<T>(&self, piece: &Piece, read: impl FnOnce(&[u8]) -> T) -> Result<T> {
        if let Some(place) = self.embedded.get(&piece.digest) {
            return Ok(read(&self.file[place.clone()]));
        }
        let blob = self.blobs.get(&piece.digest).map_err(|e| match e.kind() {
            ErrorKind::MissingResource => Error::new(
                ErrorKind::MissingResource,
                format!(
                    "blob {} of the dictionary is missing; give its directory with --resource DIR",
                    cid::text(&piece.digest)
                ),
            ),
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

/// Whether these are the bytes of a piece.
fn verify(piece: &Piece, bytes: &[u8]) -> Result<()> {
    if cid::digest(bytes) != piece.digest {
        return Err(Error::corrupt(format!("the bytes of {} are others", cid::text(&piece.digest))));
    }
    Ok(())
}
