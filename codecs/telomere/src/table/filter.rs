//! A bitmap before the table look-up: which heads occur at all. It rejects nearly every look-up with one
//! memory access.

use super::{KNOWN_BITS, SeedTable};

/// Least number of head bits that index the map, where keys are that long: a map of 2 MB, exact for
/// three-byte keys.
const MIN_WIDTH: u32 = 24;
/// Largest number of head bits that index the map: 32 MB.
const MAX_WIDTH: u32 = 28;
/// Binary logarithm of the map bits per seed: with 8 to 16 bits for a seed, at most one foreign head in 8
/// passes.
const LOG2_BITS_PER_SEED: u32 = 4;

/// The heads of some seeds of a table, as a bitmap over their first bits.
#[derive(Debug)]
pub struct Filter {
    shift: u32,
    map: Vec<u64>,
}

impl Filter {
    /// The map of the seeds with these indices, for keys of `bits` bits, at least 8.
    pub fn new(table: &SeedTable, indices: &std::ops::Range<u32>, bits: u32) -> Self {
        let seeds = (indices.end - indices.start).max(1);
        // The map never indexes by more bits than a key has, or the table knows.
        let width =
            bits.min(KNOWN_BITS).min((seeds.ilog2() + LOG2_BITS_PER_SEED).clamp(MIN_WIDTH, MAX_WIDTH));
        let mut filter = Self { shift: 64 - width, map: vec![0; 1 << (width - 6)] };
        for (head, index) in table.seeds() {
            if indices.contains(&index) {
                let bit = head >> filter.shift;
                filter.map[(bit >> 6) as usize] |= 1 << (bit & 63);
            }
        }
        filter
    }

    /// Whether some seed's head may equal `head` in the bits of the key. No false negatives.
    #[inline]
    pub fn may_have(&self, head: u64) -> bool {
        let bit = head >> self.shift;
        self.map[(bit >> 6) as usize] >> (bit & 63) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Salt, Seed};

    #[test]
    fn every_seed_passes_and_few_others_do() {
        let table = super::super::build_here(Salt::default(), 2, &lab_codec::Context::default()).unwrap();
        for bits in [16, 24, 40] {
            let filter = Filter::new(&table, &(256..65_792), bits);
            for index in (256..65_792).step_by(31) {
                let link = Salt::default().first_link(Seed::at(index).unwrap());
                assert!(filter.may_have(u64::from_be_bytes(link[..8].try_into().unwrap())));
            }
        }
        let filter = Filter::new(&table, &(0..65_536), 24);
        let passed = (0..1_u64 << 24).filter(|head| filter.may_have(head << 40)).count();
        // 65,536 random draws from 2^24 collide 127 times on average, with a standard deviation of 11.
        assert!((65_340..65_490).contains(&passed), "{passed}");
    }
}
