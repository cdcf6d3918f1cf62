//! What two times say about each other.
//!
//! Times are compared as ratios of medians, new over old. The uncertainty of a ratio is put together, on a log scale,
//! from the confidence intervals of both medians and from what two runs of the very same program differ by (see
//! [`BETWEEN_RUNS`] and [`MOMENT`]); it is widened for the number of comparisons made at once, so that one false alarm
//! among all of them stays unlikely. A change is *significant* where 1 lies outside the widened interval; where 1 lies
//! inside, but changes of more than [`RESOLVABLE`] do, too, the measurement is too coarse to tell: *not resolvable*.

use serde::Serialize;

use lab_bench::results::Timing;

/// Half of the 95 % interval of what two runs of the same program differ by, as a share: memory layout, frequency,
/// neighbours on the machine. It does not shrink by measuring more often within a run.
pub const BETWEEN_RUNS: f64 = 0.025;
/// The same in seconds: what the place of code and data in memory and the clock itself add to any one time. It decides
/// about calls of less than a few microseconds, which two builds, or two runs of one, cannot tell apart.
pub const MOMENT: f64 = 0.2e-6;
/// A change that a measurement has to be able to show, to be called "the same" where it shows none.
pub const RESOLVABLE: f64 = 0.10;

/// What the times say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Significantly less time.
    Faster,
    /// Significantly more time.
    Slower,
    /// No significant change, and a change worth speaking of would have shown.
    Same,
    /// Too few or too scattered measurements to tell.
    NotResolvable,
    /// Not timed in both runs.
    Unknown,
}

impl Verdict {
    /// For people.
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

/// Two times against each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Change {
    /// New time over old time: above 1 is slower.
    pub time: Option<f64>,
    /// Where the true ratio lies, widened for the number of comparisons.
    pub interval: Option<[f64; 2]>,
    /// What that says.
    pub verdict: Verdict,
}

/// The log of a ratio of medians, and its variance within the runs; none for the latter where it is not known.
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
    // With few measurements the interval is that of the extremes, which hold the median less often.
    let quantile = match timing.n {
        3 => 1.15,
        4 => 1.53,
        5 => 1.86,
        _ => 1.96,
    };
    let moment = MOMENT / timing.median / 1.96;
    Some((half / quantile).hypot(moment))
}

/// Combines effects. A difference between runs affects all cells of a run alike, so more cells do not shrink it.
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

/// How many standard deviations hold 95 % of the cases in which none of `n` comparisons is a false alarm.
pub(super) fn quantile_for(n: usize) -> f64 {
    let tail = 0.05 / (2.0 * n.max(1) as f64);
    // Abramowitz and Stegun, 26.2.23; its error is below 0.0005.
    let t = (-2.0 * tail.ln()).sqrt();
    t - (2.515_517 + 0.802_853 * t + 0.010_328 * t * t)
        / (1.0 + 1.432_788 * t + 0.189_269 * t * t + 0.001_308 * t * t * t)
}
