//! Two runs of a benchmark against each other: bytes exactly, times with their uncertainty.
//!
//! Times are compared as ratios of medians, new over old. The uncertainty of a ratio is put together, on a log scale,
//! from the confidence intervals of both medians and from what two runs of the very same program differ by (see
//! [`BETWEEN_RUNS`] and [`MOMENT`]); it is widened for the number of comparisons made at once, so that one false alarm among all of
//! them stays unlikely. A change is *significant* where 1 lies outside the widened interval; where 1 lies inside, but
//! changes of more than [`RESOLVABLE`] do, too, the measurement is too coarse to tell: *not resolvable*.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use super::summary::{self, Setup, failed, geometric};
use super::text;
use crate::bench::results::{Cell, Results, Timing};

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

/// A cell that both runs have.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// The setup in words.
    pub label: String,
    /// The corpus.
    pub corpus: Option<String>,
    /// The sample.
    pub sample: String,
    /// The chain's canonical text.
    pub chain: String,
    /// Bytes of a segment; 0 for whole.
    pub segment_bytes: u64,
    /// Threads in all.
    pub threads: u32,
    /// What the medium went through; empty for nothing.
    pub channel: String,
    /// Encoded bytes, old and new.
    pub bytes: [u64; 2],
    /// New over old bytes, less 1; none where a run failed.
    pub growth: Option<f64>,
    /// Whether the cell failed, old and new.
    pub failed: [bool; 2],
    /// Encoding.
    pub encode: Change,
    /// Decoding.
    pub decode: Change,
}

/// The pairs of one setup together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Total {
    /// The setup in words.
    pub label: String,
    /// The chain's canonical text.
    pub chain: String,
    /// Bytes of a segment; 0 for whole.
    pub segment_bytes: u64,
    /// Threads in all.
    pub threads: u32,
    /// What the medium went through; empty for nothing.
    pub channel: String,
    /// Pairs that enter the sums.
    pub pairs: usize,
    /// Encoded bytes, old and new.
    pub bytes: [u64; 2],
    /// New over old bytes, less 1.
    pub growth: Option<f64>,
    /// The geometric mean of new over old bytes, less 1.
    pub mean_growth: Option<f64>,
    /// Encoding, geometric mean over pairs.
    pub encode: Change,
    /// Decoding, geometric mean over pairs.
    pub decode: Change,
}

/// A cell that cannot be compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Single {
    /// The cell, in words.
    pub cell: String,
    /// Why it stands alone.
    pub reason: String,
}

/// All differences of two runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The names of the runs, old and new.
    pub names: [String; 2],
    /// The sums of every chain.
    pub totals: Vec<Total>,
    /// The cells of both runs.
    pub pairs: Vec<Pair>,
    /// The cells that only one run has, or whose original differs.
    pub singles: Vec<Single>,
}

/// A limit that a new run may exceed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// The share by which bytes may grow.
    pub share: f64,
    /// Whether significantly longer times count, too.
    pub speed: bool,
}

impl Comparison {
    /// Compares `new` with `old`.
    pub fn new(old: &Results, new: &Results) -> Self {
        let mut index: HashMap<Key, &Cell> = HashMap::new();
        for cell in &new.cells {
            index.insert(key(cell), cell);
        }
        let mut matched: Vec<(&Cell, &Cell)> = Vec::new();
        let mut singles = Vec::new();
        for cell in &old.cells {
            match index.remove(&key(cell)) {
                Some(other) if other.bytes == cell.bytes => matched.push((cell, other)),
                Some(other) => singles.push(single(
                    cell,
                    format!(
                        "the original had {} bytes, now {}",
                        text::count(cell.bytes),
                        text::count(other.bytes)
                    ),
                )),
                None => singles.push(single(cell, "only in the old run".into())),
            }
        }
        let alone = new.cells.iter().filter(|c| index.contains_key(&key(c)));
        singles.extend(alone.map(|cell| single(cell, "only in the new run".into())));
        let z = quantile_for(matched.len() * 2);
        let setups: BTreeSet<Setup> = matched.iter().map(|(a, _)| Setup::of(a)).collect();
        let pairs: Vec<Pair> = matched.iter().map(|(a, b)| pair(a, b, z, &setups)).collect();
        let totals = totals(&matched);
        Self { names: [old.name.clone(), new.name.clone()], totals, pairs, singles }
    }

