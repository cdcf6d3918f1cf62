//! Resampling of a plane onto another grid, with a separable cubic filter.

use rayon::prelude::*;

/// The input samples of one output sample: the first of them, and the weights from there on.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

/// Keys' cubic kernel with `a` = -0.6, which most scalers use (Keys, "Cubic convolution interpolation for
/// digital image processing", 1981).
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.6;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A
    } else {
        0.0
    }
}

/// Taps for `count` output samples. Sample `i` is centred at `start + (i + 0.5) * step` of an axis of
/// `length` samples, whose sample `j` is centred at `j + 0.5`. Beyond its ends the axis repeats its outermost
/// samples.
fn taps(count: usize, start: f64, step: f64, length: usize) -> Vec<Taps> {
    // Scaling down widens the kernel to the output's step: it then also filters what would alias.
    let width = step.max(1.0);
    let last = length as i64 - 1;
    (0..count)
        .map(|i| {
            let centre = start + (i as f64 + 0.5) * step - 0.5;
            let (low, high) = ((centre - 2.0 * width).ceil() as i64, (centre + 2.0 * width).floor() as i64);
            let first = low.clamp(0, last);
            let mut weights = vec![0.0; (high.clamp(0, last) - first + 1) as usize];
            for j in low..=high {
                weights[(j.clamp(0, last) - first) as usize] += cubic((j as f64 - centre) / width);
            }
            // The sampled kernel does not sum to exactly 1: normalising keeps flat areas flat.
            let sum: f64 = weights.iter().sum();
            Taps { first: first as usize, weights: weights.iter().map(|w| (w / sum) as f32).collect() }
        })
        .collect()
}

/// Resamples the plane `samples`, with `width` samples in a row, onto a grid of `size.0` by `size.1` samples.
/// `origin` is the edge of the first output sample and `step` the distance between two, both in input
/// samples. Steps lie between 1/16 and 16.
pub(super) fn resample(
    samples: &[u8],
    width: usize,
    origin: (f64, f64),
    step: (f64, f64),
    size: (usize, usize),
) -> Vec<u8> {
    let height = samples.len() / width;
    let across = taps(size.0, origin.0, step.0, width);
    let down = taps(size.1, origin.1, step.1, height);
    let mut rows_resampled = vec![0.0f32; size.0 * height];
    rows_resampled.par_chunks_mut(size.0).zip(samples.par_chunks(width)).for_each(|(out, row)| {
        for (out, taps) in out.iter_mut().zip(&across) {
            let row = &row[taps.first..][..taps.weights.len()];
            *out = row.iter().zip(&taps.weights).map(|(&s, w)| f32::from(s) * w).sum();
        }
    });
    let mut plane = vec![0; size.0 * size.1];
    plane.par_chunks_mut(size.0).zip(&down).for_each(|(out, taps)| {
        // Starting at 0.5 rounds; the conversion to u8 saturates, which clips the kernel's overshoot.
        let mut sums = vec![0.5f32; size.0];
        for (row, weight) in rows_resampled.chunks(size.0).skip(taps.first).zip(&taps.weights) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value * weight;
            }
        }
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = sum as u8;
        }
    });
    plane
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_grid_gives_the_same_samples_and_a_shift_shifts() {
        let plane: Vec<u8> = (0..64 * 48).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        assert_eq!(resample(&plane, 64, (0.0, 0.0), (1.0, 1.0), (64, 48)), plane);
        let shifted = resample(&plane, 64, (3.0, 2.0), (1.0, 1.0), (60, 40));
        assert!(shifted.chunks(60).enumerate().all(|(y, row)| row == &plane[(y + 2) * 64 + 3..][..60]));
    }

    #[test]
    fn a_slope_stays_a_slope_up_and_down() {
        let plane: Vec<u8> = (0..50 * 40).map(|i| (20 + 3 * (i % 50)) as u8).collect();
        for step in [0.4, 0.7, 1.0, 1.9] {
            let out = resample(&plane, 50, (10.0, 8.0), (step, step), (15, 12));
            for (i, &value) in out.iter().enumerate() {
                let expected = 20.0 + 3.0 * (10.0 + (f64::from((i % 15) as u32) + 0.5) * step - 0.5);
                assert!((f64::from(value) - expected).abs() < 1.1, "{step} {i}: {value} {expected}");
            }
        }
    }
}
