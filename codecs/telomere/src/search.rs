//! The search: finds the seeds whose expansion equals the input at each block.
//!
//! Only useful seeds are looked up. The indices of a class have codes of one length. Its seeds pay from the
//! arity on at which a record is shorter than a literal of the same blocks. So they are looked up by that
//! many blocks at once, as far as the table knows their digests. At blocks of 3 bytes, the 65,536 cheapest
//! seeds are looked up by 3 bytes and all others by 6: a longer key leaves fewer false candidates to hash.

use std::ops::Range;
use std::sync::Arc;

use lab_bits::arity;
use lab_codec::{Context, Result};

use crate::format::Record;
use crate::seed::{DIGEST, Salt, Seed, next_link, seeds_up_to};
use crate::table::{BUCKET_BITS, Filter, KNOWN_BITS, SeedTable};

/// A seed whose expansion equals the input from a block on, for `arity` blocks and for fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// The first block.
    pub block: u32,
    /// The seed's index.
    pub index: u32,
    /// The largest number of whole blocks that match.
    pub arity: u8,
}

/// Whether a seed's record takes fewer bits than the blocks that it replaces.
pub fn is_useful(index: u32, arity: u8, block_size: u8) -> bool {
    Seed::cost(index, arity) < 8 * u32::from(block_size) * u32::from(arity)
}

/// Ranges of indices whose EVQL codes have one length: 2, 4, 7, 12, 21 and 38 bits.
const CLASSES: [Range<u32>; 6] = [0..2, 2..4, 4..16, 16..256, 256..65_536, 65_536..seeds_up_to(3)];

/// Blocks between two checks for cancellation.
const CHECK_INTERVAL: usize = 1 << 16;

/// Entries of the direct-mapped cache of first links: 36 KiB, so that a repeated seed costs no second hash.
const CACHED_LINKS: usize = 1 << 10;

/// Classes that are looked up by keys of the same length.
#[derive(Debug)]
struct Group {
    indices: Range<u32>,
    /// Key length in bits, a multiple of 8.
    bits: u32,
    /// The smallest arity at which these seeds pay.
    min_arity: usize,
    filter: Filter,
    /// Heads and indices of the seeds where the key is shorter than a bucket number, so that the table cannot
    /// find them.
    unbucketed: Vec<(u64, u32)>,
}

/// Result of a search.
#[derive(Debug, Default)]
pub struct Found {
    /// The hits that can be part of an optimal parse, ordered by block. Those of one block are ordered by
    /// index, each with a greater arity than the one before: a seed with a longer code must cover more
    /// blocks.
    pub hits: Vec<Hit>,
    /// Number of SHA-256 computations.
    pub hashes: u64,
}

/// Finds the seeds of a table in inputs that are cut into blocks of one size.
#[derive(Debug)]
pub struct Finder {
    table: Arc<SeedTable>,
    block_size: usize,
    groups: Vec<Group>,
}

/// The smallest arity at which a seed's record is shorter than a literal of the same blocks. Below it the
/// literal is never worse, not even where it stands alone: joining a longer literal only makes it cheaper.
fn min_useful_arity(index: u32, block_size: u8) -> u8 {
    (1..arity::MAX)
        .find(|arity| {
            let literal = Record::Literal { blocks: u64::from(*arity) }.code_len()
                + 8 * u32::from(*arity) * u32::from(block_size);
            Seed::cost(index, *arity) < literal
        })
        .unwrap_or(arity::MAX)
}