    /// What exceeds a limit, in words: grown or newly failed cells, and slower chains where they count.
    pub fn exceeding(&self, limit: Limit) -> Vec<String> {
        let mut lines = Vec::new();
        for pair in &self.pairs {
            let name = format!("{} of {}", pair.label, pair.name());
            if pair.failed == [false, true] {
                lines.push(format!("{name} fails now"));
            } else if let Some(growth) = pair.growth.filter(|g| *g > limit.share) {
                lines.push(format!("{name} grew by {}", percent(growth)));
            }
        }
        for total in self.totals.iter().filter(|_| limit.speed) {
            for (word, change) in [("encodes", total.encode), ("decodes", total.decode)] {
                let slower =
                    change.time.filter(|t| change.verdict == Verdict::Slower && *t > 1.0 + limit.share);
                if let Some(time) = slower {
                    lines.push(format!("{} {word} in {time:.3} times the time", total.label));
                }
            }
        }
        lines
    }
}

/// A share with a sign, in percent.
pub fn percent(share: f64) -> String {
    if share == 0.0 { "0 %".to_string() } else { format!("{:+.2} %", share * 100.0) }
}

impl Pair {
    /// The sample with its corpus.
    pub fn name(&self) -> String {
        let corpus = self.corpus.as_deref().map(|c| text::visible(c) + "/").unwrap_or_default();
        corpus + &text::visible(&self.sample)
    }
}

type Key = (Option<String>, String, Setup);

fn key(cell: &Cell) -> Key {
    (cell.corpus.clone(), cell.sample.clone(), Setup::of(cell))
}

fn single(cell: &Cell, reason: String) -> Single {
    Single { cell: format!("{}, {}", text::chain(&cell.chain), text::sample(cell)), reason }
}

fn pair(a: &Cell, b: &Cell, z: f64, setups: &BTreeSet<Setup>) -> Pair {
    let setup = Setup::of(a);
    let failed = [failed(a), failed(b)];
    Pair {
        label: summary::label(&setup, setups.iter()),
        corpus: a.corpus.clone(),
        sample: a.sample.clone(),
        chain: setup.chain,
        segment_bytes: setup.segment_bytes,
        threads: setup.threads,
        channel: setup.channel,
        bytes: [a.output_bytes, b.output_bytes],
        growth: (failed == [false, false]).then(|| growth(a.output_bytes, b.output_bytes)).flatten(),
        failed,
        encode: change(&[effect(&a.encode, &b.encode)], z),
        decode: change(&[effect(&a.decode, &b.decode)], z),
    }
}

fn growth(old: u64, new: u64) -> Option<f64> {
    match (old, new) {
        (0, 0) => Some(0.0),
        (0, _) => None,
        _ => Some((new as f64 - old as f64) / old as f64),
    }
}

