//! Parity across the frames of a group: a systematic Reed-Solomon code over GF(2^16) on whole frames, of which any as
//! many as there are data frames suffice (Lin, Chung and Han, "Novel polynomial basis and its application to
//! Reed-Solomon erasure codes", 2014; the crate `reed-solomon-simd`).

use std::collections::BTreeMap;

/// The `parity` parity frames of the data frames `data`, all of the same even length.
pub fn parity(data: &[&[u8]], parity: usize) -> Option<Vec<Vec<u8>>> {
    if parity == 0 {
        return Some(Vec::new());
    }
    // A single frame is its own parity: nothing better can be made of it, and every reader can do that.
    if let [only] = data {
        return Some(vec![only.to_vec(); parity]);
    }
    reed_solomon_simd::encode(data.len(), parity, data).ok()
}

/// The missing ones of `count` data frames, from those that are there and from parity frames, by number; `None` where
/// too few are there.
pub fn recover(
    count: usize,
    parity: usize,
    data: &BTreeMap<usize, &[u8]>,
    parities: &BTreeMap<usize, Vec<u8>>,
) -> Option<BTreeMap<usize, Vec<u8>>> {
    if data.len() == count {
        return Some(BTreeMap::new());
    }
    if count == 1 {
        let only = parities.values().next()?;
        return Some(BTreeMap::from([(0, only.clone())]));
    }
    if data.len() + parities.len() < count {
        return None;
    }
    let originals = data.iter().map(|(i, shard)| (*i, *shard));
    reed_solomon_simd::decode(count, parity, originals, parities.iter().map(|(i, shard)| (*i, shard))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn as_many_frames_as_there_were_data_frames_suffice(
            count in 1usize..40, extra in 0usize..20, length in 1usize..40, seed: u64,
        ) {
            let byte = |i: usize, j: usize| (seed.wrapping_mul((i * 977 + j * 31 + 7) as u64) >> 40) as u8;
            let frames: Vec<Vec<u8>> = (0..count).map(|i| (0..2 * length).map(|j| byte(i, j)).collect()).collect();
            let shards: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
            let made = parity(&shards, extra).unwrap();
            prop_assert_eq!(made.len(), extra);
            // Lose as many as there are parity frames, wherever.
            let lost = |i: usize| (i as u64 * 7 + seed) % ((count + extra) as u64) < extra as u64;
            let data: BTreeMap<usize, &[u8]> =
                shards.iter().enumerate().filter(|(i, _)| !lost(*i)).map(|(i, s)| (i, *s)).collect();
            let mut parities: BTreeMap<usize, Vec<u8>> = made.into_iter().enumerate()
                .filter(|(i, _)| !lost(count + i)).collect();
            while data.len() + parities.len() > count && !parities.is_empty() {
                parities.pop_last();
            }
            let enough = data.len() + parities.len() >= count;
            let found = recover(count, extra, &data, &parities);
            prop_assert_eq!(found.is_some(), enough);
            for (i, shard) in found.unwrap_or_default() {
                prop_assert_eq!(&shard, &frames[i]);
            }
        }
    }
}
