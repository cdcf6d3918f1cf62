//! Guessing whole pixels, for screens and drawings, where most pixels repeat an earlier one exactly.
//!
//! Up to five candidates come from hash tables (the pixel that last followed the same neighbours), from the
//! picture before, and from left and top. For each distinct candidate one binary decision says whether it is
//! right; where all fail, the samples are coded by prediction. The decision's probability is mixed from eight
//! contexts, which see how the candidates relate to the neighbours and which candidates were right nearby.

use lab_entropy::logistic::{squash, stretch};
use lab_entropy::mix::{Mixer, ONE};
use lab_entropy::range::{Bit, BitCoder};
use lab_media::Neighbours;

/// A pixel: up to four samples of 16 bits.
pub(super) type Pixel = u64;

/// Contexts that predict each decision.
const INPUTS: usize = 8;
/// Probabilities of each context. A context value times [`GUESSES`] plus the candidate's number may exceed it
/// and wraps around; such collisions cost bits, not correctness.
const CELLS: usize = 1 << 16;
/// Entries of a hash table, as a power of two.
const TABLE_BITS: u32 = 18;
/// The most candidates for a pixel.
pub(super) const GUESSES: usize = 5;

/// An entry of a hash table: the pixel that followed a context the last time, and how reliably it does.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    pixel: Pixel,
    /// Sixteen bits of the hash, so that another context is not taken for this one.
    check: u16,
    /// Grows by one at each repetition and falls to a quarter at each exception; 0 marks an empty entry.
    confidence: u8,
}

/// The neighbours of a pixel, in the picture and in the one before.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Around {
    pub near: Neighbours<Pixel>,
    /// In the picture before: the same position, and from there right, below, left, top. Zeros without that
    /// picture.
    pub before: [Pixel; 5],
}

/// Guesses pixels and codes whether that was right.
pub(super) struct Guesses {
    inter: bool,
    /// By a hash of left, top, topright and the same pixel of the picture before.
    short: Vec<Entry>,
    /// By a hash of all six neighbours and three pixels of the picture before: rarer, but more specific.
    long: Vec<Entry>,
    tables: [Vec<Bit>; INPUTS],
    mixer: Mixer<INPUTS>,
    /// Number of the right candidate for each column: of this row up to the pixel before, of the row above
    /// from the current pixel on. [`GUESSES`] stands for none.
    hits: Vec<u8>,
    topleft_hit: u8,
    /// Of the pixel coded last, which is at left except in the first column.
    left_hit: u8,
    /// The hashes of the short and the long context, kept for [`learn`](Self::learn).
    hashes: [u64; 2],
}

/// A multiplicative hash with a rotation, so that every value reaches the top bits, which choose the table
/// entry.
fn hash(values: &[u64]) -> u64 {
    let mixed = values
        .iter()
        .fold(0_u64, |hash, value| (hash ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29));
    mixed.wrapping_mul(0xD6E8_FEB8_6659_FD93)
}

impl Guesses {
    /// New models for pictures of this width.
    pub(super) fn new(width: usize, inter: bool) -> Self {
        Self {
            inter,
            short: vec![Entry::default(); 1 << TABLE_BITS],
            long: vec![Entry::default(); 1 << TABLE_BITS],
            tables: std::array::from_fn(|_| vec![Bit::default(); CELLS]),
            // With a quarter each, eight inputs predict with twice their mean at first.
            mixer: Mixer::new(GUESSES * 1024, ONE / 4),
            hits: vec![0; width + 2],
            topleft_hit: 0,
            left_hit: 0,
            hashes: [0; 2],
        }
    }

