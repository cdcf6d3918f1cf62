//! Sums over samples: one row per chain, segment size and number of threads.

use super::results::{Cell, Results};
use super::statistics::geometric_mean;

/// Figures of a chain over all samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The chain's canonical text.
    pub chain: String,
    /// Bytes of a segment; 0 for one segment per sample.
    pub segment: u64,
    /// Total number of threads.
    pub threads: u32,
    /// Number of cells, failed ones included.
    pub cells: usize,
    /// Number of failed cells.
    pub failed: usize,
    /// Number of cells with noisy timing.
    pub noisy: usize,
    /// Bytes of the originals of verified cells.
    pub bytes: u64,
    /// Bytes of the media of verified cells.
    pub output_bytes: u64,
    /// Geometric mean of their ratios; 0 if no cell is verified.
    pub mean_ratio: f64,
    /// Sum of the encoding medians, in seconds.
    pub encode_seconds: f64,
    /// Sum of the decoding medians, in seconds.
    pub decode_seconds: f64,
    /// Maximum encoding memory of a cell.
    pub encode_memory: Option<u64>,
    /// Maximum decoding memory of a cell.
    pub decode_memory: Option<u64>,
}

/// Whether a cell counts: it was measured and verified.
pub fn good(cell: &Cell) -> bool {
    cell.verified && cell.error.is_none()
}

/// The failed cells.
pub fn failures(results: &Results) -> impl Iterator<Item = &Cell> {
    results.cells.iter().filter(|cell| !good(cell))
}

/// One row per chain, in the order of the cells.
pub fn rows(results: &Results) -> Vec<Row> {
    let mut keys: Vec<(&str, u64, u32)> = Vec::new();
    for cell in &results.cells {
        let key = (cell.chain.as_str(), cell.segment_bytes, cell.threads);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys.into_iter().map(|key| row(key, results)).collect()
}

fn row((chain, segment, threads): (&str, u64, u32), results: &Results) -> Row {
    let all: Vec<&Cell> = results
        .cells
        .iter()
        .filter(|c| (c.chain.as_str(), c.segment_bytes, c.threads) == (chain, segment, threads))
        .collect();
    let good: Vec<&Cell> = all.iter().copied().filter(|c| good(c)).collect();
    let ratios = good
        .iter()
        .filter(|c| c.bytes > 0 && c.output_bytes > 0)
        .map(|c| c.bytes as f64 / c.output_bytes as f64);
    Row {
        chain: chain.to_string(),
        segment,
        threads,
        cells: all.len(),
        failed: all.len() - good.len(),
        noisy: good.iter().filter(|c| c.encode.noisy || c.decode.noisy).count(),
        bytes: good.iter().map(|c| c.bytes).sum(),
        output_bytes: good.iter().map(|c| c.output_bytes).sum(),
        mean_ratio: geometric_mean(ratios),
        encode_seconds: good.iter().map(|c| c.encode.median).sum(),
        decode_seconds: good.iter().map(|c| c.decode.median).sum(),
        encode_memory: good.iter().filter_map(|c| c.encode_memory).max(),
        decode_memory: good.iter().filter_map(|c| c.decode_memory).max(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::{Environment, SCHEMA, Timing, VERSION};
    use super::*;

    #[test]
    fn failed_cells_count_but_do_not_weigh() {
        let cell = |chain: &str, output_bytes, error: Option<&str>| Cell {
            chain: chain.into(),
            bytes: 100,
            output_bytes,
            verified: error.is_none(),
            error: error.map(Into::into),
            encode: Timing { median: 2.0, ..Timing::default() },
            ..Cell::default()
        };
        let results = Results {
            schema: SCHEMA.into(),
            version: VERSION,
            name: String::new(),
            environment: Environment::default(),
            cells: vec![
                cell("a", 50, None),
                cell("b", 10, None),
                cell("a", 0, Some("no")),
                cell("a", 200, None),
            ],
        };
        let rows = rows(&results);
        assert_eq!((rows.len(), failures(&results).count()), (2, 1));
        let a = &rows[0];
        assert_eq!((a.chain.as_str(), a.cells, a.failed, a.bytes, a.output_bytes), ("a", 3, 1, 200, 250));
        assert!((a.mean_ratio - 1.0).abs() < 1e-12 && (a.encode_seconds - 4.0).abs() < 1e-12);
    }
}
