//! `lab compare`: the differences between two benchmark runs, and whether they exceed a limit.

use std::path::PathBuf;

use lab_codec::{Error, ErrorKind, Result};

use super::{App, options, table};
use lab_report::compare::{Change, Comparison, Limit, Pair, Verdict, percent};
use lab_report::text;

/// Compare two runs of a benchmark: bytes exactly, times with their uncertainty
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab compare old.json new.json                     what became smaller, larger, faster, slower?
  lab compare old.json new.json --fail-over 1%      exit code 7 if a cell grew by more, or fails now
  lab compare old.json new.json --fail-over 5% --speed   ... or a chain became significantly slower
Times are ratios new / old. A change is significant if 1 lies outside the ratio's interval, which combines
the confidence of both medians, the noise between runs of one program, and the number of comparisons.
Without --speed, slower times never fail.")]
pub(super) struct Args {
    /// Results of the old run: from `lab bench`, hyperfine (JSON), lzbench or TurboBench (CSV)
    old: PathBuf,
    /// Results of the new run
    new: PathBuf,
    /// Exit with code 7 if a cell grew by more than this, or newly fails
    #[arg(long, value_name = "PERCENT", value_parser = share)]
    fail_over: Option<f64>,
    /// Let --fail-over also count chains that became significantly slower
    #[arg(long, requires = "fail_over")]
    speed: bool,
    /// List every cell, not only changed ones
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    talk: options::Talk,
}

/// Maximum number of listed cells without --all; the others are counted.
const MAX_LISTED: usize = 40;

pub(super) fn run(args: &Args, _: &App) -> Result<()> {
    let (old, new) = (super::report::read(&args.old)?.results, super::report::read(&args.new)?.results);
    let comparison = Comparison::new(&old, &new);
    let exceeding = match args.fail_over {
        Some(share) => comparison.exceeding(Limit { share, speed: args.speed }),
        None => Vec::new(),
    };
    if args.talk.json {
        super::print_json(&Report { comparison: &comparison, exceeding: &exceeding })?;
    } else {
        super::print(&words(&comparison, args.all))?;
    }
    if comparison.pairs.is_empty() {
        return Err(Error::usage("the runs have no cell in common"));
    }
    match exceeding.first() {
        None => Ok(()),
        Some(first) => {
            let more = if exceeding.len() > 1 {
                format!(", and {} more", exceeding.len() - 1)
            } else {
                String::new()
            };
            let limit = text::number(args.fail_over.unwrap_or(0.0) * 100.0);
            Err(Error::new(ErrorKind::Exceeded, format!("over the limit of {limit} %: {first}{more}")))
        }
    }
}

#[derive(serde::Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    comparison: &'a Comparison,
    exceeding: &'a [String],
}

/// Reads `3%` or `3`.
fn share(text: &str) -> Result<f64, String> {
    let number: f64 = text.trim_end_matches('%').trim().parse().map_err(|_| "a percentage such as 3%")?;
    if number.is_finite() && number >= 0.0 {
        Ok(number / 100.0)
    } else {
        Err("a percentage such as 3%".into())
    }
}

fn words(comparison: &Comparison, all: bool) -> String {
    let mut sums = table::table(&["chain", "cells", "bytes", "change", "encode time", "", "decode time", ""]);
    for total in &comparison.totals {
        let (encode, decode) = (time(&total.encode), time(&total.decode));
        sums.add_row([
            total.label.clone(),
            total.pairs.to_string(),
            table::count(total.bytes[1]),
            total.growth.map_or("-".to_string(), percent),
            encode.0,
            encode.1,
            decode.0,
            decode.1,
        ]);
    }
    let mut words = table::text(&sums);
    let listed: Vec<&Pair> = comparison.pairs.iter().filter(|p| all || changed(p)).collect();
    if !listed.is_empty() {
        let mut cells = table::table(&["cell", "old", "new", "change", "encode time", "", "decode time", ""]);
        for pair in listed.iter().take(if all { usize::MAX } else { MAX_LISTED }) {
            let size = |run: usize| {
                if pair.failed[run] { "FAIL".to_string() } else { table::count(pair.bytes[run]) }
            };
            let (encode, decode) = (time(&pair.encode), time(&pair.decode));
            cells.add_row([
                format!("{} {}", pair.label, pair.name()),
                size(0),
                size(1),
                pair.growth.map_or("-".to_string(), percent),
                encode.0,
                encode.1,
                decode.0,
                decode.1,
            ]);
        }
        words += &format!("\n{}", table::text(&cells));
        if !all && listed.len() > MAX_LISTED {
            words += &format!(
                "... and {} more changed cells; --all lists every cell\n",
                listed.len() - MAX_LISTED
            );
        }
    }
    if !comparison.singles.is_empty() {
        words += "\n";
        for single in &comparison.singles {
            words += &format!("not compared: {}: {}\n", single.cell, single.reason);
        }
    }
    words + &format!("\n{}\n", verdict(comparison))
}

fn changed(pair: &Pair) -> bool {
    let significant = |change: &Change| matches!(change.verdict, Verdict::Faster | Verdict::Slower);
    pair.failed != [false; 2]
        || pair.bytes[0] != pair.bytes[1]
        || significant(&pair.encode)
        || significant(&pair.decode)
}

/// The time ratio with its interval, and the verdict.
fn time(change: &Change) -> (String, String) {
    let ratio = change.time.map_or("-".to_string(), |t| format!("{t:.3}"));
    let between = change.interval.map_or(String::new(), |[low, high]| format!(" ({low:.2}-{high:.2})"));
    (ratio + &between, change.verdict.words().to_string())
}

/// One line: cells that became smaller, larger, failed; chains that became faster or slower.
fn verdict(comparison: &Comparison) -> String {
    let pairs = &comparison.pairs;
    let fails = pairs.iter().filter(|p| p.failed == [false, true]).count();
    let larger = pairs.iter().filter(|p| p.growth.is_some_and(|g| g > 0.0)).count();
    let smaller = pairs.iter().filter(|p| p.growth.is_some_and(|g| g < 0.0)).count();
    let speeds = |v: Verdict| {
        comparison.totals.iter().flat_map(|t| [t.encode, t.decode]).filter(|c| c.verdict == v).count()
    };
    let (faster, slower) = (speeds(Verdict::Faster), speeds(Verdict::Slower));
    let mut line = format!("{} cells compared: {smaller} smaller, {larger} larger", pairs.len());
    if fails > 0 {
        line += &format!(", {fails} FAIL now");
    }
    line += &match (faster, slower) {
        (0, 0) => "; no significant change of time".to_string(),
        _ => format!("; times of chains: {faster} faster, {slower} slower"),
    };
    line
}