    /// Encodes which candidate equals `pixel`, or ignores `pixel` and decodes that. Returns the pixel if one
    /// does.
    pub(super) fn code(
        &mut self,
        coder: &mut impl BitCoder,
        pixel: Pixel,
        x: usize,
        around: &Around,
    ) -> Option<Pixel> {
        let (a, before) = (&around.near, &around.before);
        let short_hash = hash(&[a.left, a.top, a.topright, before[0]]);
        let long_hash = hash(&[
            a.left, a.top, a.topleft, a.topright, a.leftleft, a.toptop, before[0], before[1], before[2],
        ]);
        self.hashes = [short_hash, long_hash];
        let place = |hash: u64| (hash >> (64 - TABLE_BITS)) as usize;
        let (short_at, long_at) = (place(short_hash), place(long_hash));
        let known =
            |entry: Entry, hash: u64| (entry.confidence > 0 && entry.check == hash as u16).then_some(entry);
        let short = known(self.short[short_at], short_hash);
        let long = known(self.long[long_at], long_hash);
        // The most specific candidate first: each wrong one costs a decision before the next is asked.
        let candidates = [
            long.map(|entry| entry.pixel),
            short.map(|entry| entry.pixel),
            self.inter.then_some(before[0]),
            Some(a.left),
            Some(a.top),
        ];
        let [top_hit, topright_hit] = [self.hits[x], self.hits[(x + 1).min(self.hits.len() - 1)]];
        let equal = |p: Option<Pixel>, q: Pixel| usize::from(p == Some(q));
        // Which candidates exist, and which neighbours are equal: a flat area, an edge or a texture, one bit
        // each.
        let relation = usize::from(long.is_none())
            | usize::from(short.is_none()) << 1
            | equal(candidates[0], a.left) << 2
            | equal(candidates[1], a.left) << 3
            | usize::from(self.inter && before[0] == a.left) << 4
            | usize::from(a.left == a.top) << 5
            | usize::from(a.top == a.topleft) << 6
            | usize::from(a.top == a.topright) << 7
            | usize::from(a.left == a.topleft) << 8
            | equal(candidates[0], candidates[1].unwrap_or(1)) << 9;
        // The same for the picture before: whether it is flat here, and whether it agreed with this one at
        // left and top.
        let inter_relation = usize::from(before[0] == before[3])
            | usize::from(before[0] == before[4]) << 1
            | usize::from(before[3] == a.left) << 2
            | usize::from(before[4] == a.top) << 3
            | usize::from(before[0] == before[1]) << 4
            | usize::from(before[0] == before[2]) << 5;
        // Which candidates were right at left, top, topright and topleft, three bits each: 0 to 5.
        let history = usize::from(self.left_hit)
            | usize::from(top_hit) << 3
            | usize::from(topright_hit) << 6
            | usize::from(self.topleft_hit) << 9;
        let confidence = usize::from(long.map_or(0, |entry| entry.confidence.min(15)))
            | usize::from(short.map_or(0, |entry| entry.confidence.min(15))) << 4;
        let mut hit = None;
        for number in 0..GUESSES {
            // A candidate that an earlier one equals has been ruled out already.
            let Some(guess) = candidates[number] else { continue };
            if candidates[..number].contains(&Some(guess)) {
                continue;
            }
            // Equality, hits and confidence in several combinations; two contexts see the colours themselves,
            // hashed.
            let contexts = [
                relation,
                history,
                confidence | (relation & 3) << 8,
                (relation & 0x3FC) << 3 | usize::from(self.left_hit) | (confidence & 3) << 13,
                inter_relation | usize::from(self.left_hit) << 6 | usize::from(top_hit) << 9,
                (hash(&[guess, a.left]) >> 53) as usize | 1 << 12,
                (hash(&[guess, before[0]]) >> 53) as usize,
                inter_relation | (relation & 0x1F0) << 3,
            ];
            let places = contexts.map(|context| (context * GUESSES + number) % CELLS);
            let mut inputs = [0; INPUTS];
            for ((input, table), place) in inputs.iter_mut().zip(&self.tables).zip(places) {
                *input = stretch(table[place].one() as u16);
            }
            // Weights by the hits at left and top and by the long context's confidence: which inputs to trust
            // depends on whether that context knows the place.
            let set = (history & 63) | (confidence & 3) << 6 | usize::from(confidence & 15 > 3) << 8;
            let one = squash(self.mixer.mix(&inputs, number * 1024 + set));
            let right = coder.code(pixel == guess, one.into());
            self.mixer.update(&inputs, right, 6, 20);
            for (table, place) in self.tables.iter_mut().zip(places) {
                table[place].update(right, 250);
            }
            if right {
                hit = Some((number as u8, guess));
                break;
            }
        }
        let number = hit.map_or(GUESSES as u8, |(number, _)| number);
        self.topleft_hit = top_hit;
        self.hits[x] = number;
        self.left_hit = number;
        hit.map(|(_, guess)| guess)
    }

    /// Stores the pixel that [`code`](Self::code) was last called for under both of its contexts.
    pub(super) fn learn(&mut self, pixel: Pixel) {
        for (table, hash) in [&mut self.short, &mut self.long].into_iter().zip(self.hashes) {
            let entry = &mut table[(hash >> (64 - TABLE_BITS)) as usize];
            if entry.check == hash as u16 && entry.pixel == pixel && entry.confidence > 0 {
                entry.confidence = entry.confidence.saturating_add(1);
            } else if entry.check == hash as u16 && entry.confidence > 3 {
                // One exception does not displace a reliable pixel, a few in a row do.
                entry.confidence /= 4;
            } else {
                *entry = Entry { pixel, check: hash as u16, confidence: 1 };
            }
        }
    }
}
