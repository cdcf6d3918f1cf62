//! The generators' random numbers: identical for a seed on every machine and in every version.

/// xoshiro256** (D. Blackman, S. Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47, 2021;
/// <https://prng.di.unimi.it/xoshiro256starstar.c>, public domain), its state filled by SplitMix64 as the
/// authors advise.
#[derive(Debug, Clone)]
pub struct Prng([u64; 4]);

impl Prng {
    /// Creates the sequence of `seed`.
    pub fn new(seed: u64) -> Self {
        let mut state = seed;
        Self([(); 4].map(|()| split_mix(&mut state)))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A number below `bound`, by multiplication (D. Lemire, 2019) without the rejection step: the bias is at
    /// most `bound` / 2^64.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.bits()) * bound as u128) >> 64) as usize
    }
}

/// SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>, public domain).
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequences_are_those_of_the_authors_code() {
        // First outputs of the reference programs in C.
        let mut state = 1_234_567;
        assert_eq!(split_mix(&mut state), 6_457_827_717_110_365_317);
        assert_eq!(split_mix(&mut state), 3_203_168_211_198_807_973);
        let mut prng = Prng([1, 2, 3, 4]);
        assert_eq!(prng.bits(), 11_520);
        assert_eq!(prng.bits(), 0);
        assert_eq!(prng.bits(), 1_509_978_240);
    }

    #[test]
    fn bounds_hold_and_are_reached() {
        let mut prng = Prng::new(0);
        let mut seen = [false; 7];
        (0..200).for_each(|_| seen[prng.below(7)] = true);
        assert_eq!(seen, [true; 7]);
    }
}
