//! Comparisons of runs made by code.

use super::*;
use crate::fixture::{cell, results, timing};
use lab_bench::results::Timing;

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

/// Two runs of three chains on four samples: noise within a run and a shift between runs, reproducible by
/// seed.
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
                *timing = lab_bench::statistics::timing(&times, &times);
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
    assert_eq!(reasons, ["only in the old run", "the original had 10 bytes, now 11", "only in the new run"]);
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
