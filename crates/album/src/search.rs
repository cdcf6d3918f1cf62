//! Finds the coarsest level whose quality reaches the target, by false position. Quality falls with the
//! level, and over a few levels almost linearly, so two or three trials replace the six of bisection.

use std::collections::BTreeMap;

/// Assumed slope before two trials measure it, in points of quality per level: a step of SVT-AV1's CRF is
/// about one point.
const FALL: f64 = 1.0;
/// Bounds of the measured slope. Trials close together, or with noise above the slope, would make steps of
/// any length.
const FALLS: (f64, f64) = (0.2, 8.0);
/// Trials by false position; afterwards the range is halved, which bounds the number of trials for any curve.
const MAX_FALSE_POSITION: usize = 6;

/// A search over levels.
#[derive(Debug, Clone)]
pub struct Search {
    range: (u32, u32),
    start: u32,
    /// Quality minus target of each tried level.
    margins: BTreeMap<u32, f64>,
}

impl Search {
    /// A search over an inclusive range of levels that begins at `start`.
    pub fn new(range: (u32, u32), start: u32) -> Self {
        Self { range, start: start.clamp(range.0, range.1), margins: BTreeMap::new() }
    }

    /// Records the margin of a level, quality minus target; negative means too coarse.
    pub fn note(&mut self, level: u32, margin: f64) {
        self.margins.insert(level, margin);
    }

    /// The coarsest level that reached the target.
    pub fn found(&self) -> Option<u32> {
        self.good().map(|(level, _)| level)
    }

    /// The level to try next. `None` ends the search: the level after the one [`found`](Self::found) is too
    /// coarse, or every level is.
    pub fn next(&self) -> Option<u32> {
        let (lowest, highest) = self.range;
        match (self.good(), self.bad()) {
            (None, None) => Some(self.start),
            (Some((good, _)), Some((bad, _))) if good + 1 == bad => None,
            (Some((good, _)), None) if good == highest => None,
            (None, Some((bad, _))) if bad == lowest => None,
            (good, bad) if self.margins.len() >= MAX_FALSE_POSITION => {
                let (good, bad) =
                    (good.map_or(lowest, |(level, _)| level), bad.map_or(highest, |(level, _)| level));
                Some(good + (bad - good).div_ceil(2))
                    .filter(|level| !self.margins.contains_key(level))
                    .or(Some(lowest))
            }
            (Some((good, margin)), bad) => {
                let steps = (margin / self.fall()).floor().max(1.0) as u32;
                let most = bad.map_or(highest, |(bad, _)| bad - 1);
                Some(good.saturating_add(steps).min(most))
            }
            (None, Some((bad, margin))) => {
                let steps = (-margin / self.fall()).ceil().max(1.0) as u32;
                Some(bad.saturating_sub(steps).max(lowest))
            }
        }
    }

    /// The slope near the target, in points of quality per level.
    pub fn fall(&self) -> f64 {
        // From the two trials nearest to the target: the curve is only locally a line.
        let mut near: Vec<(u32, f64)> = self
            .margins
            .iter()
            .map(|(level, margin)| (*level, *margin))
            .filter(|(_, margin)| margin.is_finite())
            .collect();
        near.sort_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
        let [a, b, ..] = near[..] else { return FALL };
        ((a.1 - b.1) / (f64::from(b.0) - f64::from(a.0))).clamp(FALLS.0, FALLS.1)
    }

    /// The coarsest level that reached the target, and its margin.
    fn good(&self) -> Option<(u32, f64)> {
        self.margins.iter().rev().find(|(_, margin)| **margin >= 0.0).map(|(level, margin)| (*level, *margin))
    }

    /// The finest level known to be too coarse, above the coarsest good one.
    fn bad(&self) -> Option<(u32, f64)> {
        let above = self.good().map_or(0, |(level, _)| level + 1);
        self.margins.range(above..).next().map(|(level, margin)| (*level, *margin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The level found and the number of trials.
    fn search(range: (u32, u32), start: u32, margin: impl Fn(u32) -> f64) -> (Option<u32>, usize) {
        let mut search = Search::new(range, start);
        let mut tried = 0;
        while let Some(level) = search.next() {
            assert!((range.0..=range.1).contains(&level));
            assert!(!search.margins.contains_key(&level), "{level} twice");
            search.note(level, margin(level));
            tried += 1;
        }
        (search.found(), tried)
    }

    #[test]
    fn finds_the_edge_of_a_line_at_once() {
        for (edge, fall) in (4..60).flat_map(|edge| [0.5, 0.9, 1.7].map(|fall| (edge, fall))) {
            let (found, tried) =
                search((4, 60), 30, |level| (f64::from(edge) + 0.4 - f64::from(level)) * fall);
            assert_eq!(found, Some(edge));
            assert!(tried <= 4, "{edge} {fall}: {tried}");
        }
    }

    #[test]
    fn finds_the_edge_of_anything_that_falls() {
        for start in [0, 7, 63] {
            for edge in 0..=64_u32 {
                let steep = |level: u32| if level < edge { 0.001 } else { -50.0 };
                let bent = |level: u32| 1.0 - ((f64::from(level) + 1.0) / (f64::from(edge) + 0.5)).powi(5);
                let lost = |level: u32| if level < edge { 3.0 } else { f64::NEG_INFINITY };
                let expected = edge.checked_sub(1);
                for (found, tried) in [
                    search((0, 63), start, steep),
                    search((0, 63), start, bent),
                    search((0, 63), start, lost),
                ] {
                    assert_eq!(found, expected, "edge {edge}, start {start}");
                    assert!(tried <= 16, "edge {edge}, start {start}: {tried}");
                }
            }
        }
    }
}