fn totals(matched: &[(&Cell, &Cell)]) -> Vec<Total> {
    let mut setups: Vec<(Setup, Vec<(&Cell, &Cell)>)> = Vec::new();
    for (a, b) in matched.iter().filter(|(a, b)| !failed(a) && !failed(b)) {
        let setup = Setup::of(a);
        match setups.iter_mut().find(|(s, _)| *s == setup) {
            Some((_, pairs)) => pairs.push((a, b)),
            None => setups.push((setup, vec![(a, b)])),
        }
    }
    let z = quantile_for(setups.len() * 2);
    let all: Vec<Setup> = setups.iter().map(|(setup, _)| setup.clone()).collect();
    let total = |(setup, pairs): (Setup, Vec<(&Cell, &Cell)>)| {
        let bytes = [
            pairs.iter().map(|(a, _)| a.output_bytes).sum(),
            pairs.iter().map(|(_, b)| b.output_bytes).sum::<u64>(),
        ];
        let ratios = pairs.iter().filter(|(a, b)| a.output_bytes > 0 && b.output_bytes > 0);
        let encode: Vec<_> = pairs.iter().map(|(a, b)| effect(&a.encode, &b.encode)).collect();
        let decode: Vec<_> = pairs.iter().map(|(a, b)| effect(&a.decode, &b.decode)).collect();
        Total {
            label: summary::label(&setup, all.iter()),
            chain: setup.chain,
            segment_bytes: setup.segment_bytes,
            threads: setup.threads,
            channel: setup.channel,
            pairs: pairs.len(),
            bytes,
            growth: growth(bytes[0], bytes[1]),
            mean_growth: geometric(ratios.map(|(a, b)| b.output_bytes as f64 / a.output_bytes as f64))
                .map(|mean| mean - 1.0),
            encode: change(&encode, z),
            decode: change(&decode, z),
        }
    };
    setups.into_iter().map(total).collect()
}

/// The log of a ratio of medians, and its variance within the runs; none for the latter where it is not known.
type Effect = Option<(f64, Option<f64>)>;

