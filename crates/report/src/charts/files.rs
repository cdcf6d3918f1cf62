//! Ratio of every file, with the geometric mean and the total on top.

use super::{Chart, View, coverage_notes};
use crate::figure::{Axis, Bar, Body, Figure, Group, Note, Tone, Unit};
use crate::summary::{Row, failed, geometric, ratio};
use crate::text;
use lab_bench::results::Cell;

/// Bars for files, or for corpora if there are several.
pub(super) struct Files;

/// Maximum numbers of files and chains; more bars would be too thin to read.
const FILES: usize = 16;
const CHAINS: usize = 16;

impl Chart for Files {
    fn name(&self) -> &'static str {
        "files"
    }

    fn figure(&self, view: &View) -> Option<Figure> {
        let mut rows = view.main();
        let mut notes = coverage_notes(&rows);
        if rows.len() > CHAINS {
            notes.push(note(format!("{} more chains are in the table", rows.len() - CHAINS)));
            rows.truncate(CHAINS);
        }
        let group = |label: &str, of: &dyn Fn(&Row) -> Option<f64>| Group {
            label: label.into(),
            bars: rows.iter().filter_map(|row| Some(bar(view, row, label, of(row)?))).collect(),
        };
        let mut groups = vec![
            group("geometric mean", &|row: &Row| row.mean_ratio()),
            group("total", &|row: &Row| row.ratio()),
        ];
        let by_corpus = view.corpus.is_none() && view.corpora.len() > 1;
        if by_corpus {
            for corpus in view.corpora {
                let inside = |c: &&&Cell| c.corpus.as_ref() == Some(corpus);
                let mean = |row: &Row| {
                    geometric(row.cells.iter().filter(inside).filter_map(|c| ratio(c.bytes, c.output_bytes)))
                };
                groups.push(group(&text::visible(corpus), &mean));
            }
        } else {
            let samples = samples(&rows);
            if samples.len() == 1 {
                groups.clear();
            }
            if samples.len() > FILES {
                notes.push(note(format!(
                    "the {FILES} largest of {} files; the table has them all",
                    samples.len()
                )));
            }
            for sample in samples.iter().take(FILES) {
                groups.push(file(view, &rows, sample));
            }
        }
        groups.retain(|g| !g.bars.is_empty());
        if groups.is_empty() {
            return None;
        }
        let ends = groups.iter().flat_map(|g| &g.bars).map(|b| b.to);
        let x = Axis::log("ratio, original / encoded", Unit::Number, ends.chain([1.0]));
        let what = if by_corpus { "corpus (geometric means)" } else { "file" };
        Some(Figure {
            chart: self.name(),
            corpus: None,
            stem: String::new(),
            title: format!("Ratio by {what}"),
            caption: "Bars begin at ratio 1; red bars point left: the data grew.".into(),
            x,
            y: None,
            body: Body::Bars { groups, base: 1.0 },
            notes,
        })
    }
}

/// The samples of the rows, largest first.
fn samples<'a>(rows: &[Row<'a>]) -> Vec<&'a Cell> {
    let mut samples: Vec<&Cell> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for cell in rows.iter().flat_map(|r| r.cells.iter().chain(&r.failed)) {
        if seen.insert((&cell.corpus, &cell.sample)) {
            samples.push(cell);
        }
    }
    samples.sort_by_key(|c| std::cmp::Reverse(c.bytes));
    samples
}

fn file(view: &View, rows: &[Row], sample: &Cell) -> Group {
    let label = text::sample(sample);
    let same = |c: &&&Cell| c.corpus == sample.corpus && c.sample == sample.sample;
    let mut bars = Vec::new();
    for row in rows {
        let Some(cell) = row.cells.iter().chain(&row.failed).find(same) else { continue };
        if failed(cell) {
            let why = cell.error.as_deref().map_or("not verified".to_string(), text::visible);
            bars.push(Bar {
                to: 1.0,
                value: "FAIL".into(),
                hint: format!("{}\n{label}\nFAIL: {why}", row.label),
                tone: Tone::Fail,
                ..bar(view, row, &label, 1.0)
            });
        } else if let Some(ratio) = ratio(cell.bytes, cell.output_bytes) {
            bars.push(bar(view, row, &label, ratio));
        }
    }
    let size = text::bytes(sample.bytes as f64);
    Group { label: format!("{} ({size})", text::shorten(&label, 60)), bars }
}

fn bar(view: &View, row: &Row, what: &str, ratio: f64) -> Bar {
    Bar {
        family: text::family(&row.setup.chain),
        label: text::shorten(&row.label, 26),
        from: 1.0,
        to: ratio,
        value: format!("{ratio:.3}"),
        hint: format!("{}\n{what}\nratio {ratio:.3}, {:.3} bpb", row.label, 8.0 / ratio),
        color: view.families.color(&row.setup.chain),
        tone: if ratio < 1.0 { Tone::Expansion } else { Tone::Normal },
    }
}

fn note(text: String) -> Note {
    Note { text, tone: Tone::Normal }
}
