//! Thumbnails for comparing pictures, and the coding order in which similar pictures are neighbours.

use crate::pixels::Shape;

/// Width and height of the thumbnail.
const SIDE: usize = 16;

/// Thumbnail and perceptual hash of a picture.
#[derive(Debug, Clone)]
pub struct Look {
    /// Mean luma of 16 x 16 areas.
    thumbnail: [u8; SIDE * SIDE],
    /// One bit for each pair of horizontal neighbours in 8 rows of 9 areas: luma falls to the right (dHash:
    /// Krawetz, "Kind of like that", 2013). It does not change with brightness, as the thumbnail does.
    gradient: u64,
}

impl Look {
    /// Computes both from a picture.
    pub fn of(shape: Shape, samples: &[u8]) -> Self {
        let mut thumbnail = [0; SIDE * SIDE];
        areas(shape, samples, SIDE, SIDE, &mut thumbnail);
        let mut small = [0; 72];
        areas(shape, samples, 9, 8, &mut small);
        let falls = small.chunks_exact(9).flat_map(|row| row.windows(2).map(|pair| pair[0] > pair[1]));
        let gradient = falls.fold(0, |hash, falls| hash << 1 | u64::from(falls));
        Self { thumbnail, gradient }
    }

    /// Distance of two pictures: the sum of absolute differences of their thumbnails, plus 64 for each
    /// different bit of their hashes. So a bit weighs as a quarter step of luma in every area.
    pub fn distance(&self, other: &Self) -> u32 {
        let pairs = self.thumbnail.iter().zip(&other.thumbnail);
        let sum: u32 = pairs.map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        sum + 64 * (self.gradient ^ other.gradient).count_ones()
    }
}

/// Scene-change threshold: above this distance two pictures show different scenes. It equals 16 steps of luma
/// in every area.
pub const JUMP: u32 = 16 * (SIDE * SIDE) as u32;

/// Mean luma (BT.709, weights in 1/256) of `across` x `down` areas. Transparent pixels count by their stored
/// colour.
fn areas(shape: Shape, samples: &[u8], across: usize, down: usize, out: &mut [u8]) {
    let (width, height, c) = (shape.width as usize, shape.height as usize, usize::from(shape.channels));
    let luma = |x: usize, y: usize| {
        let at = (y * width + x) * c;
        let get = |i: usize| -> u32 {
            if shape.bits == 8 {
                samples[at + i].into()
            } else {
                let sample = u16::from_le_bytes([samples[2 * (at + i)], samples[2 * (at + i) + 1]]);
                u32::from(sample) >> (shape.bits - 8)
            }
        };
        if c >= 3 { (54 * get(0) + 183 * get(1) + 19 * get(2)) >> 8 } else { get(0) }
    };
    for (number, value) in out.iter_mut().enumerate() {
        let (column, row) = (number % across, number / across);
        let range = |i: usize, parts: usize, size: usize| {
            let start = (i * size / parts).min(size - 1);
            start..((i + 1) * size / parts).max(start + 1)
        };
        let (xs, ys) = (range(column, across, width), range(row, down, height));
        // About 16 x 16 samples of each area give its mean closely enough.
        let step = |range: &std::ops::Range<usize>| (range.len() / 16).max(1);
        let (mut sum, mut count) = (0_u64, 0_u64);
        for y in ys.clone().step_by(step(&ys)) {
            for x in xs.clone().step_by(step(&xs)) {
                sum += u64::from(luma(x, y));
                count += 1;
            }
        }
        *value = (sum / count.max(1)).min(255) as u8;
    }
}

/// Longest part that 2-opt may reverse. It makes a round linear in the number of pictures instead of
/// quadratic.
const WINDOW: usize = 100;
/// Maximum number of 2-opt rounds.
const ROUNDS: usize = 8;

/// Orders pictures so that neighbours look alike: nearest neighbour first, then 2-opt (Croes 1958), which
/// reverses parts as long as that shortens the path. Ties keep the order of `looks`.
pub fn order(looks: &[&Look]) -> Vec<usize> {
    let count = looks.len();
    let distance = |a: usize, b: usize| looks[a].distance(looks[b]);
    let mut left: Vec<usize> = (1..count).collect();
    let mut order: Vec<usize> = (0..count.min(1)).collect();
    while let Some(&last) = order.last() {
        let nearest = left.iter().enumerate().min_by_key(|(_, other)| (distance(last, **other), **other));
        let Some((place, _)) = nearest else { break };
        order.push(left.remove(place));
    }
    for _ in 0..ROUNDS {
        let mut better = false;
        for i in 0..count.saturating_sub(2) {
            for j in i + 2..count.min(i + WINDOW) {
                // Reversing i + 1..=j replaces the edges a-b and c-d by a-c and b-d; the last picture has no
                // edge c-d.
                let (a, b, c, d) = (order[i], order[i + 1], order[j], order.get(j + 1).copied());
                let old = distance(a, b) + d.map_or(0, |d| distance(c, d));
                let new = distance(a, c) + d.map_or(0, |d| distance(b, d));
                if new < old {
                    order[i + 1..=j].reverse();
                    better = true;
                }
            }
        }
        if !better {
            break;
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(level: u8) -> Look {
        let shape = Shape { width: 40, height: 30, channels: 1, bits: 8 };
        let samples: Vec<u8> = (0..1200).map(|i| level.wrapping_add((i % 40) as u8)).collect();
        Look::of(shape, &samples)
    }

    #[test]
    fn like_follows_like() {
        let looks: Vec<Look> = [0, 100, 10, 110, 5, 105].into_iter().map(look).collect();
        let order = order(&looks.iter().collect::<Vec<_>>());
        assert_eq!(order, [0, 4, 2, 1, 5, 3]);
        assert!(looks[0].distance(&looks[1]) > JUMP && looks[0].distance(&looks[4]) < JUMP);
        assert_eq!(looks[3].distance(&looks[3]), 0);
    }

    #[test]
    fn every_picture_is_there_once() {
        let looks: Vec<Look> = (0..200_u32).map(|i| look((i * 77 % 251) as u8)).collect();
        let mut order = order(&looks.iter().collect::<Vec<_>>());
        order.sort_unstable();
        assert!(order.into_iter().eq(0..200));
        assert!(super::order(&[]).is_empty());
    }

    #[test]
    fn tiny_and_deep_pictures_have_a_look() {
        for (width, height, bits) in [(1, 1, 8), (1, 300, 16), (300, 1, 10)] {
            let shape = Shape { width, height, channels: 4, bits };
            Look::of(shape, &vec![3; shape.bytes()]);
        }
    }
}
