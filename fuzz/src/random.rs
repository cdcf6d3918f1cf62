//! Reproducible pseudo-random numbers.

/// SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>, public domain). A single addition updates its state,
/// so any execution can start from its own number.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Creates the generator of one execution.
    pub fn new(seed: u64, execution: u64) -> Self {
        let mut random = Self(seed);
        let start = random.word() ^ execution;
        Self(start)
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.word() % bound.max(1) as u64) as usize
    }

    /// A random element of `list`, which is not empty.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}
