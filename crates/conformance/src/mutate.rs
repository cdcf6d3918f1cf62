//! Damage: truncations and bit flips, exhaustive or as seeded samples.

/// SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>, public domain).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// One kind of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    /// Truncation at this byte.
    Cut(u64),
    /// Flip of this bit.
    Flip(u64),
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cut(at) => write!(f, "cut at byte {at}"),
            Self::Flip(bit) => write!(f, "bit {} of byte {} flipped", bit % 8, bit / 8),
        }
    }
}

impl Damage {
    /// Applies the damage to a copy of `bytes`.
    pub(crate) fn apply(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Cut(at) => bytes[..at as usize].to_vec(),
            Self::Flip(bit) => {
                let mut bytes = bytes.to_vec();
                bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
                bytes
            }
        }
    }
}

/// Every truncation of `length` bytes, the longest remainder first, then every bit flip.
pub(crate) fn every(length: u64) -> impl Iterator<Item = Damage> {
    (0..length).rev().map(Damage::Cut).chain((0..length * 8).map(Damage::Flip))
}

/// `count` seeded samples: a quarter truncations, the longest remainder first, then flips. Half of the flips
/// hit the first 64 bytes, which hold headers.
pub(crate) fn some(length: u64, count: usize) -> impl Iterator<Item = Damage> {
    let mut random = Random::new(length);
    let mut below = move |bound: u64| random.next() % bound.max(1);
    let (cuts, flips) = if length == 0 { (0, 0) } else { (count / 4, count - count / 4) };
    let mut cuts: Vec<u64> = (0..cuts).map(|_| below(length)).collect();
    cuts.sort_unstable_by(|a, b| b.cmp(a));
    let flips: Vec<u64> =
        (0..flips).map(|i| below(8 * if i % 2 == 0 { length } else { length.min(64) })).collect();
    cuts.into_iter().map(Damage::Cut).chain(flips.into_iter().map(Damage::Flip))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_damage_is_listed_once_and_changes_something() {
        let bytes = [1, 2, 3];
        let forms: std::collections::HashSet<Vec<u8>> = every(3).map(|d| d.apply(&bytes)).collect();
        assert_eq!(forms.len(), 3 + 24);
        assert!(!forms.contains(bytes.as_slice()));
        assert_eq!(every(0).count(), 0);
    }

    #[test]
    fn samples_are_seeded_and_within_bounds() {
        assert_eq!(some(0, 64).count(), 0);
        let samples: Vec<Damage> = some(100, 64).collect();
        assert_eq!(samples.len(), 64);
        assert_eq!(samples, some(100, 64).collect::<Vec<_>>());
        for damage in samples {
            assert_ne!(damage.apply(&[0; 100]), [0; 100]);
        }
    }
}