impl Finder {
    /// Prepares a search for the seeds of at most `max_seed_len` bytes in a table.
    pub fn new(table: Arc<SeedTable>, block_size: u8, max_seed_len: u8) -> Self {
        let end = seeds_up_to(max_seed_len).min(table.entries());
        let mut groups: Vec<(Range<u32>, u32, usize)> = Vec::new();
        for class in CLASSES.iter().filter(|class| class.start < end) {
            let min_arity = usize::from(min_useful_arity(class.start, block_size));
            // The table knows 54 digest bits; six whole bytes of them make the longest key.
            let bits = (8 * min_arity * usize::from(block_size)).min(KNOWN_BITS as usize / 8 * 8) as u32;
            match groups.last_mut() {
                Some((indices, b, l)) if (*b, *l) == (bits, min_arity) => indices.end = class.end.min(end),
                _ => groups.push((class.start..class.end.min(end), bits, min_arity)),
            }
        }
        let groups = groups.into_iter().map(|(indices, bits, min_arity)| {
            let filter = Filter::new(&table, &indices, bits);
            let mut unbucketed = Vec::new();
            if bits < BUCKET_BITS {
                unbucketed.extend(table.seeds().filter(|(_, index)| indices.contains(index)));
            }
            Group { indices, bits, min_arity, filter, unbucketed }
        });
        let groups = groups.collect();
        Self { table, block_size: usize::from(block_size), groups }
    }

    /// The seed table.
    pub fn table(&self) -> &SeedTable {
        &self.table
    }

    /// Searches an input.
    ///
    /// # Errors
    /// [`Cancelled`](lab_codec::ErrorKind::Cancelled).
    pub fn search(&self, input: &[u8], cx: &Context) -> Result<Found> {
        let mut found = Found::default();
        let mut links = LinkCache::new(self.table.salt());
        let mut seeds = Vec::new();
        for block in 0..input.len() / self.block_size {
            if block.is_multiple_of(CHECK_INTERVAL) {
                cx.check()?;
            }
            let rest = &input[block * self.block_size..];
            let head = head(rest);
            for group in &self.groups {
                if group.filter.may_have(head) {
                    seeds.clear();
                    self.look_up(group, head, &mut seeds);
                    self.keep(group, rest, block as u32, &seeds, &mut links, &mut found.hits);
                }
            }
        }
        found.hashes = links.hashes;
        Ok(found)
    }

    /// Appends the seeds of a group whose head equals `head` in the bits of the key, ordered by index.
    fn look_up(&self, group: &Group, head: u64, seeds: &mut Vec<u32>) {
        if group.bits < BUCKET_BITS {
            let equal = |h: u64| (h ^ head) >> (64 - group.bits) == 0;
            seeds.extend(group.unbucketed.iter().filter(|(h, _)| equal(*h)).map(|(_, index)| index));
        } else {
            self.table.find(head, group.bits, seeds);
            seeds.retain(|index| group.indices.contains(index));
        }
        seeds.sort_unstable();
    }

    /// Appends a hit for each seed whose expansion equals enough blocks at `rest`.
    fn keep(
        &self,
        group: &Group,
        rest: &[u8],
        block: u32,
        seeds: &[u32],
        links: &mut LinkCache,
        hits: &mut Vec<Hit>,
    ) {
        let max_blocks = (rest.len() / self.block_size).min(usize::from(arity::MAX));
        for &index in seeds {
            let arity = links.matched(index, &rest[..max_blocks * self.block_size]) / self.block_size;
            let previous =
                hits.last().filter(|hit| hit.block == block).map_or(0, |hit| usize::from(hit.arity));
            if arity >= group.min_arity && arity > previous {
                hits.push(Hit { block, index, arity: arity as u8 });
            }
        }
    }
}

/// The first eight bytes as a big-endian number; a shorter input is padded with zeros.
#[inline]
fn head(rest: &[u8]) -> u64 {
    match rest.first_chunk::<8>() {
        Some(bytes) => u64::from_be_bytes(*bytes),
        None => rest.iter().rev().fold(0, |bits, byte| bits >> 8 | u64::from(*byte) << 56),
    }
}

/// Computes expansions link by link, and caches the first link of each seed.
struct LinkCache {
    salt: Salt,
    hashes: u64,
    /// Index and first link; the place is the index modulo the size. `u32::MAX` marks an empty place.
    first: Vec<(u32, [u8; DIGEST])>,
}

