//! Pareto front of points with two values.

/// Marks the Pareto-optimal points; greater is better in both values. A point is dominated if another is at
/// least as good in both and better in one.
pub fn front(points: &[(f64, f64)]) -> Vec<bool> {
    let beats = |a: &(f64, f64), b: &(f64, f64)| a.0 >= b.0 && a.1 >= b.1 && (a.0 > b.0 || a.1 > b.1);
    points.iter().map(|point| !points.iter().any(|other| beats(other, point))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_front() {
        let points = [(1.0, 9.0), (2.0, 5.0), (2.0, 4.0), (3.0, 5.0), (4.0, 1.0), (4.0, 1.0)];
        assert_eq!(front(&points), [true, false, false, true, true, true]);
        assert!(front(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn the_front_holds_the_best_and_beats_the_rest(
            points in prop::collection::vec((0.0f64..10.0, 0.0f64..10.0), 1..40),
        ) {
            let on = front(&points);
            let best = (0..points.len()).max_by(|a, b| points[*a].partial_cmp(&points[*b]).unwrap()).unwrap();
            prop_assert!(on[best]);
            for (i, point) in points.iter().enumerate() {
                let beaten = points.iter().zip(&on).any(|(p, on)| *on && p.0 >= point.0 && p.1 >= point.1);
                prop_assert!(on[i] || beaten);
            }
        }
    }
}
