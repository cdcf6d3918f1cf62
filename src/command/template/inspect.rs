//! `lab template inspect`: what the grammars of a file are like, and which rules save most.

use std::ops::ControlFlow;
use std::path::PathBuf;

use comfy_table::CellAlignment;
use lab_codec::{Context, Error, Result};
use lab_template::notes::partial::Notes;
use lab_template::partial::{Rule, Statistics, beginning};

use super::segments::{Segment, Segments};
use super::{App, entries, options, table};
use lab_report::text::readable;

/// Bytes of a rule that are shown.
const SHOWN: usize = 60;

/// Show what the grammars of a file are like, without expanding it, or what a dictionary has
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab template inspect OUT.lab
  lab template inspect OUT.lab --rules 100 --json
  lab template inspect DICT
Rules are ranked by the tokens that they save: those that their uses would take without them, less
those of the uses and of the definition. A note of a template is a rule, too. Texts are cut after 60
bytes.")]
pub struct Args {
    /// The encoded file, or a dictionary
    input: PathBuf,
    /// How many rules to show, or entries of a dictionary
    #[arg(long, value_name = "N", default_value_t = 10)]
    rules: usize,
    #[command(flatten)]
    work: options::Work,
    #[command(flatten)]
    talk: options::Talk,
}

#[derive(serde::Serialize)]
struct Report {
    path: String,
    chain: String,
    bytes: u64,
    segments: u64,
    /// Bytes of the grammars, before any codec that follows.
    grammar_bytes: u64,
    /// Bytes of the content in segments without a grammar.
    stored_bytes: u64,
    /// Notes of `template`, those of the dictionary among them, and the bytes of the content that these stand for.
    notes: u64,
    known_notes: u64,
    known_bytes: u64,
    /// Different notes that the segments bring along, and their bytes.
    local_notes: u64,
    local_bytes: u64,
    rules: u64,
    start_symbols: u64,
    rule_symbols: u64,
    /// The part of the content that rules in the start sequences stand for.
    coverage: Option<f64>,
    longest_rule: u64,
    /// Rules by depth, from 1 on.
    depths: Vec<u64>,
    /// Rules by length: from 2^i bytes up to 2^(i+1) at index i.
    lengths: Vec<u64>,
    top: Vec<Top>,
}

#[derive(serde::Serialize)]
struct Top {
    segment: u64,
    rule: u32,
    saves: i64,
    uses: u32,
    occurrences: u32,
    symbols: u32,
    bytes: u32,
    depth: u32,
    /// Printable: what is not is escaped as in Rust.
    text: String,
    /// Whether there is more of it.
    cut: bool,
}

pub fn run(args: &Args, app: &App) -> Result<()> {
    if entries::is_dictionary(&args.input) {
        return entries::show(&args.input, args.rules, app, &args.work, &args.talk);
    }
    let path = args.input.display().to_string();
    let at_input = |e: Error| e.at(path.clone());
    let segments = Segments::open(&args.input, &args.work, args.talk.quiet, app)?;
    let mut statistics = Statistics::default();
    let mut top = Vec::new();
    let (mut number, mut grammar_bytes) = (0, 0);
    let mut notes = Notes::default();
    let visited = segments.each(|segment| {
        let rules = statistics.add(&segment.parsed, &segments.cx)?;
        merge_top(&mut top, rules, number, &segment, args.rules, &segments.cx)?;
        number += 1;
        grammar_bytes += segment.encoded;
        notes += segment.notes.unwrap_or_default();
        Ok(ControlFlow::Continue(()))
    });
    visited.map_err(at_input)?;
    let bytes = statistics.bytes;
    let report = Report {
        path: path.clone(),
        chain: segments.chain().to_string(),
        bytes,
        segments: number,
        grammar_bytes,
        stored_bytes: statistics.stored,
        notes: notes.played,
        known_notes: notes.known,
        known_bytes: notes.known_bytes,
        local_notes: notes.local,
        local_bytes: notes.local_bytes,
        rules: statistics.rules,
        start_symbols: statistics.start,
        rule_symbols: statistics.sides,
        coverage: (bytes > 0).then(|| statistics.covered as f64 / bytes as f64),
        longest_rule: statistics.longest,
        depths: statistics.depths,
        lengths: statistics.lengths,
        top,
    };
    if args.talk.json { super::print_json(&report) } else { super::print(&text(&report)) }
}

