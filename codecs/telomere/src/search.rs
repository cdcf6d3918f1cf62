//! The search: which seeds expand to what stands at each block.
//!
//! Only seeds that can matter are looked up. A class of seeds (those whose positions have codes of one length) matters
//! from the arity on at which its record is shorter than a literal of as many blocks; so its seeds are looked up by
//! that many blocks at once, as far as the table knows their digests. At blocks of 3 bytes, for instance, the 65,536
//! cheapest seeds are looked up by 3 bytes, and all others by 6.

use std::ops::Range;
use std::sync::Arc;

use lab_bits::arity;
use lab_codec::{Context, Result};

use crate::format::Record;
use crate::seed::{DIGEST, Salt, Seed, next_link, seeds_up_to};
use crate::table::{BUCKET_BITS, Filter, KNOWN_BITS, SeedTable};

/// A seed that expands to what stands at a block, for this many blocks and for fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// The first block.
    pub block: u32,
    /// The seed's position.
    pub index: u32,
    /// The most blocks.
    pub arity: u8,
}

/// Whether a seed takes fewer bits than the blocks that it stands for.
pub fn is_useful(index: u32, arity: u8, block_size: u8) -> bool {
    Seed::cost(index, arity) < 8 * u32::from(block_size) * u32::from(arity)
}

/// The positions whose codes have one length.
const CLASSES: [Range<u32>; 6] = [0..2, 2..4, 4..16, 16..256, 256..65_536, 65_536..seeds_up_to(3)];

/// Blocks between two looks at the cancellation flag.
const PIECE: usize = 1 << 16;

/// Remembered links, so that a seed that occurs again is not hashed again.
const REMEMBERED: usize = 1 << 10;

/// Classes that are looked up by the same number of bits.
#[derive(Debug)]
struct Group {
    positions: Range<u32>,
    /// Bits of a look-up.
    bits: u32,
    /// The fewest blocks for which these seeds matter.
    least: usize,
    filter: Filter,
    /// Heads and positions of the seeds, where so few bits are looked up that a table of buckets does not help.
    few: Vec<(u64, u32)>,
}

/// What a search found.
#[derive(Debug, Default)]
pub struct Found {
    /// Every hit that may matter, ordered by block; those at one block by position, each with a greater arity than the
    /// one before it.
    pub hits: Vec<Hit>,
    /// How often SHA-256 was computed.
    pub hashes: u64,
}

/// Finds the seeds of a table in inputs that are cut into blocks of one size.
#[derive(Debug)]
pub struct Finder {
    table: Arc<SeedTable>,
    block_size: usize,
    groups: Vec<Group>,
}

/// The fewest blocks for which a seed is shorter than a literal of its own; what is longer helps nowhere.
fn least_arity(index: u32, block_size: u8) -> u8 {
    (1..arity::MAX)
        .find(|arity| {
            let literal = Record::Literal { blocks: u64::from(*arity) }.code_len()
                + 8 * u32::from(*arity) * u32::from(block_size);
            Seed::cost(index, *arity) < literal
        })
        .unwrap_or(arity::MAX)
}

impl Finder {
    /// Prepares the search with the seeds of at most `max_seed_len` bytes of a table.
    pub fn new(table: Arc<SeedTable>, block_size: u8, max_seed_len: u8) -> Self {
        let end = seeds_up_to(max_seed_len).min(table.entries());
        let mut groups: Vec<(Range<u32>, u32, usize)> = Vec::new();
        for class in CLASSES.iter().filter(|class| class.start < end) {
            let least = usize::from(least_arity(class.start, block_size));
            let bits = (8 * least * usize::from(block_size)).min(KNOWN_BITS as usize / 8 * 8) as u32;
            match groups.last_mut() {
                Some((positions, b, l)) if (*b, *l) == (bits, least) => positions.end = class.end.min(end),
                _ => groups.push((class.start..class.end.min(end), bits, least)),
            }
        }
        let groups = groups.into_iter().map(|(positions, bits, least)| {
            let filter = Filter::new(&table, &positions, bits);
            let mut few = Vec::new();
            if bits < BUCKET_BITS {
                few.extend(table.seeds().filter(|(_, index)| positions.contains(index)));
            }
            Group { positions, bits, least, filter, few }
        });
        let groups = groups.collect();
        Self { table, block_size: usize::from(block_size), groups }
    }

    /// The table that is searched.
    pub fn table(&self) -> &SeedTable {
        &self.table
    }

