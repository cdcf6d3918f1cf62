//! Builds dictionaries from samples: chooses the notes that deserve an entry.
//!
//! Samples are read as streams, and only identifiers of notes are kept. When these exceed the memory, the
//! half with the fewest uses is dropped, as often as needed (lossy counting: Manku & Motwani, "Approximate
//! frequency counts over data streams", VLDB 2002). Notes that most samples share survive, and counts are
//! lower bounds.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::ops::Range;

use lab_codec::{Context, Digest, Error, ErrorKind, Hint, Result};
use sha2::{Digest as _, Sha256};

use super::cid;
use super::cut::Cutting;
use super::dictionary::{MAX_PIECE, Piece, Table};

/// Minimum number of different notes that must fit in memory.
const LEAST: u64 = 1024;

/// A sample's text in one context.
pub struct Text<'a> {
    /// Its bytes.
    pub reader: Box<dyn Read + 'a>,
    /// Their number.
    pub len: u64,
}

impl<'a> From<&'a [u8]> for Text<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self { reader: Box::new(bytes), len: bytes.len() as u64 }
    }
}

/// The first occurrence of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The number of the sample, from 0.
    pub sample: usize,
    /// The number of the context.
    pub context: usize,
    /// The range in the sample's text in that context.
    pub range: Range<u64>,
}

/// Uses of a note, and its first occurrence.
#[derive(Debug)]
struct Seen {
    uses: u64,
    /// The number of notes read before it.
    order: u64,
    sample: usize,
    /// Offsets in the text of each context.
    starts: Box<[u64]>,
}

/// Counts of notes in the samples so far. Memory grows with the number of different notes, not with their
/// bytes, up to a limit.
#[derive(Debug)]
pub struct Builder {
    cutting: Cutting,
    contexts: Vec<String>,
    /// The notes, as their pieces in all contexts.
    notes: HashMap<Box<[Piece]>, Seen>,
    /// Maximum number of notes that are kept.
    most: usize,
    samples: usize,
    order: u64,
}

