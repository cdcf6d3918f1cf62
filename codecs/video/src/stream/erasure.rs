//! Parity across the frames of a group: a systematic Reed-Solomon erasure code over GF(2^16) on whole frames.
//! Any selection as large as the data restores it (Lin, Chung and Han, "Novel polynomial basis and its
//! application to Reed-Solomon erasure codes", 2014; the crate `reed-solomon-simd`).

use std::collections::BTreeMap;

/// Computes `parity` parity frames of the data frames `data`, all of the same even length.
pub fn parity(data: &[&[u8]], parity: usize) -> Option<Vec<Vec<u8>>> {
    if parity == 0 {
        return Some(Vec::new());
    }
    // The parity of a single frame is a copy of it: no code does better, and every reader can use it.
    if let [only] = data {
        return Some(vec![only.to_vec(); parity]);
    }
    reed_solomon_simd::encode(data.len(), parity, data).ok()
}

/// Recovers the missing ones of `count` data frames, by number, from the data and parity frames that were
/// read; `None` where these are fewer than `count`.
pub fn recover(
    count: usize,
    parity: usize,
    data: &BTreeMap<usize, &[u8]>,
    parity_frames: &BTreeMap<usize, Vec<u8>>,
) -> Option<BTreeMap<usize, Vec<u8>>> {
    if data.len() == count {
        return Some(BTreeMap::new());
    }
    if count == 1 {
        let only = parity_frames.values().next()?;
        return Some(BTreeMap::from([(0, only.clone())]));
    }
    if data.len() + parity_frames.len() < count {
        return None;
    }
    let originals = data.iter().map(|(i, shard)| (*i, *shard));
    reed_solomon_simd::decode(count, parity, originals, parity_frames.iter().map(|(i, shard)| (*i, shard)))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The code as docs/formats/video-stream.md defines it, by interpolation, independent of the library.
    mod by_the_page {
        const BASIS: [u16; 16] = [
            0x0001, 0xACCA, 0x3C0E, 0x163E, 0xC582, 0xED2E, 0x914C, 0x4012, 0x6C98, 0x10D8, 0x6A72, 0xB900,
            0xFDB8, 0xFB34, 0xFF38, 0x991E,
        ];

        /// The field element that a number stands for: the sum of the basis elements at its bits.
        fn element(number: u16) -> u16 {
            (0..16).filter(|bit| number >> bit & 1 == 1).fold(0, |sum, bit| sum ^ BASIS[bit])
        }

        /// The number that stands for a field element.
        fn number(element_wanted: u16) -> u16 {
            // The basis is not triangular: solve by elimination.
            let mut rows: Vec<(u16, u16)> = (0..16).map(|bit| (BASIS[bit], 1 << bit)).collect();
            let (mut left, mut result) = (element_wanted, 0);
            for bit in (0..16).rev() {
                let Some(at) = rows.iter().position(|row| row.0 >> bit & 1 == 1) else { continue };
                let row = rows.swap_remove(at);
                for other in rows.iter_mut().filter(|other| other.0 >> bit & 1 == 1) {
                    *other = (other.0 ^ row.0, other.1 ^ row.1);
                }
                if left >> bit & 1 == 1 {
                    (left, result) = (left ^ row.0, result ^ row.1);
                }
            }
            result
        }

        /// The product modulo x^16 + x^5 + x^3 + x^2 + 1.
        fn times(a: u16, b: u16) -> u16 {
            let mut sum = 0u32;
            for bit in (0..16).rev() {
                sum = sum << 1 ^ if sum >> 15 & 1 == 1 { 0x1_002D } else { 0 };
                sum ^= if b >> bit & 1 == 1 { u32::from(a) } else { 0 };
            }
            sum as u16
        }

        fn inverse(a: u16) -> u16 {
            // a^(2^16 - 2)
            (1..16)
                .fold((1, a), |(product, power), _| {
                    let square = times(power, power);
                    (times(product, square), square)
                })
                .0
        }

        /// The value at `x` of the polynomial of least degree with `values` at the elements of the numbers
        /// from `start` on.
        fn interpolated(start: u16, values: &[u16], x: u16) -> u16 {
            let point = |i: usize| element(start + i as u16);
            (0..values.len()).fold(0, |sum, i| {
                let factors = (0..values.len()).filter(|k| *k != i);
                let term = factors.fold(values[i], |term, k| {
                    times(term, times(x ^ point(k), inverse(point(i) ^ point(k))))
                });
                sum ^ term
            })
        }

        /// The 16-bit numbers of a frame: in each 64 bytes, or the rest at the end, the first half are the
        /// low bytes.
        fn numbers(frame: &[u8]) -> Vec<u16> {
            let halves = frame.chunks(64).map(|piece| piece.split_at(piece.len() / 2));
            halves
                .flat_map(|(low, high)| low.iter().zip(high).map(|(l, h)| u16::from_le_bytes([*l, *h])))
                .collect()
        }

        pub(super) fn parity(data: &[&[u8]], count: usize) -> Vec<Vec<u8>> {
            let (k, p) = (data.len().next_power_of_two(), count.next_power_of_two());
            let behind = k > p || (k == p && data.len() <= count);
            let columns: Vec<Vec<u16>> = data.iter().map(|frame| numbers(frame)).collect();
            let column = |at: usize, size: usize, chunk: usize| -> Vec<u16> {
                let values = columns.iter().skip(chunk * size).take(size).map(|column| element(column[at]));
                values.chain(std::iter::repeat(0)).take(size).collect()
            };
            let value = |at: usize, j: usize| match behind {
                true => {
                    let chunks = data.len().div_ceil(p);
                    (0..chunks).fold(0, |sum, chunk| {
                        let start = (p * (chunk + 1)) as u16;
                        sum ^ interpolated(start, &column(at, p, chunk), element(j as u16))
                    })
                }
                false => interpolated(0, &column(at, k, 0), element((k + j) as u16)),
            };
            let frame = |j: usize| {
                let words: Vec<[u8; 2]> =
                    (0..columns[0].len()).map(|at| number(value(at, j)).to_le_bytes()).collect();
                words
                    .chunks(32)
                    .flat_map(|piece| {
                        piece
                            .iter()
                            .map(|word| word[0])
                            .chain(piece.iter().map(|word| word[1]))
                            .collect::<Vec<_>>()
                    })
                    .collect()
            };
            (0..count).map(frame).collect()
        }
    }

    #[test]
    fn parity_is_what_the_page_defines() {
        for (count, extra, length) in
            [(2, 1, 2), (3, 2, 70), (5, 3, 6), (4, 4, 64), (4, 3, 10), (3, 9, 130), (20, 4, 4)]
        {
            let frames: Vec<Vec<u8>> =
                (0..count).map(|i| (0..length).map(|j| (i * 59 + j * 83 + 17) as u8).collect()).collect();
            let shards: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
            assert_eq!(
                parity(&shards, extra).unwrap(),
                by_the_page::parity(&shards, extra),
                "{count} + {extra}"
            );
        }
        // The vector of the page.
        let made = parity(&[&[1, 2, 3, 4], &[5, 6, 7, 8], &[9, 10, 11, 12]], 2).unwrap();
        assert_eq!(made, by_the_page::parity(&[&[1, 2, 3, 4], &[5, 6, 7, 8], &[9, 10, 11, 12]], 2));
        let hex = |frame: &[u8]| frame.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ");
        let words = format!("`{}` and `{}`", hex(&made[0]), hex(&made[1]));
        assert!(include_str!("../../../../docs/formats/video-stream.md").contains(&words), "{words}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn as_many_frames_as_there_were_data_frames_suffice(
            count in 1usize..40, extra in 0usize..20, length in 1usize..40, seed: u64,
        ) {
            let byte = |i: usize, j: usize| (seed.wrapping_mul((i * 977 + j * 31 + 7) as u64) >> 40) as u8;
            let frame = |i: usize| -> Vec<u8> { (0..2 * length).map(|j| byte(i, j)).collect() };
            let frames: Vec<Vec<u8>> = (0..count).map(frame).collect();
            let shards: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
            let made = parity(&shards, extra).unwrap();
            prop_assert_eq!(made.len(), extra);
            // Lose as many frames as there are parity frames, anywhere.
            let lost = |i: usize| (i as u64 * 7 + seed) % ((count + extra) as u64) < extra as u64;
            let data: BTreeMap<usize, &[u8]> =
                shards.iter().enumerate().filter(|(i, _)| !lost(*i)).map(|(i, s)| (i, *s)).collect();
            let mut parity_frames: BTreeMap<usize, Vec<u8>> = made.into_iter().enumerate()
                .filter(|(i, _)| !lost(count + i)).collect();
            while data.len() + parity_frames.len() > count && !parity_frames.is_empty() {
                parity_frames.pop_last();
            }
            let enough = data.len() + parity_frames.len() >= count;
            let found = recover(count, extra, &data, &parity_frames);
            prop_assert_eq!(found.is_some(), enough);
            for (i, shard) in found.unwrap_or_default() {
                prop_assert_eq!(&shard, &frames[i]);
            }
        }
    }
}