    /// Searches an input.
    ///
    /// # Errors
    /// [`Cancelled`](lab_codec::ErrorKind::Cancelled).
    pub fn search(&self, input: &[u8], cx: &Context) -> Result<Found> {
        let mut found = Found::default();
        let mut links = Links::new(self.table.salt());
        let mut seeds = Vec::new();
        for block in 0..input.len() / self.block_size {
            if block.is_multiple_of(PIECE) {
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

    /// The seeds of a group that begin with `head`, as far as it is looked up; by position.
    fn look_up(&self, group: &Group, head: u64, seeds: &mut Vec<u32>) {
        if group.bits < BUCKET_BITS {
            let alike = |h: u64| (h ^ head) >> (64 - group.bits) == 0;
            seeds.extend(group.few.iter().filter(|(h, _)| alike(*h)).map(|(_, index)| index));
        } else {
            self.table.find(head, group.bits, seeds);
            seeds.retain(|index| group.positions.contains(index));
        }
        seeds.sort_unstable();
    }

    /// Of these seeds, keeps those that expand to enough of what is at a block.
    fn keep(
        &self,
        group: &Group,
        rest: &[u8],
        block: u32,
        seeds: &[u32],
        links: &mut Links,
        hits: &mut Vec<Hit>,
    ) {
        let most = (rest.len() / self.block_size).min(usize::from(arity::MAX));
        for &index in seeds {
            let arity = links.matched(index, &rest[..most * self.block_size]) / self.block_size;
            let before = hits.last().filter(|hit| hit.block == block).map_or(0, |hit| usize::from(hit.arity));
            if arity >= group.least && arity > before {
                hits.push(Hit { block, index, arity: arity as u8 });
            }
        }
    }
}

/// The first eight bytes as a number; zeros follow an input that is shorter.
#[inline]
fn head(rest: &[u8]) -> u64 {
    match rest.first_chunk::<8>() {
        Some(bytes) => u64::from_be_bytes(*bytes),
        None => rest.iter().rev().fold(0, |bits, byte| bits >> 8 | u64::from(*byte) << 56),
    }
}

/// Expansions, as far as they were needed.
struct Links {
    salt: Salt,
    hashes: u64,
    /// Position and first link; the place is chosen by the position.
    first: Vec<(u32, [u8; DIGEST])>,
}

impl Links {
    fn new(salt: Salt) -> Self {
        Self { salt, hashes: 0, first: vec![(u32::MAX, [0; DIGEST]); REMEMBERED] }
    }

    /// How many bytes of `wanted` a seed's expansion begins with.
    fn matched(&mut self, index: u32, wanted: &[u8]) -> usize {
        let place = &mut self.first[index as usize % REMEMBERED];
        if place.0 != index {
            // A table holds no other positions.
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
            let alike = piece.iter().zip(&link).take_while(|(a, b)| a == b).count();
            matched += alike;
            if alike < DIGEST {
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

    /// Every hit by trying every seed at every block.
    fn by_hand(input: &[u8], block_size: usize, max_seed_len: u8, salt: &Salt) -> Vec<Hit> {
        let mut hits = Vec::new();
        for block in 0..input.len() / block_size {
            let rest = &input[block * block_size..];
            let most = (rest.len() / block_size).min(64);
            let mut before = 0;
            for index in 0..seeds_up_to(max_seed_len) {
                let mut expansion = Vec::new();
                expand(salt, Seed::at(index).unwrap(), most * block_size, &mut expansion);
                let alike = expansion.iter().zip(rest).take_while(|(a, b)| a == b).count() / block_size;
                if alike > before && alike >= usize::from(least_arity(index, block_size as u8)) {
                    hits.push(Hit { block: block as u32, index, arity: alike as u8 });
                    before = alike;
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
            // Every seed of two bytes at every block takes its time.
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
        // At 3 bytes a literal block has 29 bits: a record of 22 is shorter, one of 39 is not, nor of 41 for 48 + 5.
        let at_3 = [0, 3, 255, 65_535, 65_536].map(|index| least_arity(index, 3));
        assert_eq!(at_3, [1, 1, 1, 1, 2]);
        assert_eq!([1, 4, 15, 16, 256, 65_536].map(|index| least_arity(index, 1)), [1, 1, 1, 2, 3, 5]);
        assert!(is_useful(65_535, 1, 3) && !is_useful(65_536, 1, 3) && is_useful(65_536, 2, 3));
    }
}