impl Builder {
    /// An empty count for the named contexts, in about `memory` bytes.
    ///
    /// # Errors
    /// [`Limit`](ErrorKind::Limit) where `memory` is too small.
    pub fn new(cutting: Cutting, contexts: Vec<String>, memory: u64) -> Result<Self> {
        // An entry of the hash table, which holds three times as many while it grows; two allocations with
        // their overhead; the keys of the sort by uses.
        let entry = size_of::<(Box<[Piece]>, Seen)>() + 1;
        let each = 3 * entry + contexts.len() * (size_of::<Piece>() + size_of::<u64>()) + 64;
        let most = memory / each as u64;
        if most < LEAST {
            let least = LEAST * each as u64;
            let text =
                format!("{memory} bytes of memory are not enough to count notes; it takes {least} at least");
            return Err(Error::limit(text).with_hint(Hint::RaiseMemoryLimit));
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Ok(Self { cutting, contexts, notes: HashMap::new(), most, samples: 0, order: 0 })
    }

    /// Adds a sample: its text in each context. The first text is cut; bytes `a..b` of its `n` correspond to
    /// `a * m / n..b * m / n` (rounded down) of the `m` bytes in another context. Reports the first text's
    /// bytes as progress.
    ///
    /// # Errors
    /// Those of the readers; a text whose length differs from its declaration; [`Limit`](ErrorKind::Limit)
    /// where a piece is too long; cancellation.
    pub fn add(&mut self, texts: Vec<Text>, cx: &Context) -> Result<()> {
        let mut texts = texts.into_iter();
        let first = texts.next().ok_or_else(|| Error::usage("a sample needs a text in each context"))?;
        let mut others: Vec<Text> = texts.collect();
        let mut at = 0;
        for note in self.cutting.stream(first.reader) {
            cx.check()?;
            let note = note?;
            let end = at + note.len() as u64;
            let mut starts = vec![at];
            let mut pieces = vec![Piece { digest: cid::digest(&note), len: note.len() as u32 }];
            if end > first.len {
                return Err(changed());
            }
            for other in &mut others {
                let scale = |at: u64| (u128::from(at) * u128::from(other.len) / u128::from(first.len)) as u64;
                let (from, to) = (scale(at), scale(end));
                starts.push(from);
                pieces.push(piece(&mut other.reader, to - from)?);
            }
            self.see(pieces.into(), starts.into());
            cx.observer().advance(end - at);
            at = end;
        }
        self.samples += 1;
        if at == first.len { Ok(()) } else { Err(changed()) }
    }

    fn see(&mut self, pieces: Box<[Piece]>, starts: Box<[u64]>) {
        self.order += 1;
        if let Some(seen) = self.notes.get_mut(&pieces) {
            seen.uses += 1;
            return;
        }
        if self.notes.len() >= self.most {
            self.forget();
        }
        self.notes.insert(pieces, Seen { uses: 1, order: self.order, sample: self.samples, starts });
    }

    /// Drops the less used half; among equal counts, earlier notes stay.
    fn forget(&mut self) {
        let rank = |seen: &Seen| (Reverse(seen.uses), seen.order);
        let mut ranks: Vec<_> = self.notes.values().map(rank).collect();
        let half = ranks.len() / 2;
        let (_, &mut middle, _) = ranks.select_nth_unstable(half);
        self.notes.retain(|_, seen| rank(seen) < middle);
    }

    /// The number of different notes kept.
    pub fn notes(&self) -> usize {
        self.notes.len()
    }

    /// The dictionary of notes with at least `min_uses` uses, of at most `max_size` bytes including
    /// identifiers: the most used first, earlier ones first among equals. Entries keep the order of the
    /// samples, which lets passages code as runs. The places are the first occurrences of its
    /// [`distinct`](Table::distinct) pieces.
    pub fn finish(self, min_uses: u64, max_size: u64) -> (Table, Vec<Place>) {
        let mut ranked: Vec<_> = self.notes.into_iter().filter(|(_, seen)| seen.uses >= min_uses).collect();
        ranked.sort_unstable_by_key(|(_, seen)| (Reverse(seen.uses), seen.order));
        let mut stored: HashSet<Digest> = HashSet::new();
        let mut left = max_size;
        ranked.retain(|(pieces, _)| {
            let bytes = pieces.iter().filter(|piece| !stored.contains(&piece.digest));
            // An identifier takes 32 bytes, its length up to 4 more. Bytes shared with a stored piece are
            // free.
            let size: u64 = bytes.map(|p| u64::from(p.len)).sum::<u64>() + 36 * pieces.len() as u64;
            let fits = size <= left;
            if fits {
                left -= size;
                stored.extend(pieces.iter().map(|piece| piece.digest));
            }
            fits
        });
        ranked.sort_unstable_by_key(|(_, seen)| seen.order);
        let mut table = Table { cutting: self.cutting, contexts: self.contexts, pieces: Vec::new() };
        let mut placed = HashSet::new();
        let mut places = Vec::new();
        for (pieces, seen) in ranked {
            for (context, (piece, &start)) in pieces.iter().zip(&seen.starts).enumerate() {
                table.pieces.push(*piece);
                if placed.insert(piece.digest) {
                    let range = start..start + u64::from(piece.len);
                    places.push(Place { sample: seen.sample, context, range });
                }
            }
        }
        (table, places)
    }
}

/// Reads the next `len` bytes as a piece.
fn piece(reader: &mut dyn Read, len: u64) -> Result<Piece> {
    if len > MAX_PIECE {
        return Err(Error::limit(format!("a piece of {len} bytes; the maximum is {MAX_PIECE}")));
    }
    let mut hash = Sha256::new();
    let mut buffer = [0; 1 << 14];
    let mut left = len as usize;
    while left > 0 {
        let part = left.min(buffer.len());
        reader.read_exact(&mut buffer[..part]).map_err(|e| match e.kind() {
            std::io::ErrorKind::UnexpectedEof => changed(),
            _ => e.into(),
        })?;
        hash.update(&buffer[..part]);
        left -= part;
    }
    Ok(Piece { digest: Digest(hash.finalize().into()), len: len as u32 })
}

fn changed() -> Error {
    Error::new(ErrorKind::Io, "the sample changed while it was read; try again")
}

#[cfg(test)]
mod tests {
    use super::super::cut::Chunking;
    use super::*;

    fn build(samples: &[Vec<u8>], memory: u64) -> Table {
        let cutting = Cutting::new(Chunking::Fixed, 256).unwrap();
        let mut builder = Builder::new(cutting, vec!["ONE".into()], memory).unwrap();
        for sample in samples {
            builder.add(vec![sample.as_slice().into()], &Context::default()).unwrap();
        }
        builder.finish(1, 100 * (256 + 36)).0
    }

    #[test]
    fn what_most_samples_have_survives_little_memory() {
        let note = |number: u32| {
            let digest = cid::digest(&number.to_le_bytes()).0;
            digest.repeat(8)
        };
        // Fifty notes are in every sample; a hundred times as many are in one sample only.
        let common: Vec<u8> = (0..50).flat_map(note).collect();
        let samples: Vec<Vec<u8>> = (0..20)
            .map(|i| [common.clone(), (0..250).flat_map(|n| note(1000 + i * 250 + n)).collect()].concat())
            .collect();
        let (all, some) = (build(&samples, 1 << 30), build(&samples, 500_000));
        assert_eq!(all.pieces.len(), 100);
        assert_eq!(all.pieces[..50], some.pieces[..50]);
        assert!(Builder::new(all.cutting, vec!["ONE".into()], 100_000).is_err());
    }

    #[test]
    fn texts_have_the_length_that_is_said() {
        let cutting = Cutting::new(Chunking::Content, 256).unwrap();
        for (len, other) in [(9_999, 5000), (10_001, 5000), (10_000, 5001)] {
            let mut builder = Builder::new(cutting, vec!["A".into(), "B".into()], 1 << 20).unwrap();
            let texts = [(vec![1; 10_000], len), (vec![2; 5000], other)];
            let texts = texts.iter().map(|(text, len)| Text { reader: Box::new(&text[..]), len: *len });
            assert_eq!(builder.add(texts.collect(), &Context::default()).unwrap_err().kind(), ErrorKind::Io);
        }
    }
}
