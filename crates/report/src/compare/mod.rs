//! Compares two benchmark runs: bytes exactly, times with their uncertainty (see [`Change`]).

mod change;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use super::summary::{self, Setup, failed, geometric};
use super::text;
pub use change::{BETWEEN_RUNS, Change, MOMENT, RESOLVABLE, Verdict};
use change::{change, effect, quantile_for};
use lab_bench::results::{Cell, Results};

/// A cell of both runs.
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
    /// New / old bytes, minus 1; `None` if a run failed.
    pub growth: Option<f64>,
    /// Whether the cell failed, old and new.
    pub failed: [bool; 2],
    /// Encoding.
    pub encode: Change,
    /// Decoding.
    pub decode: Change,
}

/// The sum over all pairs of one setup.
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
    /// The reason.
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

    /// Lines about everything above a limit: grown or newly failed cells, and with `speed`, slower chains.
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