fn effect(a: &Timing, b: &Timing) -> Effect {
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

/// Puts effects together. What runs differ by hits all cells of a run alike and is no smaller for many of them.
fn change(effects: &[Effect], z: f64) -> Change {
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
fn quantile_for(n: usize) -> f64 {
    let tail = 0.05 / (2.0 * n.max(1) as f64);
    // Abramowitz and Stegun, 26.2.23; its error is below 0.0005.
    let t = (-2.0 * tail.ln()).sqrt();
    t - (2.515_517 + 0.802_853 * t + 0.010_328 * t * t)
        / (1.0 + 1.432_788 * t + 0.189_269 * t * t + 0.001_308 * t * t * t)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{cell, results, timing};

    fn timed(median: f64, spread: f64) -> Cell {
        let mut cell = cell("c", "a", "zstd", 1000, 500);
        cell.encode = timing(median, spread);
        cell
    }

    fn verdict(a: Cell, b: Cell) -> Verdict {
        Comparison::new(&results(vec![a]), &results(vec![b])).pairs[0].encode.verdict
    }

    #[test]
    fn quantiles() {
        assert!((quantile_for(1) - 1.96).abs() < 1e-3);
        assert!((quantile_for(10) - 2.807).abs() < 1e-3);
    }

    #[test]
    fn times_are_judged_by_their_intervals() {
        assert_eq!(verdict(timed(1.0, 0.01), timed(1.01, 0.01)), Verdict::Same);
        assert_eq!(verdict(timed(1.0, 0.01), timed(1.1, 0.01)), Verdict::Slower);
        assert_eq!(verdict(timed(1.0, 0.01), timed(0.8, 0.01)), Verdict::Faster);
        assert_eq!(verdict(timed(1.0, 0.3), timed(1.1, 0.3)), Verdict::NotResolvable);
        let once = Timing { n: 1, median: 1.0, confidence: [1.0, 1.0], ..Timing::default() };
        let once = Cell { encode: once, ..timed(1.0, 0.0) };
        assert_eq!(verdict(once.clone(), timed(9.0, 0.0)), Verdict::NotResolvable);
        assert_eq!(verdict(Cell { encode: Timing::default(), ..once }, timed(1.0, 0.1)), Verdict::Unknown);
    }

    /// Two runs of three chains on four samples: noise within a run and a shift between runs, reproducible by seed.
    fn run_of(seed: u64, slower: f64) -> Results {
        let mut state = seed;
        let mut normal = move || {
            // The sum of twelve uniform numbers is close to a normal one.
            let mut uniform = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 40) as f64 / (1u64 << 24) as f64
            };
            (0..12).map(|_| uniform()).sum::<f64>() - 6.0
        };
        let shift = 1.0 + 0.008 * normal();
        let mut cells = Vec::new();
        for chain in ["zstd", "xz", "slowed"] {
            for sample in ["a", "b", "c", "d"] {
                let mut cell = cell("c", sample, chain, 1000, 500);
                let factor = shift * if chain == "slowed" { slower } else { 1.0 };
                for timing in [&mut cell.encode, &mut cell.decode] {
                    let times: Vec<f64> = (0..9).map(|_| 0.01 * factor * (1.0 + 0.03 * normal())).collect();
                    *timing = crate::bench::statistics::timing(&times, &times);
                }
                cells.push(cell);
            }
        }
        results(cells)
    }

    fn alarms(comparison: &Comparison, chain: &str) -> usize {
        let totals = comparison.totals.iter().filter(|t| t.chain == chain).flat_map(|t| [t.encode, t.decode]);
        let pairs = comparison.pairs.iter().filter(|p| p.chain == chain).flat_map(|p| [p.encode, p.decode]);
        totals.chain(pairs).filter(|c| matches!(c.verdict, Verdict::Slower | Verdict::Faster)).count()
    }

    #[test]
    fn equal_runs_raise_no_alarm_and_a_tenth_is_seen() {
        let (mut false_alarms, mut seen) = (0, 0);
        for i in 0..10 {
            let old = run_of(2 * i + 1, 1.0);
            let same = Comparison::new(&old, &run_of(2 * i + 2, 1.0));
            false_alarms += usize::from(["zstd", "xz", "slowed"].iter().any(|c| alarms(&same, c) > 0));
            let slowed = Comparison::new(&old, &run_of(2 * i + 2, 1.1));
            let total = slowed.totals.iter().find(|t| t.chain == "slowed").unwrap();
            seen += usize::from(total.encode.verdict == Verdict::Slower);
        }
        assert!(false_alarms <= 1 && seen >= 9, "{false_alarms} false alarms, {seen} of 10 seen");
    }

    #[test]
    fn times_below_a_moment_are_not_resolvable() {
        assert_eq!(verdict(timed(3e-7, 0.01), timed(3.6e-7, 0.01)), Verdict::NotResolvable);
    }

    #[test]
    fn bytes_are_exact_and_nothing_is_lost() {
        let old = results(vec![
            cell("c", "a", "zstd", 1000, 500),
            cell("c", "b", "zstd", 1000, 500),
            cell("c", "gone", "zstd", 10, 5),
            cell("c", "changed", "zstd", 10, 5),
        ]);
        let mut broken = cell("c", "b", "zstd", 1000, 500);
        broken.verified = false;
        let new = results(vec![
            cell("c", "a", "zstd", 1000, 515),
            broken,
            cell("c", "new", "zstd", 10, 5),
            cell("c", "changed", "zstd", 11, 5),
        ]);
        let comparison = Comparison::new(&old, &new);
        assert_eq!(comparison.pairs.len(), 2);
        assert_eq!(comparison.pairs[0].growth, Some(0.03));
        let reasons: Vec<_> = comparison.singles.iter().map(|s| s.reason.as_str()).collect();
        assert_eq!(
            reasons,
            ["only in the old run", "the original had 10 bytes, now 11", "only in the new run"]
        );
        let over = comparison.exceeding(Limit { share: 0.029, speed: false });
        assert_eq!(over, ["zstd of c/a grew by +3.00 %", "zstd of c/b fails now"]);
        assert_eq!(comparison.exceeding(Limit { share: 0.03, speed: false }), ["zstd of c/b fails now"]);
    }

    #[test]
    fn a_slower_chain_counts_only_where_asked() {
        let comparison = Comparison::new(&results(vec![timed(1.0, 0.01)]), &results(vec![timed(1.2, 0.01)]));
        assert!(comparison.exceeding(Limit { share: 0.03, speed: false }).is_empty());
        assert_eq!(
            comparison.exceeding(Limit { share: 0.03, speed: true }),
            ["zstd encodes in 1.200 times the time"]
        );
        assert!(comparison.exceeding(Limit { share: 0.25, speed: true }).is_empty());
    }
}
