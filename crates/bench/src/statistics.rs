//! Robust statistics of repeated measurements: median, MAD, and a distribution-free confidence interval.

use super::results::Timing;

/// A measurement is noisy if its MAD exceeds this share of its median.
pub const NOISY: f64 = 0.05;

/// The median: the middle value, or the mean of the two in the middle; 0 for an empty slice.
pub fn median(values: &[f64]) -> f64 {
    of_sorted(&sorted(values))
}

/// Median absolute deviation from the median (MAD).
pub fn mad(values: &[f64]) -> f64 {
    let middle = median(values);
    median(&values.iter().map(|v| (v - middle).abs()).collect::<Vec<_>>())
}

/// A confidence interval of the median, at least 95 % for any distribution: from the k-th smallest to the
/// k-th greatest value. k is the largest number for which n fair coins show fewer than k heads with a
/// probability of at most 2.5 %. Fewer than six values have no such k; the extremes are returned.
///
/// Source: David and Nagaraja, Order Statistics, section 7.1.
pub fn confidence(values: &[f64]) -> [f64; 2] {
    let sorted = sorted(values);
    match sorted.len() {
        0 => [0.0, 0.0],
        n => {
            let k = rank(n).max(1);
            [sorted[k - 1], sorted[n - k]]
        }
    }
}

/// The greatest k whose interval covers the median with at least 95 %; 0 if even the extremes do not.
pub fn rank(n: usize) -> usize {
    // Binomial distribution: the probability of exactly k heads in n throws, from that of k - 1.
    let mut term = 0.5f64.powi(i32::try_from(n).unwrap_or(i32::MAX));
    if term == 0.0 {
        // Normal approximation above a thousand values.
        let n = n as f64;
        return (n / 2.0 - 0.98 * n.sqrt()).floor() as usize;
    }
    let (mut sum, mut k) = (0.0, 0);
    while sum + term <= 0.025 {
        sum += term;
        term *= (n - k) as f64 / (k + 1) as f64;
        k += 1;
    }
    k
}

/// Figures of wall times and of the CPU times of the same measurements, in seconds.
pub fn timing(wall: &[f64], cpu: &[f64]) -> Timing {
    let (median, mad) = (median(wall), mad(wall));
    Timing {
        n: u32::try_from(wall.len()).unwrap_or(u32::MAX),
        median: rounded(median),
        min: rounded(wall.iter().copied().reduce(f64::min).unwrap_or(0.0)),
        mad: rounded(mad),
        confidence: confidence(wall).map(rounded),
        cpu: rounded(self::median(cpu)),
        noisy: mad > NOISY * median,
        samples: wall.iter().copied().map(rounded).collect(),
    }
}

/// Geometric mean of positive values; 0 for an empty slice.
pub fn geometric_mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0u32), |(sum, n), v| (sum + v.ln(), n + 1));
    if n == 0 { 0.0 } else { (sum / f64::from(n)).exp() }
}

/// Rounds to picoseconds: further digits are noise that makes files longer.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e12).round() / 1e12
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn of_sorted(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_values() {
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(mad(&[1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0]), 1.0);
        assert!((geometric_mean([1.0, 8.0, 1.0].into_iter()) - 2.0).abs() < 1e-12);
    }

    /// The ranks for 95 % as textbooks tabulate them.
    #[test]
    fn ranks_of_the_textbook() {
        let table = [(1, 0), (5, 0), (6, 1), (8, 1), (9, 2), (11, 2), (12, 3), (20, 6), (30, 10), (100, 40)];
        for (n, k) in table {
            assert_eq!(rank(n), k, "n = {n}");
        }
        // The approximation continues the exact ranks.
        assert!(rank(1074).abs_diff(rank(1075)) <= 1);
    }

    proptest! {
        #[test]
        fn order_does_not_matter_and_everything_lies_within_the_extremes(
            mut values in prop::collection::vec(1e-9f64..1e3, 1..60),
        ) {
            let first = timing(&values, &values);
            values.reverse();
            let second = timing(&values, &values);
            prop_assert_eq!(first.median, second.median);
            prop_assert_eq!(first.mad, second.mad);
            prop_assert_eq!(first.confidence, second.confidence);
            let greatest = values.iter().copied().fold(0.0, f64::max);
            let [low, high] = confidence(&values);
            let middle = median(&values);
            prop_assert!(low <= middle && middle <= high && high <= greatest);
            prop_assert!(first.min <= first.median);
            prop_assert!(mad(&values) <= greatest);
        }

        #[test]
        fn scaling_scales(values in prop::collection::vec(0.1f64..10.0, 1..40)) {
            let doubled: Vec<f64> = values.iter().map(|v| v * 2.0).collect();
            prop_assert!((median(&doubled) - 2.0 * median(&values)).abs() < 1e-9);
            prop_assert!((mad(&doubled) - 2.0 * mad(&values)).abs() < 1e-9);
            prop_assert_eq!(timing(&values, &[]).noisy, timing(&doubled, &[]).noisy);
        }

        #[test]
        fn an_outlier_moves_the_mean_but_not_the_median(values in prop::collection::vec(1.0f64..1.1, 5..40)) {
            let mut spoilt = values.clone();
            spoilt[0] = 1e6;
            prop_assert!(median(&spoilt) <= 1.1);
            prop_assert!(!timing(&values, &[]).noisy || mad(&values) > NOISY * median(&values));
        }

        /// Checks the coverage: the interval of fair draws misses the known median in at most 5 % of cases.
        #[test]
        fn ranks_keep_their_promise(n in 6usize..400) {
            let tail = |k: usize| {
                let mut term = 0.5f64.powi(n as i32);
                let mut sum = 0.0;
                for i in 0..k {
                    sum += term;
                    term *= (n - i) as f64 / (i + 1) as f64;
                }
                sum
            };
            let k = rank(n);
            prop_assert!(2.0 * tail(k) <= 0.05 && 2.0 * tail(k + 1) > 0.05);
        }
    }
}