/// Keeps the `most` best rules, the best first; of equals, those that came first.
fn merge_top(
    top: &mut Vec<Top>,
    mut rules: Vec<Rule>,
    number: u64,
    segment: &Segment,
    most: usize,
    cx: &Context,
) -> Result<()> {
    rules.sort_by_key(|rule| (std::cmp::Reverse(rule.saves), rule.number));
    rules.truncate(most);
    for rule in rules {
        let bytes = beginning(&segment.parsed, &rule, SHOWN, cx)?;
        top.push(Top {
            segment: number,
            rule: rule.number,
            saves: rule.saves,
            uses: rule.uses,
            occurrences: rule.occurrences,
            symbols: rule.width,
            bytes: rule.len,
            depth: rule.depth,
            text: readable(&bytes),
            cut: bytes.len() < rule.len as usize,
        });
    }
    top.sort_by_key(|rule| std::cmp::Reverse(rule.saves));
    top.truncate(most);
    Ok(())
}

fn text(report: &Report) -> String {
    let mut facts = table::table(&[]);
    let mut row = |name: &str, value: String| {
        facts.add_row([name.to_string(), value]);
    };
    row("chain", report.chain.escape_debug().to_string());
    row("content", format!("{} bytes in {} segments", table::count(report.bytes), report.segments));
    row("grammars", format!("{} bytes", table::count(report.grammar_bytes)));
    if report.stored_bytes > 0 {
        row("no grammar", format!("for {} bytes of the content", table::count(report.stored_bytes)));
    }
    if report.notes > 0 {
        row(
            "notes",
            format!(
                "{}; {} of the dictionary, for {} bytes; {} of its own, with {} bytes",
                table::count(report.notes),
                table::count(report.known_notes),
                table::count(report.known_bytes),
                table::count(report.local_notes),
                table::count(report.local_bytes)
            ),
        );
    }
    row(
        "rules",
        format!("{}, with {} symbols", table::count(report.rules), table::count(report.rule_symbols)),
    );
    row("start", format!("{} symbols", table::count(report.start_symbols)));
    if let Some(coverage) = report.coverage {
        row("coverage", format!("{:.2} % of the content is in rules", coverage * 100.0));
    }
    row("longest rule", format!("{} bytes", table::count(report.longest_rule)));
    row("deepest rule", report.depths.len().to_string());
    for column in facts.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Left);
    }
    let mut text = table::text(&facts);
    text += &histogram("depth", doubling(&report.depths));
    let lengths = report.lengths.iter().enumerate().map(|(i, &rules)| (1 << i, (2 << i) - 1, rules));
    text += &histogram("bytes", lengths.filter(|&(.., rules)| rules > 0));
    if !report.top.is_empty() {
        let mut list =
            table::table(&["saves", "uses", "occurrences", "symbols", "bytes", "depth", "segment", "text"]);
        for rule in &report.top {
            let more = if rule.cut { " ..." } else { "" };
            list.add_row([
                table::count(rule.saves.max(0).unsigned_abs()),
                table::count(rule.uses.into()),
                table::count(rule.occurrences.into()),
                table::count(rule.symbols.into()),
                table::count(rule.bytes.into()),
                rule.depth.to_string(),
                rule.segment.to_string(),
                format!("\"{}\"{more}", rule.text),
            ]);
        }
        if let Some(column) = list.column_mut(7) {
            column.set_cell_alignment(CellAlignment::Left);
        }
        text += &format!("\n{}", table::text(&list));
    }
    text
}

/// Depths in classes that double: 1, 2 and 3, 4 to 7, and so on, as first, last and number of rules.
fn doubling(depths: &[u64]) -> impl Iterator<Item = (u64, u64, u64)> {
    (0..=depths.len().checked_ilog2().unwrap_or(0)).map_while(|class| {
        let (first, last) = (1 << class, (2 << class) - 1);
        let rules = depths.get(first - 1..)?.iter().take(last + 1 - first).sum();
        (first <= depths.len()).then_some((first as u64, last.min(depths.len()) as u64, rules))
    })
}

fn histogram(name: &str, rows: impl Iterator<Item = (u64, u64, u64)>) -> String {
    let mut list = table::table(&[name, "rules"]);
    for (first, last, rules) in rows {
        let class = if first == last {
            table::count(first)
        } else {
            format!("{}..{}", table::count(first), table::count(last))
        };
        list.add_row([class, table::count(rules)]);
    }
    if list.row_count() == 0 { String::new() } else { format!("\n{}", table::text(&list)) }
}
