//! Trials: finds the best chains for given data, in steps on more and more of it.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use lab_codec::{Error, Registry, Result};

use super::pareto::front;
use super::plan::{Key, Plan, Rules, known};
use super::results::Cell;
use super::{Listener, Surroundings, summary};
use lab_corpus::Sample;
use lab_stream::chain::Chain;

/// Chains that suit some kind of data; those with unregistered codecs are skipped.
const CANDIDATES: &[&str] = &[
    "store",
    "lz4",
    "snappy",
    "zstd:-5/-1/1/3/6/9/12/15/19/22",
    "deflate:1/6/9",
    "brotli:1/5/9/11",
    "xz:1/6/9",
    "bzip2",
    "ppmd",
    "lzfse",
    "rans0",
    "range",
    "repair",
    "repair:coder=mix",
    "sequitur",
    "bwt,mtf,rans0",
    "bwt,mtf,rle,rans0",
    "bwt,mtf,range",
    "delta,rans0",
    "delta,zstd:3/12",
    "bitshuffle,zstd:3/12",
    "bitshuffle,lz4",
];
/// Bytes of the first step.
const FIRST_STEP_BYTES: u64 = 256 << 10;
/// Maximum growth from one step to the next.
const MAX_STEP_GROWTH: u64 = 4;
/// Minimum growth from one step to the next: a smaller step is not worth its time.
const MIN_STEP_GROWTH: f64 = 1.5;
/// Number of evenly spread pieces in the data of a step.
const PIECES: u64 = 4;
/// A chain drops out if another is better by this factor in ratio and both speeds.
const BEATEN_FACTOR: f64 = 1.1;
/// Share of a chain's speed below which a better ratio no longer beats it: smaller speed differences are
/// noise.
const SAME_SPEED_SHARE: f64 = 0.9;
/// A cell that takes longer is measured once, by its verifying pass.
const SLOW_CELL: Duration = Duration::from_millis(200);
/// Passes of a fast cell: warm-up, verification and measurements.
const FAST_CELL_PASSES: f64 = 6.0;

/// Figures of one chain.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Canonical text of the chain.
    pub chain: String,
    /// Original over encoded bytes.
    pub ratio: f64,
    /// Encoding rate: millions of bytes of the original per second.
    pub encode_rate: f64,
    /// Decoding rate: millions of bytes of the original per second.
    pub decode_rate: f64,
    /// Set if no chain with a better ratio encodes about as fast.
    pub encode_front: bool,
    /// Set if no chain with a better ratio decodes about as fast.
    pub decode_front: bool,
}

/// Result of a trial.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Bytes of data behind the figures.
    pub bytes: u64,
    /// Number of chains tried.
    pub tried: usize,
    /// Chains of the last step, by descending ratio.
    pub choices: Vec<Choice>,
}

/// The chains to try: the given ones, or all built-in candidates with registered codecs.
///
/// # Errors
/// Errors of the chain grammar, for given chains.
pub fn candidates(
    registry: &Registry,
    given: &[String],
    load: lab_stream::chain::Loader,
) -> Result<Vec<Chain>> {
    let mut chains = Vec::new();
    if given.is_empty() {
        for text in CANDIDATES.iter().filter(|text| known(registry, text)) {
            chains.extend(Chain::parse_sweep(registry, text, load)?);
        }
    } else {
        for text in given {
            chains.extend(Chain::parse_sweep(registry, text, load)?);
        }
    }
    let mut seen = HashSet::new();
    chains.retain(|chain| seen.insert(chain.to_string()));
    Ok(chains)
}

/// Tries `chains` on `raw` for about `budget`. Each step uses more of the data and drops clearly beaten
/// chains; the figures come from the last complete step. `watch` gets the bytes and cells of each step.
///
/// # Errors
/// Cancellation; I/O errors of the scratch directory.
pub fn run(
    raw: &[u8],
    chains: Vec<Chain>,
    budget: Duration,
    around: &Surroundings,
    watch: &mut dyn FnMut(u64, usize),
) -> Result<Trial> {
    let start = Instant::now();
    let tried = chains.len();
    let mut chains = chains;
    let mut size = FIRST_STEP_BYTES.min(raw.len() as u64);
    loop {
        watch(size, chains.len());
        let path = around.scratch.join("trial");
        std::fs::write(&path, pieces(raw, size))?;
        let plan = Plan {
            name: "try".into(),
            samples: vec![Sample::plain("trial".into(), path, size)],
            chains: chains.clone(),
            segments: vec![16 << 20],
            threads: vec![1],
            rules: Rules { budget: Duration::from_millis(20), iterations: None, slow: SLOW_CELL },
            memory: false,
        };
        let mut cells = Cells(Vec::new());
        super::run(&plan, &HashSet::new(), around, &mut cells)?;
        let cells: Vec<Cell> = cells.0.into_iter().filter(summary::good).collect();
        let kept = contenders(&cells);
        let left = budget.saturating_sub(start.elapsed()).as_secs_f64();
        let contending = cells.iter().filter(|c| kept.contains(&c.chain));
        let seconds = |next: u64| contending.clone().map(|c| cost(c, next)).sum::<f64>();
        let next = affordable(size, raw.len() as u64, left, seconds);
        if next == size {
            return Ok(Trial { bytes: size, tried, choices: choices(&cells) });
        }
        chains.retain(|chain| kept.contains(&chain.to_string()));
        size = next;
    }
}

