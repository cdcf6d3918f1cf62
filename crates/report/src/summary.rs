//! Sums of cells: one row for each setup of a chain, over all samples or those of one corpus.
//!
//! Only verified cells enter a sum. A row over fewer samples than others is marked, since its sums are not
//! comparable.

use std::collections::BTreeSet;

use super::text;
use lab_bench::results::{Cell, Results, Timing};

/// The setup of a row: chain, segment size, threads and channel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Setup {
    /// The chain's canonical text.
    pub chain: String,
    /// Bytes of a segment; 0 for whole.
    pub segment_bytes: u64,
    /// Threads in all.
    pub threads: u32,
    /// What the medium went through; empty for nothing.
    pub channel: String,
}

impl Setup {
    /// The setup of a cell.
    pub fn of(cell: &Cell) -> Self {
        let channel = if cell.channel == "none" { String::new() } else { cell.channel.clone() };
        Self { chain: cell.chain.clone(), segment_bytes: cell.segment_bytes, threads: cell.threads, channel }
    }
}

/// Throughput in millions of original bytes per second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Speed {
    /// Of all bytes in all time.
    pub total: f64,
    /// The geometric mean over samples.
    pub mean: f64,
}

/// One setup over a set of samples.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// The setup.
    pub setup: Setup,
    /// Chain, with segment, threads and channel where the results have several of them.
    pub label: String,
    /// The verified cells.
    pub cells: Vec<&'a Cell>,
    /// The cells that failed.
    pub failed: Vec<&'a Cell>,
    /// Whether no other row has more samples.
    pub complete: bool,
    /// Original bytes of the verified cells.
    pub bytes: u64,
    /// Their encoded bytes.
    pub output_bytes: u64,
    /// Bytes of resources beside them.
    pub bytes_side: u64,
}

impl<'a> Row<'a> {
    /// Original over encoded bytes, of the sums.
    pub fn ratio(&self) -> Option<f64> {
        ratio(self.bytes, self.output_bytes)
    }

    /// Original over encoded bytes with the resources counted in.
    pub fn ratio_with_side(&self) -> Option<f64> {
        ratio(self.bytes, self.output_bytes + self.bytes_side)
    }

    /// The geometric mean of the samples' ratios.
    pub fn mean_ratio(&self) -> Option<f64> {
        geometric(self.cells.iter().filter_map(|c| ratio(c.bytes, c.output_bytes)))
    }

    /// Encoded bits per original byte, of the sums.
    pub fn bits_per_byte(&self) -> Option<f64> {
        (self.bytes > 0).then(|| self.output_bytes as f64 * 8.0 / self.bytes as f64)
    }

    /// Throughput of one direction; none where a sample was not timed.
    pub fn speed(&self, timing: impl Fn(&Cell) -> &Timing) -> Option<Speed> {
        let seconds = self.seconds(&timing)?;
        let rates = self.cells.iter().map(|c| c.bytes as f64 / timing(c).median / 1e6);
        Some(Speed { total: self.bytes as f64 / seconds / 1e6, mean: geometric(rates.filter(|r| *r > 0.0))? })
    }

    /// The sum of median times; none where a sample was not timed.
    pub fn seconds(&self, timing: impl Fn(&Cell) -> &Timing) -> Option<f64> {
        let timed = |c: &&Cell| timing(c).n > 0 && timing(c).median > 0.0;
        (self.bytes > 0 && self.cells.iter().filter(|c| c.bytes > 0).all(timed))
            .then(|| self.cells.iter().map(|c| timing(c).median).sum())
    }

    /// Whether any of the timings scatters.
    pub fn noisy(&self) -> bool {
        self.cells.iter().any(|c| c.encode.noisy || c.decode.noisy)
    }

    /// The peak memory of all cells.
    pub fn memory(&self, memory: impl Fn(&Cell) -> Option<u64>) -> Option<u64> {
        self.cells.iter().filter_map(|c| memory(c)).max()
    }

    /// Stage names with the sums of bytes in and out; the shape is that of the first cell.
    pub fn stages(&self) -> Vec<StageSum> {
        let Some(first) = self.cells.first() else { return Vec::new() };
        let names: Vec<&str> = first.stages.iter().map(|s| s.stage.as_str()).collect();
        let alike = |c: &&&Cell| c.stages.iter().map(|s| s.stage.as_str()).eq(names.iter().copied());
        let mut sums: Vec<StageSum> =
            names.iter().map(|n| StageSum { stage: (*n).to_string(), ..StageSum::default() }).collect();
        for cell in self.cells.iter().filter(alike) {
            for (sum, stage) in sums.iter_mut().zip(&cell.stages) {
                sum.bytes_in += stage.bytes_in;
                sum.bytes_out += stage.bytes_out;
                sum.encode_seconds += stage.encode.median;
                sum.decode_seconds += stage.decode.median;
                for (total, bits) in sum.entropy_bits.iter_mut().zip(stage.entropy) {
                    *total += bits * stage.bytes_out as f64;
                }
            }
        }
        sums
    }
}

