//! The hash of a pair of symbols, for the tables of Re-Pair and Sequitur.

/// Folds a 128-bit product: every bit of the result depends on every symbol bit, which the table needs at
/// both ends of the hash. A fixed function, since keys chosen by an attacker cost time, never wrong bytes.
#[inline]
pub(super) fn hash_pair((a, b): (u32, u32)) -> u64 {
    let key = u64::from(a) << 32 | u64::from(b);
    let product = u128::from(key ^ 0x243F_6A88_85A3_08D3) * 0x9E37_79B9_7F4A_7C15;
    product as u64 ^ (product >> 64) as u64
}
