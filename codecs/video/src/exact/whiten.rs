//! The whitening sequence: a fixed pseudo-random sequence that is combined with the payload by exclusive or.
//!
//! H.264 spends an extra byte wherever two zero bytes meet a byte up to 3; payload with long runs of zeros
//! would grow by half. Whitened, no ordinary payload does. It is not encryption: the sequence is public.
//!
//! Byte `j` of macroblock `m` of frame `f` is combined with `TABLE[j] ^ key(f, m)[j % 8]`. One key per
//! macroblock costs next to nothing, and combining with a constant table takes vector instructions.

use super::MB_BYTES;
use crate::splitmix::splitmix64;

/// The seed of the table: `lab exac` in ASCII, big-endian.
const TABLE_SEED: u64 = 0x6C61_6220_6578_6163;

/// The seed of the frame keys: `lab fram` in ASCII, big-endian.
const FRAME_SEED: u64 = 0x6C61_6220_6672_616D;

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
