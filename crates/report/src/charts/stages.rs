//! Bytes after every stage, as a waterfall.

use super::{Chart, View, coverage_notes};
use crate::figure::{Axis, Bar, Body, Figure, Group, Note, Tone, Unit};
use crate::summary::{Row, ratio};
use crate::text;

/// A waterfall for each chain.
pub(super) struct Stages;

/// Maximum number of chains in the picture.
const CHAINS: usize = 12;

impl Chart for Stages {
    fn name(&self) -> &'static str {
        "stages"
    }

    fn figure(&self, view: &View) -> Option<Figure> {
        let mut rows: Vec<Row> =
            view.main().into_iter().filter(|r| r.bytes > 0 && !r.stages().is_empty()).collect();
        let mut notes = coverage_notes(&rows);
        if rows.len() > CHAINS {
            let left = rows.len() - CHAINS;
            // With too many chains, keep those with the most stages.
            rows.sort_by_key(|r| std::cmp::Reverse(r.stages().len()));
            rows.truncate(CHAINS);
            let text = format!("{left} chains of fewer stages are in the table");
            notes.push(Note { text, tone: Tone::Normal });
        }
        let groups: Vec<Group> = rows.iter().map(|row| waterfall(view, row)).collect();
        if groups.is_empty() {
            return None;
        }
        let ends = groups.iter().flat_map(|g| &g.bars).flat_map(|b| [b.from, b.to]).filter(|v| *v > 0.0);
        let mut x = Axis::log("bytes, summed over all samples", Unit::Bytes, ends);
        // A margin on the axis, so that the original's bar has a visible length.
        x.range.0 /= 1.6;
        Some(Figure {
            chart: self.name(),
            corpus: None,
            stem: String::new(),
            title: "Bytes after every stage".into(),
            caption: "Each bar spans from a stage's input to its output, in bytes; red stages grew the data."
                .into(),
            x,
            y: None,
            body: Body::Bars { groups, base: 0.0 },
            notes,
        })
    }
}

fn waterfall(view: &View, row: &Row) -> Group {
    let family = text::family(&row.setup.chain);
    let color = view.families.color(&row.setup.chain);
    let size = |bytes: u64| text::bytes(bytes as f64);
    let mut bars = vec![Bar {
        family: family.clone(),
        label: "original".into(),
        from: 0.0,
        to: row.bytes as f64,
        value: size(row.bytes),
        hint: format!("{}\noriginal: {} bytes", row.label, text::count(row.bytes)),
        color,
        tone: Tone::Reference,
    }];
    let mut last = row.bytes;
    for stage in row.stages() {
        let (from, to) = if stage.is_container() {
            (last, last + row.cells.iter().map(|c| c.container_bytes).sum::<u64>())
        } else {
            (stage.bytes_in, stage.bytes_out)
        };
        let change = ratio(from, to).map_or("-".to_string(), |r| format!("{r:.3}"));
        let value = if stage.is_container() {
            format!("+{}", size(to - from))
        } else {
            format!("{}, ratio {change}", size(to))
        };
        bars.push(Bar {
            family: family.clone(),
            label: text::shorten(&text::visible(&stage.stage), 26),
            from: from as f64,
            to: to as f64,
            value,
            hint: format!(
                "{}\n{}: {} to {} bytes, ratio {change}",
                row.label,
                text::visible(&stage.stage),
                text::count(from),
                text::count(to)
            ),
            color,
            tone: if to > from { Tone::Expansion } else { Tone::Normal },
        });
        last = to;
    }
    let whole = row.ratio().map_or("-".to_string(), |r| format!("{r:.3}"));
    Group { label: format!("{}, ratio {whole} in all", text::shorten(&row.label, 70)), bars }
}
