//! Dictionaries from samples: which notes are worth an entry.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use lab_codec::{Context, Digest, Error, Result};

use super::cid;
use super::cut::Cutting;
use super::dictionary::{MAX_PIECE, Piece, Table};

/// Where the bytes of a piece were seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The number of the sample, from 0 on.
    pub sample: usize,
    /// The number of the context.
    pub context: usize,
    /// The bytes of the sample's text in that context.
    pub range: Range<u64>,
}

/// A note that was seen.
#[derive(Debug)]
struct Candidate {
    pieces: Box<[Piece]>,
    uses: u64,
    sample: usize,
    /// Where it stands in the text of each context.
    places: Box<[Range<u64>]>,
}

/// What is known of the samples so far; it grows with the number of different notes, not with their bytes.
#[derive(Debug)]
pub struct Builder {
    cutting: Cutting,
    contexts: Vec<String>,
    candidates: Vec<Candidate>,
    index: HashMap<Box<[Piece]>, usize>,
    samples: usize,
}

impl Builder {
    /// Of no samples yet, in the named contexts.
    pub fn new(cutting: Cutting, contexts: Vec<String>) -> Self {
        Self { cutting, contexts, candidates: Vec::new(), index: HashMap::new(), samples: 0 }
    }

    /// Adds a sample: its text in each context. The first one is cut; the bytes `a..b` of its `n` correspond to
    /// `a * m / n..b * m / n` (rounded down) of the `m` bytes in another context.
    ///
    /// # Errors
    /// [`Limit`](lab_codec::ErrorKind::Limit) where that makes a piece too long; cancellation.
    pub fn add(&mut self, texts: &[Vec<u8>], cx: &Context) -> Result<()> {
        let first = &texts[0];
        let scale = |at: usize, text: &[u8]| (at as u128 * text.len() as u128 / first.len() as u128) as usize;
        for note in self.cutting.cut(first) {
            cx.check()?;
            let places: Box<[Range<u64>]> = texts
                .iter()
                .map(|text| scale(note.start, text) as u64..scale(note.end, text) as u64)
                .collect();
            let mut pieces = Vec::with_capacity(texts.len());
            for (text, place) in texts.iter().zip(&places) {
                if place.end - place.start > MAX_PIECE {
                    return Err(Error::limit(format!("a piece has {MAX_PIECE} bytes at most")));
                }
                let bytes = &text[place.start as usize..place.end as usize];
                pieces.push(Piece { digest: cid::digest(bytes), len: bytes.len() as u32 });
            }
            let pieces = pieces.into_boxed_slice();
            if let Some(&known) = self.index.get(&pieces) {
                self.candidates[known].uses += 1;
            } else {
                self.index.insert(pieces.clone(), self.candidates.len());
                self.candidates.push(Candidate { pieces, uses: 1, sample: self.samples, places });
            }
        }
        self.samples += 1;
        Ok(())
    }

    /// The number of different notes.
    pub fn notes(&self) -> usize {
        self.candidates.len()
    }

    /// The dictionary of notes that were seen `min_uses` times or more, of at most `max_size` bytes with identifiers:
    /// those seen most, of equals the first. Entries are in the order in which the samples have them; with the table
    /// comes where each of its [`distinct`](Table::distinct) pieces was seen.
    pub fn finish(self, min_uses: u64, max_size: u64) -> (Table, Vec<Place>) {
        let mut ranked: Vec<usize> =
            (0..self.candidates.len()).filter(|&i| self.candidates[i].uses >= min_uses).collect();
        ranked.sort_by_key(|&i| (Reverse(self.candidates[i].uses), i));
        let mut stored: HashSet<Digest> = HashSet::new();
        let mut left = max_size;
        ranked.retain(|&i| {
            let pieces = &self.candidates[i].pieces;
            let bytes = pieces.iter().filter(|piece| !stored.contains(&piece.digest));
            let size: u64 = bytes.map(|p| u64::from(p.len)).sum::<u64>() + 36 * pieces.len() as u64;
            let fits = size <= left;
            if fits {
                left -= size;
                stored.extend(pieces.iter().map(|piece| piece.digest));
            }
            fits
        });
        ranked.sort_unstable();
        let mut table = Table { cutting: self.cutting, contexts: self.contexts, pieces: Vec::new() };
        let mut placed = HashSet::new();
        let mut places = Vec::new();
        for i in ranked {
            let candidate = &self.candidates[i];
            for (context, (piece, range)) in candidate.pieces.iter().zip(&candidate.places).enumerate() {
                table.pieces.push(*piece);
                if placed.insert(piece.digest) {
                    places.push(Place { sample: candidate.sample, context, range: range.clone() });
                }
            }
        }
        (table, places)
    }
}