impl LinkCache {
    fn new(salt: Salt) -> Self {
        Self { salt, hashes: 0, first: vec![(u32::MAX, [0; DIGEST]); CACHED_LINKS] }
    }

    /// The length of the common prefix of `wanted` and the seed's expansion, in bytes.
    fn matched(&mut self, index: u32, wanted: &[u8]) -> usize {
        let place = &mut self.first[index as usize % CACHED_LINKS];
        if place.0 != index {
            // `None` cannot happen: a table yields only indices of valid seeds.
            let Some(seed) = Seed::at(index) else { return 0 };
            *place = (index, self.salt.first_link(seed));
            self.hashes += 1;
        }
        let mut link = place.1;
        let mut matched = 0;
        for piece in wanted.chunks(DIGEST) {
            if matched > 0 {
                link = next_link(&link);
                self.hashes += 1;
            }
            let equal = piece.iter().zip(&link).take_while(|(a, b)| a == b).count();
            matched += equal;
            // A mismatch, or a last piece shorter than a link, ends the match.
            if equal < DIGEST {
                break;
            }
        }
        matched
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::expand;
    use crate::table::build_here;

    /// The expected hits, by trying every seed at every block.
    fn by_hand(input: &[u8], block_size: usize, max_seed_len: u8, salt: &Salt) -> Vec<Hit> {
        let mut hits = Vec::new();
        for block in 0..input.len() / block_size {
            let rest = &input[block * block_size..];
            let max_blocks = (rest.len() / block_size).min(64);
            let mut previous = 0;
            for index in 0..seeds_up_to(max_seed_len) {
                let mut expansion = Vec::new();
                expand(salt, Seed::at(index).unwrap(), max_blocks * block_size, &mut expansion);
                let equal = expansion.iter().zip(rest).take_while(|(a, b)| a == b).count() / block_size;
                if equal > previous && equal >= usize::from(min_useful_arity(index, block_size as u8)) {
                    hits.push(Hit { block: block as u32, index, arity: equal as u8 });
                    previous = equal;
                }
            }
        }
        hits
    }

    #[test]
    fn nothing_that_matters_is_missed() {
        let cx = Context::default();
        for (salt, block_size) in [("", 1), ("", 2), ("07", 2), ("", 3), ("", 4), ("", 5), ("", 8), ("", 64)]
        {
            let salt = Salt::from_hex(salt).unwrap();
            let max_seed_len = if block_size < 3 { 1 } else { 2 };
            let mut input = vec![b'x'; block_size];
            for (index, blocks) in [(300, 1), (255, 2), (256, 1), (3, 2), (17, 3), (255, 40), (0, 1)] {
                expand(&salt, Seed::at(index).unwrap(), blocks * block_size, &mut input);
            }
            // Trying every seed of two bytes at every block is slow.
            input.truncate(if max_seed_len == 1 { 200 } else { (3 * block_size).max(30) + 2 });
            let table = Arc::new(build_here(salt, 2, &cx).unwrap());
            let found = Finder::new(table, block_size as u8, max_seed_len).search(&input, &cx).unwrap();
            assert_eq!(
                found.hits,
                by_hand(&input, block_size, max_seed_len, &salt),
                "blocks of {block_size}"
            );
            assert!(found.hits.len() > 1 && found.hashes > 0);
        }
    }

    #[test]
    fn least_arities() {
        // At 3 bytes a literal block has 29 bits: a record of 22 is shorter, one of 39 is not, nor of 41 for
        // 48 + 5.
        let at_3 = [0, 3, 255, 65_535, 65_536].map(|index| min_useful_arity(index, 3));
        assert_eq!(at_3, [1, 1, 1, 1, 2]);
        assert_eq!([1, 4, 15, 16, 256, 65_536].map(|index| min_useful_arity(index, 1)), [1, 1, 1, 2, 3, 5]);
        assert!(is_useful(65_535, 1, 3) && !is_useful(65_536, 1, 3) && is_useful(65_536, 2, 3));
    }
}
