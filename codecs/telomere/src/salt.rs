//! The search for a salt: one with which the most frequent blocks of an input get the cheapest seeds.
//!
//! A block of three bytes is what a given seed begins with under one salt of 2^24. So a salt for one frequent block is
//! found in a second, one for two blocks at once never; what is gained is what the most frequent block gains.

use std::collections::HashMap;

use lab_codec::{Context, Result};

use crate::seed::{MAX_SALT_LEN, Salt};
use crate::sha::Route;

/// The seeds that are tried with each salt: those with the shortest codes.
const SEEDS: u64 = 2;
/// Bits of a record with one of them.
const RECORD: u64 = 3;
/// How many salts are tried at most.
const SALTS: u64 = 1 << 25;
/// Salts that are tried at once.
const GROUP: u64 = 1 << 11;
/// The most frequent blocks that are looked for.
const BLOCKS: usize = 64;
/// A block that occurs less often pays for no salt.
const LEAST: u64 = 8;
/// Blocks that are counted at most, spread evenly: a frequent one shows in a part, too.
const COUNTED: usize = 1 << 20;

/// A salt for an input that is cut into blocks, and how often SHA-256 was computed; no salt where no block is frequent
/// enough, or none was found.
///
/// # Errors
/// [`Cancelled`](lab_codec::ErrorKind::Cancelled).
pub fn find(input: &[u8], block_size: u8, cx: &Context) -> Result<(Option<Salt>, u64)> {
    let wanted = frequent(input, usize::from(block_size));
    let Some(most) = wanted.values().copied().max() else { return Ok((None, 0)) };
    // Nothing better can come where the best block's salt is found and the others matter little.
    let enough = most;
    let others: u64 = wanted.values().sum::<u64>() - most;
    let bits = 8 * u32::from(block_size.min(8));
    let mut pass = vec![0_u64; 1 << 10];
    for head in wanted.keys() {
        let bit = head >> 48;
        pass[(bit >> 6) as usize] |= 1 << (bit & 63);
    }
    let route = Route::fastest();
    let (mut messages, mut heads) = (vec![0; (GROUP * SEEDS) as usize], vec![0; (GROUP * SEEDS) as usize]);
    let (mut best, mut hashes) = (None, 0);
    let mut tried = 0;
    for len in 1..=MAX_SALT_LEN as u32 {
        let all = 1_u64 << (8 * len);
        let mut first = 0;
        while first < all && tried < SALTS {
            cx.check()?;
            let count = GROUP.min(all - first);
            let used = (count * SEEDS) as usize;
            for (i, message) in messages[..used].iter_mut().enumerate() {
                let (salt, seed) = (first + i as u64 / SEEDS, i as u64 % SEEDS);
                *message = (salt << 8 | seed) << (56 - 8 * len);
            }
            route.heads(&messages[..used], len as usize + 1, &mut heads[..used]);
            hashes += used as u64;
            for (i, heads) in heads[..used].chunks(SEEDS as usize).enumerate() {
                let mut score = 0;
                for head in heads {
                    let bit = head >> 48;
                    if pass[(bit >> 6) as usize] >> (bit & 63) & 1 == 1 {
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
            if best.is_some_and(|(score, _)| score >= enough && others * 8 < enough) {
                return Ok((best.map(|(_, salt)| salt), hashes));
            }
        }
    }
    Ok((best.map(|(_, salt)| salt), hashes))
}

/// What each of the most frequent blocks gains, by its first eight bytes as a number with zeros behind shorter blocks.
fn frequent(input: &[u8], block_size: usize) -> HashMap<u64, u64> {
    let gain = (8 * block_size as u64).saturating_sub(RECORD);
    let blocks = input.len() / block_size;
    let step = blocks.div_ceil(COUNTED).max(1);
    let mut counts: HashMap<u64, u64> = HashMap::new();
    for block in input.chunks_exact(block_size).step_by(step) {
        let mut head = [0; 8];
        let known = block_size.min(8);
        head[..known].copy_from_slice(&block[..known]);
        *counts.entry(u64::from_be_bytes(head)).or_default() += 1;
    }
    let mut counts: Vec<(u64, u64)> = counts.into_iter().filter(|(_, count)| *count >= LEAST).collect();
    counts.sort_unstable_by_key(|(head, count)| (std::cmp::Reverse(*count), *head));
    counts.truncate(BLOCKS);
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
