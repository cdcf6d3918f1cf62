//! splitmix64: the fixed pseudo-random numbers of whitening and shuffling (Steele, Lea and Flood, "Fast
//! splittable pseudorandom number generators", 2014). Any number of the sequence is computed directly from
//! its index.

/// The increment: 2^64 divided by the golden ratio, made odd, so that the state takes all 2^64 values.
const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// The output function: two xor-shift-multiply rounds and a final xor-shift, each a bijection of 64-bit
/// numbers.
const fn mix(mut z: u64) -> u64 {
    z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ z >> 31
}

/// Number `i`, counted from 1, of the generator started at `seed`.
pub(crate) const fn splitmix64(seed: u64, i: u64) -> u64 {
    mix(seed.wrapping_add(i.wrapping_mul(GAMMA)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix64_of_the_published_reference() {
        // The first numbers of the reference implementation for the seed 1234567.
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([1, 2, 3].map(|i| splitmix64(1_234_567, i)), expected);
    }
}