/// A stage summed over cells.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StageSum {
    /// The stage's canonical text.
    pub stage: String,
    /// Bytes into the encoder.
    pub bytes_in: u64,
    /// Bytes out of the encoder.
    pub bytes_out: u64,
    /// Median encoding times, summed.
    pub encode_seconds: f64,
    /// Median decoding times, summed.
    pub decode_seconds: f64,
    /// Entropy of order 0, 1 and 2 of what came out, in bits.
    pub entropy_bits: [f64; 3],
}

impl StageSum {
    /// Whether this is the row of headers and index, which is not a stage of the chain.
    pub fn is_container(&self) -> bool {
        self.stage == "container"
    }
}

/// The rows of some results, in the order of the cells.
pub fn rows<'a>(results: &'a Results, corpus: Option<&str>) -> Vec<Row<'a>> {
    let mut rows: Vec<Row> = Vec::new();
    let mut index = std::collections::HashMap::new();
    for cell in &results.cells {
        if corpus.is_some() && cell.corpus.as_deref() != corpus {
            continue;
        }
        let setup = Setup::of(cell);
        let key = (setup.chain.clone(), setup.segment_bytes, setup.threads, setup.channel.clone());
        let place = *index.entry(key).or_insert_with(|| {
            rows.push(Row {
                setup,
                label: String::new(),
                cells: Vec::new(),
                failed: Vec::new(),
                complete: true,
                bytes: 0,
                output_bytes: 0,
                bytes_side: 0,
            });
            rows.len() - 1
        });
        let row = &mut rows[place];
        if failed(cell) {
            row.failed.push(cell);
        } else {
            row.cells.push(cell);
            row.bytes += cell.bytes;
            row.output_bytes += cell.output_bytes;
            row.bytes_side += cell.bytes_side;
        }
    }
    let most = rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
    let labels: Vec<String> =
        rows.iter().map(|row| label(&row.setup, rows.iter().map(|r| &r.setup))).collect();
    for (row, label) in rows.iter_mut().zip(labels) {
        row.complete = row.cells.len() == most && row.failed.is_empty();
        row.label = label;
    }
    rows
}

/// Whether a cell failed.
pub fn failed(cell: &Cell) -> bool {
    !cell.verified || cell.error.is_some()
}

/// The corpora of some results, sorted.
pub fn corpora(results: &Results) -> Vec<String> {
    results.cells.iter().filter_map(|c| c.corpus.clone()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// A setup in words: the chain, with segment, threads and channel where `all` have several of them.
pub fn label<'s>(setup: &Setup, all: impl Iterator<Item = &'s Setup> + Clone) -> String {
    let same = |other: &&Setup| other.chain == setup.chain;
    let varies = |differs: &dyn Fn(&Setup) -> bool| all.clone().filter(same).any(differs);
    let mut label = text::chain(&setup.chain);
    if varies(&|other| other.segment_bytes != setup.segment_bytes) {
        label += &format!(" · {}", segment(setup.segment_bytes));
    }
    if varies(&|other| other.threads != setup.threads) {
        label += &format!(" · {}", threads(setup.threads));
    }
    if !setup.channel.is_empty() {
        label += &format!(" · {}", text::visible(&setup.channel));
    }
    label
}

/// A segment size in words.
pub fn segment(bytes: u64) -> String {
    if bytes == 0 { "whole".to_string() } else { text::binary(bytes as f64) }
}

/// A number of threads in words.
pub fn threads(n: u32) -> String {
    if n == 1 { "1 thread".to_string() } else { format!("{n} threads") }
}

/// Original over encoded bytes.
pub fn ratio(original: u64, encoded: u64) -> Option<f64> {
    (original > 0 && encoded > 0).then(|| original as f64 / encoded as f64)
}

/// The geometric mean of positive numbers.
pub fn geometric(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0u32), |(sum, n), v| (sum + v.ln(), n + 1));
    (n > 0).then(|| (sum / f64::from(n)).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{cell, results};

    #[test]
    fn totals_and_means_count_verified_cells_only() {
        let mut bad = cell("c", "b", "zstd", 100, 10);
        bad.verified = false;
        let results =
            results(vec![cell("c", "a", "zstd", 100, 50), cell("c", "d", "zstd", 300, 37), bad.clone()]);
        let rows = rows(&results, None);
        assert_eq!((rows.len(), rows[0].cells.len(), rows[0].failed.len()), (1, 2, 1));
        assert_eq!(rows[0].ratio(), Some(400.0 / 87.0));
        assert!((rows[0].mean_ratio().unwrap() - (2.0f64 * 300.0 / 37.0).sqrt()).abs() < 1e-12);
        assert!(!rows[0].complete);
    }

    #[test]
    fn labels_tell_apart_what_was_swept() {
        let mut swept = cell("c", "a", "zstd", 100, 50);
        swept.segment_bytes = 1 << 20;
        let results = results(vec![cell("c", "a", "zstd", 100, 50), swept, cell("c", "a", "xz", 100, 50)]);
        let labels: Vec<_> = rows(&results, None).into_iter().map(|r| r.label).collect();
        assert_eq!(labels, ["zstd · 16 MiB", "zstd · 1 MiB", "xz"]);
    }
}
