//! `lab template inspect`: size and depth of a file's grammars, and the rules that save most.

use std::ops::ControlFlow;
use std::path::PathBuf;

use comfy_table::CellAlignment;
use lab_codec::{Error, Result};
use lab_template::notes::list::is_dictionary;
use lab_template::report::Reporter;

use super::segments::Segments;
use super::{App, entries, options, table};

/// Show the grammars of a file without expanding it, or the entries of a dictionary
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab template inspect OUT.lab
  lab template inspect OUT.lab --rules 100 --json
  lab template inspect DICT
Rules are ranked by saved tokens: the tokens of their expanded uses, minus the tokens of uses and
definition. A note of a template counts as a rule. Texts are cut after 60 bytes.")]
pub(super) struct Args {
    /// The encoded file, or a dictionary
    input: PathBuf,
    /// Number of rules to show, or of entries of a dictionary
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
    #[serde(flatten)]
    sums: lab_template::report::Report,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    if is_dictionary(&args.input) {
        return entries::show(&args.input, args.rules, app, &args.work, &args.talk);
    }
    let path = args.input.display().to_string();
    let at_input = |e: Error| e.at(path.clone());
    let segments = Segments::open(&args.input, &args.work, args.talk.quiet, app)?;
    let mut reporter = Reporter::new(args.rules);
    let visited = segments.each(|segment| {
        reporter.add(&segment.parsed, segment.notes, segment.encoded, &segments.cx)?;
        Ok(ControlFlow::Continue(()))
    });
    visited.map_err(at_input)?;
    let chain = segments.chain().to_string();
    let report = Report { path: path.clone(), chain, sums: reporter.finish() };
    if args.talk.json { super::print_json(&report) } else { super::print(&text(&report)) }
}

fn text(Report { chain, sums: report, .. }: &Report) -> String {
    let mut facts = table::table(&[]);
    let mut row = |name: &str, value: String| {
        facts.add_row([name.to_string(), value]);
    };
    row("chain", chain.escape_debug().to_string());
    row("content", format!("{} bytes in {} segments", table::count(report.bytes), report.segments));
    row("grammars", format!("{} bytes", table::count(report.grammar_bytes)));
    if report.stored_bytes > 0 {
        row("no grammar", format!("for {} bytes of the content", table::count(report.stored_bytes)));
    }
    if report.notes > 0 {
        row(
            "notes",
            format!(
                "{}; {} of the dictionary, for {} bytes; {} local, with {} bytes",
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
    text += &histogram("depth", report.depth_classes());
    text += &histogram("bytes", report.length_classes());
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
