//! Trials: which of many chains are worth their time on given data, found in steps on ever more of it.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use lab_codec::{Error, Registry, Result};

use super::pareto::front;
use super::plan::{Key, Plan, Rules, known};
use super::results::Cell;
use super::{Listener, Surroundings, summary};
use lab_corpus::Sample;
use lab_stream::chain::Chain;

/// Chains that make sense on some data or other; those with unknown codecs are passed over.
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
/// The first step takes so many bytes.
const FIRST: u64 = 256 << 10;
/// A further step takes so many times more, or all that there is.
const GROWTH: u64 = 4;
/// A step that would take less than so many times more is not worth its time.
const LEAST_GROWTH: f64 = 1.5;
/// A step takes its pieces from so many places.
const PLACES: u64 = 4;
/// A chain drops out where another is better in every respect by this factor.
const MARGIN: f64 = 1.1;
/// A chain is recommended where none of a better ratio comes within this share of its speed: less is noise.
const NEAR: f64 = 0.9;
/// A cell that takes longer is measured once, by the pass that verifies it.
const SLOW: Duration = Duration::from_millis(200);
/// Passes of a cell that is not slow: warm-up, verification and measurements.
const PASSES: f64 = 6.0;

/// How one chain did.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Canonical text.
    pub chain: String,
    /// Original over encoded.
    pub ratio: f64,
    /// Millions of bytes of the original per second.
    pub encode_rate: f64,
    /// Millions of bytes of the original per second.
    pub decode_rate: f64,
    /// No other chain has a better ratio and encodes about as fast.
    pub encode_front: bool,
    /// No other chain has a better ratio and decodes about as fast.
    pub decode_front: bool,
}

/// What a trial came to.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Bytes of the data that the figures come from.
    pub bytes: u64,
    /// Chains that were tried at all.
    pub tried: usize,
    /// The chains of the last step, by descending ratio.
    pub choices: Vec<Choice>,
}

/// The chains to try: those given, or all that make sense with what is registered.
///
/// # Errors
/// Those of the chain grammar, for given chains.
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

/// Tries `chains` on `raw` for about the time of `budget`. Each step takes more of the data, and drops the chains that
/// are clearly beaten; figures come from the last step that was finished. `watch` hears of each step: bytes and cells.
///
/// # Errors
/// Cancellation, I/O errors of the scratch directory.
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
    let mut size = FIRST.min(raw.len() as u64);
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
            rules: Rules { budget: Duration::from_millis(20), iterations: None, slow: SLOW },
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

/// The seconds that a cell will take on `size` bytes.
fn cost(cell: &Cell, size: u64) -> f64 {
    let once = (cell.encode.median + cell.decode.median) * size as f64 / cell.bytes.max(1) as f64;
    if once > SLOW.as_secs_f64() { once } else { once * PASSES }
}

/// The size of the next step: everything if there is time for it, or else what there is time for; `size` itself where
/// that is hardly more.
fn affordable(size: u64, all: u64, left: f64, seconds: impl Fn(u64) -> f64) -> u64 {
    if size == all || seconds(all) <= left {
        return all;
    }
    let mut next = (size * GROWTH).min(all);
    // What is slow only on more data is repeated on less: the cost is no straight line.
    while next > size && seconds(next) > left {
        next -= (next / 8).max(1);
    }
    if next as f64 >= size as f64 * LEAST_GROWTH { next } else { size }
}

struct Cells(Vec<Cell>);

impl Listener for Cells {
    fn begin(&mut self, _: &Key) {}

    fn cell(&mut self, cell: Cell) -> Result<(), Error> {
        self.0.push(cell);
        Ok(())
    }
}

/// `size` bytes in equal pieces from places that are spread evenly.
fn pieces(raw: &[u8], size: u64) -> Vec<u8> {
    let (size, len) = (size as usize, raw.len());
    if size >= len {
        return raw.to_vec();
    }
    let (piece, places) = (size / PLACES as usize, PLACES as usize);
    let gap = (len - piece * places) / (places - 1);
    let starts = (0..places).map(|i| i * (piece + gap));
    let mut out: Vec<u8> = starts.flat_map(|start| raw[start..start + piece].iter().copied()).collect();
    out.extend_from_slice(&raw[len - (size - out.len())..]);
    out
}

/// The chains that no other beats clearly in every respect.
fn contenders(cells: &[Cell]) -> HashSet<String> {
    let figures: Vec<_> =
        cells.iter().map(|c| (ratio(c), 1.0 / c.encode.median, 1.0 / c.decode.median)).collect();
    let beaten = |a: &(f64, f64, f64)| {
        figures.iter().any(|b| b.0 > a.0 * MARGIN && b.1 > a.1 * MARGIN && b.2 > a.2 * MARGIN)
    };
    cells.iter().zip(&figures).filter(|(_, f)| !beaten(f)).map(|(c, _)| c.chain.clone()).collect()
}

fn ratio(cell: &Cell) -> f64 {
    cell.bytes as f64 / cell.output_bytes.max(1) as f64
}

/// The points of the front (ratio, speed) that no point of a better ratio comes near in speed.
fn recommended(points: &[(f64, f64)]) -> Vec<bool> {
    let near = |(ratio, speed): &(f64, f64)| points.iter().any(|p| p.0 > *ratio && p.1 >= NEAR * speed);
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
