//! Significance of a time difference.
//!
//! Times are compared as ratios of medians, new / old. On a log scale, the uncertainty of a ratio combines
//! the confidence intervals of both medians with the noise between two runs of the same program (see
//! [`BETWEEN_RUNS`] and [`MOMENT`]). The interval is widened for the number of comparisons, so that one false
//! alarm among all of them stays unlikely. A change is *significant* if 1 lies outside the widened interval.
//! It is *not resolvable* if 1 lies inside, together with changes of more than [`RESOLVABLE`].

use serde::Serialize;

use lab_bench::results::Timing;

/// Half of the 95 % interval of the relative difference between two runs of the same program, caused by
/// memory layout, clock frequency and other processes. More measurements within a run do not reduce it.
pub const BETWEEN_RUNS: f64 = 0.025;
/// The same noise in seconds, from code placement and the clock. It dominates for calls of a few
/// microseconds.
pub const MOMENT: f64 = 0.2e-6;
/// Relative change that a measurement must be able to detect for the verdict "the same".
pub const RESOLVABLE: f64 = 0.10;

/// The verdict about two times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Significantly less time.
    Faster,
    /// Significantly more time.
    Slower,
    /// No significant change, and a change of [`RESOLVABLE`] would have been detected.
    Same,
    /// Too few or too noisy measurements.
    NotResolvable,
    /// Not timed in both runs.
    Unknown,
}

impl Verdict {
    /// The verdict as text.
    pub fn words(self) -> &'static str {
        match self {
            Self::Faster => "faster",
            Self::Slower => "slower",
            Self::Same => "same",
            Self::NotResolvable => "not resolvable",
            Self::Unknown => "-",
        }
    }
}

/// The comparison of two times.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Change {
    /// New / old time: above 1 is slower.
    pub time: Option<f64>,
    /// Confidence interval of the ratio, widened for the number of comparisons.
    pub interval: Option<[f64; 2]>,
    /// The verdict.
    pub verdict: Verdict,
}

/// The log of a ratio of medians, and its variance within the runs if known.
pub(super) type Effect = Option<(f64, Option<f64>)>;

pub(super) fn effect(a: &Timing, b: &Timing) -> Effect {
    if a.n == 0 || b.n == 0 || a.median <= 0.0 || b.median <= 0.0 {
        return None;
    }
    let variance = deviation(a).zip(deviation(b)).map(|(a, b)| a * a + b * b);
    Some(((b.median / a.median).ln(), variance))
}

/// The standard deviation of the log of a median, from its confidence interval.
fn deviation(timing: &Timing) -> Option<f64> {
    let [low, high] = timing.confidence;
    if timing.n < 3 || low <= 0.0 || high < low {
        return None;
    }
    let half = (high / timing.median).ln().max((timing.median / low).ln()).max(0.0);
    // Below six measurements, the interval is the extremes, whose confidence is below 95 %.
    let quantile = match timing.n {
        3 => 1.15,
        4 => 1.53,
        5 => 1.86,
        _ => 1.96,
    };
    let moment = MOMENT / timing.median / 1.96;
    Some((half / quantile).hypot(moment))
}

/// Combines effects. Noise between runs affects all cells of a run alike, so more cells do not reduce it.
pub(super) fn change(effects: &[Effect], z: f64) -> Change {
    let known: Vec<(f64, Option<f64>)> = effects.iter().copied().flatten().collect();
    if known.is_empty() || known.len() < effects.len() {
        return Change { time: None, interval: None, verdict: Verdict::Unknown };
    }
    let n = known.len() as f64;
    let mean = known.iter().map(|(log, _)| log).sum::<f64>() / n;
    let time = Some(mean.exp());
    let Some(variances) = known.iter().map(|(_, v)| *v).collect::<Option<Vec<f64>>>() else {
        return Change { time, interval: None, verdict: Verdict::NotResolvable };
    };
    let between = BETWEEN_RUNS / 1.96;
    let deviation = (variances.iter().sum::<f64>() / (n * n) + between * between).sqrt();
    let (low, high) = (mean - z * deviation, mean + z * deviation);
    let verdict = if low > 0.0 {
        Verdict::Slower
    } else if high < 0.0 {
        Verdict::Faster
    } else if z * deviation <= RESOLVABLE.ln_1p() {
        Verdict::Same
    } else {
        Verdict::NotResolvable
    };
    Change { time, interval: Some([low.exp(), high.exp()]), verdict }
}

/// Number of standard deviations at which all of `n` comparisons are without a false alarm in 95 % of cases.
pub(super) fn quantile_for(n: usize) -> f64 {
    let tail = 0.05 / (2.0 * n.max(1) as f64);
    // Abramowitz and Stegun, 26.2.23; its error is below 0.0005.
    let t = (-2.0 * tail.ln()).sqrt();
    t - (2.515_517 + 0.802_853 * t + 0.010_328 * t * t)
        / (1.0 + 1.432_788 * t + 0.189_269 * t * t + 0.001_308 * t * t * t)
}
