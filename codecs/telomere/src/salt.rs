//! The salt search: finds a salt under which the most frequent blocks of an input get the cheapest seeds.
//!
//! Under a random salt, a given seed expands to a given block of three bytes with probability 2^-24. So a
//! salt for one frequent block takes seconds to find, and one for two blocks at once about 2^24 times as
//! long. The gain is therefore that of the most frequent block, plus what others add by luck.

use std::collections::HashMap;

use lab_codec::{Context, Result};

use crate::seed::{MAX_SALT_LEN, Salt};
use crate::sha::Route;

/// Seeds tried under each salt: indices 0 and 1, whose codes are the shortest (EVQL of 2 bits).
const SEEDS_PER_SALT: u64 = 2;
/// Bits of a record with such a seed: 1 for arity 1, 2 for the index.
const RECORD_BITS: u64 = 3;
/// Maximum number of salts. For a three-byte block each salt hits with probability 2 x 2^-24, so 2^25 salts
/// give four expected hits and miss with probability e^-4, below 2 %.
const MAX_SALTS: u64 = 1 << 25;
/// Salts hashed in one call: 4,096 messages, which keep the vector lanes full and stay in the first-level
/// cache.
const SALTS_AT_ONCE: u64 = 1 << 11;
/// How many of the most frequent blocks count towards a salt's score.
const MAX_BLOCKS: usize = 64;
/// Least number of occurrences of a block that counts. Eight blocks of three bytes gain 8 x 21 = 168 bits,
/// above the 88 bits of the longest extended header.
const MIN_COUNT: u64 = 8;
/// Maximum number of blocks that are counted. A longer input is sampled evenly: a frequent block shows in a
/// part.
const MAX_COUNTED: usize = 1 << 20;

/// Finds a salt for an input of `block_size`-byte blocks. Returns it with the number of hashes; `None` where
/// no block is frequent enough or no salt was found.
///
/// # Errors
/// [`Cancelled`](lab_codec::ErrorKind::Cancelled).
pub(crate) fn find(input: &[u8], block_size: u8, cx: &Context) -> Result<(Option<Salt>, u64)> {
    let wanted = frequent(input, usize::from(block_size));
    let Some(top_gain) = wanted.values().copied().max() else { return Ok((None, 0)) };
    // The best score that one matched block can give. The search stops there if all other blocks together
    // gain less than an eighth of it.
    let other_gains: u64 = wanted.values().sum::<u64>() - top_gain;
    let bits = 8 * u32::from(block_size.min(8));
    // A bitmap over the first 16 digest bits rejects nearly all heads without a hash-map look-up. Keys of
    // one-byte blocks have a zero second byte, so for them it also demands a zero second digest byte.
    let mut bitmap = vec![0_u64; 1 << 10];
    for head in wanted.keys() {
        let bit = head >> 48;
        bitmap[(bit >> 6) as usize] |= 1 << (bit & 63);
    }
    let route = Route::fastest();
    let (mut messages, mut heads) = (
        vec![0; (SALTS_AT_ONCE * SEEDS_PER_SALT) as usize],
        vec![0; (SALTS_AT_ONCE * SEEDS_PER_SALT) as usize],
    );
    let (mut best, mut hashes) = (None, 0);
    let mut tried = 0;
    for len in 1..=MAX_SALT_LEN as u32 {
        let salts = 1_u64 << (8 * len);
        let mut first = 0;
        while first < salts && tried < MAX_SALTS {
            cx.check()?;
            let count = SALTS_AT_ONCE.min(salts - first);
            let message_count = (count * SEEDS_PER_SALT) as usize;
            // The message is the salt followed by the one-byte seed, at the upper end of the word.
            for (i, message) in messages[..message_count].iter_mut().enumerate() {
                let (salt, seed) = (first + i as u64 / SEEDS_PER_SALT, i as u64 % SEEDS_PER_SALT);
                *message = (salt << 8 | seed) << (56 - 8 * len);
            }
            route.heads(&messages[..message_count], len as usize + 1, &mut heads[..message_count]);
            hashes += message_count as u64;
            for (i, heads) in heads[..message_count].chunks(SEEDS_PER_SALT as usize).enumerate() {
                let mut score = 0;
                for head in heads {
                    let bit = head >> 48;
                    if bitmap[(bit >> 6) as usize] >> (bit & 63) & 1 == 1 {
                        // Blocks shorter than eight bytes compare only their own bits.
                        score += wanted.get(&(head >> (64 - bits) << (64 - bits))).copied().unwrap_or(0);
                    }
                }
                if score > best.map_or(0, |(score, _)| score) {
                    let salt = (first + i as u64) << (64 - 8 * len);
                    best = Some((score, Salt::new(&salt.to_be_bytes()[..len as usize])?));
                }
            }
            tried += count;
            first += count;
            if best.is_some_and(|(score, _)| score >= top_gain && other_gains * 8 < top_gain) {
                return Ok((best.map(|(_, salt)| salt), hashes));
            }
        }
    }
    Ok((best.map(|(_, salt)| salt), hashes))
}

/// The gain in bits of each of the most frequent blocks, keyed by its first eight bytes as a big-endian
/// number. Shorter blocks are padded with zeros.
fn frequent(input: &[u8], block_size: usize) -> HashMap<u64, u64> {
    let gain = (8 * block_size as u64).saturating_sub(RECORD_BITS);
    let blocks = input.len() / block_size;
    let step = blocks.div_ceil(MAX_COUNTED).max(1);
    let mut counts: HashMap<u64, u64> = HashMap::new();
    for block in input.chunks_exact(block_size).step_by(step) {
        let mut head = [0; 8];
        let known = block_size.min(8);
        head[..known].copy_from_slice(&block[..known]);
        *counts.entry(u64::from_be_bytes(head)).or_default() += 1;
    }
    let mut counts: Vec<(u64, u64)> = counts.into_iter().filter(|(_, count)| *count >= MIN_COUNT).collect();
    counts.sort_unstable_by_key(|(head, count)| (std::cmp::Reverse(*count), *head));
    counts.truncate(MAX_BLOCKS);
    counts.into_iter().map(|(head, count)| (head, count * gain)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn a_frequent_block_gets_a_cheap_seed() {
        let cx = Context::default();
        let (salt, hashes) = find(&vec![0; 1000], 2, &cx).unwrap();
        let salt = salt.unwrap();
        let cheap = (0..2).any(|value| salt.first_link(Seed { value, len: 1 })[..2] == [0, 0]);
        assert!(cheap && hashes > 0 && !salt.bytes().is_empty());
        assert_eq!(find(b"nothing occurs twice here", 3, &cx).unwrap(), (None, 0));
        assert_eq!(find(&[], 3, &cx).unwrap(), (None, 0));
    }
}
