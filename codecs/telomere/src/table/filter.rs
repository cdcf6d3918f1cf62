//! A bitmap in front of a table: which beginnings occur at all. Nearly every look-up ends here.

use super::{KNOWN_BITS, SeedTable};

/// The fewest bits of a head that choose a bit of the map, where as many are asked for: 2 MB, exact for three bytes.
const LEAST: u32 = 24;
/// The most: 32 MB.
const MOST: u32 = 28;
/// Bits of the map for each seed, as a power of two.
const ROOM: u32 = 4;

/// Which heads some seeds of a table begin with.
#[derive(Debug)]
pub struct Filter {
    shift: u32,
    map: Vec<u64>,
}

impl Filter {
    /// The map of the seeds at some positions for look-ups by `bits` bits, 8 at least.
    pub fn new(table: &SeedTable, positions: &std::ops::Range<u32>, bits: u32) -> Self {
        let seeds = (positions.end - positions.start).max(1);
        let width = bits.min(KNOWN_BITS).min((seeds.ilog2() + ROOM).clamp(LEAST, MOST));
        let mut filter = Self { shift: 64 - width, map: vec![0; 1 << (width - 6)] };
        for (head, index) in table.seeds() {
            if positions.contains(&index) {
                let bit = head >> filter.shift;
                filter.map[(bit >> 6) as usize] |= 1 << (bit & 63);
            }
        }
        filter
    }

    /// Whether a seed may begin with `head`, as far as it is looked up.
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
        // 65,536 draws from 2^24 meet 127 times, give or take 11.
        assert!((65_340..65_490).contains(&passed), "{passed}");
    }
}