/// Estimated seconds of a cell on `size` bytes.
fn cost(cell: &Cell, size: u64) -> f64 {
    let once = (cell.encode.median + cell.decode.median) * size as f64 / cell.bytes.max(1) as f64;
    if once > SLOW_CELL.as_secs_f64() { once } else { once * FAST_CELL_PASSES }
}

/// The size of the next step: everything if time allows, else the largest affordable size. Returns `size`
/// itself if the growth would be too small.
fn affordable(size: u64, all: u64, left: f64, seconds: impl Fn(u64) -> f64) -> u64 {
    if size == all || seconds(all) <= left {
        return all;
    }
    let mut next = (size * MAX_STEP_GROWTH).min(all);
    // The cost is not linear: a cell that is slow on more data runs several passes on less.
    while next > size && seconds(next) > left {
        next -= (next / 8).max(1);
    }
    if next as f64 >= size as f64 * MIN_STEP_GROWTH { next } else { size }
}

struct Cells(Vec<Cell>);

impl Listener for Cells {
    fn begin(&mut self, _: &Key) {}

    fn cell(&mut self, cell: Cell) -> Result<(), Error> {
        self.0.push(cell);
        Ok(())
    }
}

/// `size` bytes in evenly spread pieces of equal size.
fn pieces(raw: &[u8], size: u64) -> Vec<u8> {
    let (size, len) = (size as usize, raw.len());
    if size >= len {
        return raw.to_vec();
    }
    let (piece, places) = (size / PIECES as usize, PIECES as usize);
    let gap = (len - piece * places) / (places - 1);
    let starts = (0..places).map(|i| i * (piece + gap));
    let mut out: Vec<u8> = starts.flat_map(|start| raw[start..start + piece].iter().copied()).collect();
    out.extend_from_slice(&raw[len - (size - out.len())..]);
    out
}

/// Chains that no other chain clearly beats in ratio and both speeds.
fn contenders(cells: &[Cell]) -> HashSet<String> {
    let figures: Vec<_> =
        cells.iter().map(|c| (ratio(c), 1.0 / c.encode.median, 1.0 / c.decode.median)).collect();
    let beaten = |a: &(f64, f64, f64)| {
        figures
            .iter()
            .any(|b| b.0 > a.0 * BEATEN_FACTOR && b.1 > a.1 * BEATEN_FACTOR && b.2 > a.2 * BEATEN_FACTOR)
    };
    cells.iter().zip(&figures).filter(|(_, f)| !beaten(f)).map(|(c, _)| c.chain.clone()).collect()
}

fn ratio(cell: &Cell) -> f64 {
    cell.bytes as f64 / cell.output_bytes.max(1) as f64
}

/// Points (ratio, speed) that no point with a better ratio comes near in speed.
fn recommended(points: &[(f64, f64)]) -> Vec<bool> {
    let near =
        |(ratio, speed): &(f64, f64)| points.iter().any(|p| p.0 > *ratio && p.1 >= SAME_SPEED_SHARE * speed);
    front(points).into_iter().zip(points).map(|(on, point)| on && !near(point)).collect()
}

fn choices(cells: &[Cell]) -> Vec<Choice> {
    let rate = |c: &Cell, seconds: f64| c.bytes as f64 / seconds.max(1e-12) / 1e6;
    let encode = recommended(&cells.iter().map(|c| (ratio(c), rate(c, c.encode.median))).collect::<Vec<_>>());
    let decode = recommended(&cells.iter().map(|c| (ratio(c), rate(c, c.decode.median))).collect::<Vec<_>>());
    let mut choices: Vec<Choice> = cells
        .iter()
        .zip(encode.into_iter().zip(decode))
        .map(|(c, (encode_front, decode_front))| Choice {
            chain: c.chain.clone(),
            ratio: ratio(c),
            encode_rate: rate(c, c.encode.median),
            decode_rate: rate(c, c.decode.median),
            encode_front,
            decode_front,
        })
        .collect();
    choices.sort_by(|a, b| b.ratio.total_cmp(&a.ratio));
    choices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_spread_and_as_many_as_asked_for() {
        let raw: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        for size in [4, 5, 1000, 1003, 9999, 10_000, 20_000] {
            assert_eq!(pieces(&raw, size).len(), size.min(10_000) as usize);
        }
        let marked: Vec<u8> = (0..4000u32).map(|i| (i / 1000) as u8).collect();
        assert_eq!(pieces(&marked, 40).iter().collect::<HashSet<_>>().len(), 4);
    }

    #[test]
    fn a_step_takes_what_there_is_time_for() {
        let rate = |next: u64| next as f64 / 100.0;
        assert_eq!(affordable(100, 1000, 10.0, rate), 1000);
        assert_eq!(affordable(100, 1000, 4.0, rate), 400);
        let part = affordable(100, 1000, 2.0, rate);
        assert!((150..=200).contains(&part), "{part}");
        assert_eq!(affordable(100, 1000, 1.2, rate), 100);
        assert_eq!(affordable(1000, 1000, 0.0, rate), 1000);
    }

    #[test]
    fn what_is_hardly_faster_and_larger_is_not_recommended() {
        let points = [(3.0, 10.0), (2.9, 10.5), (2.0, 20.0), (1.0, 21.0), (1.0, 99.0)];
        assert_eq!(recommended(&points), [true, false, true, false, true]);
    }
}
