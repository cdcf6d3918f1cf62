//! The whitening sequence: a fixed pseudo-random sequence that is combined with the payload by exclusive or.
//!
//! H.264 spends an extra byte wherever two zero bytes meet a byte up to 3; payload with long runs of zeros
//! would grow by half. Whitened, no ordinary payload does. It is not encryption: the sequence is public.
//!
//! Byte `j` of macroblock `m` of frame `f` is combined with `TABLE[j] ^ key(f, m)[j % 8]`. One key per
//! macroblock costs next to nothing, and combining with a constant table takes vector instructions.

use super::MB_BYTES;

/// The increment of splitmix64: 2^64 divided by the golden ratio.
const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// The seed of the table: `lab exac` in ASCII, big-endian.
const TABLE_SEED: u64 = 0x6C61_6220_6578_6163;

/// The seed of the frame keys: `lab fram` in ASCII, big-endian.
const FRAME_SEED: u64 = 0x6C61_6220_6672_616D;

/// The output function of splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014).
const fn mix(mut z: u64) -> u64 {
    z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ z >> 31
}

/// The `i`-th number, from 1, of splitmix64 started at `seed`.
const fn splitmix64(seed: u64, i: u64) -> u64 {
    mix(seed.wrapping_add(i.wrapping_mul(GAMMA)))
}

const fn table() -> [u8; MB_BYTES] {
    let mut table = [0; MB_BYTES];
    let mut j = 0;
    while j < MB_BYTES {
        table[j] = splitmix64(TABLE_SEED, j as u64 / 8 + 1).to_le_bytes()[j % 8];
        j += 1;
    }
    table
}

/// The part of the sequence that is common to all macroblocks: the first 48 numbers of splitmix64 from the
/// seed `0x6C61622065786163`, little-endian.
pub static TABLE: [u8; MB_BYTES] = table();

/// The keys of one frame.
#[derive(Debug, Clone, Copy)]
pub struct FrameKey(u64);

impl FrameKey {
    /// The keys of frame number `frame`.
    pub fn new(frame: u32) -> Self {
        Self(splitmix64(FRAME_SEED, u64::from(frame) + 1))
    }

    /// The eight bytes that are combined with every eight bytes of macroblock `mb`.
    #[inline]
    pub fn macroblock(self, mb: u32) -> [u8; 8] {
        splitmix64(self.0, u64::from(mb) + 1).to_le_bytes()
    }

    /// Combines `bytes`, which begin at byte `from` of macroblock `mb` and stay inside it, with the sequence.
    pub fn apply(self, mb: u32, from: usize, bytes: &mut [u8]) {
        let key = self.macroblock(mb);
        for (j, byte) in (from..).zip(bytes) {
            *byte ^= TABLE[j] ^ key[j % 8];
        }
    }
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
