//! Hit rates of seed tables of each size: shares of blocks with a seed and with a useful seed, beside the
//! expected shares for random blocks.
//!
//! Not a [`Chart`](super::Chart), since its data are not cells of a benchmark: `lab telomere table compare`
//! draws it.

use crate::figure::{Axis, Body, Figure, Line, Note, Point, Series, Tone, Unit};
use crate::text;

/// Hit rates of a table in a sample.
pub struct Finds {
    /// The sample's name.
    pub sample: String,
    /// Number of seeds in the table.
    pub entries: u32,
    /// Share of blocks that a seed regenerates.
    pub hits: f64,
    /// Share of blocks whose seed record is shorter than the block.
    pub useful: f64,
    /// Expected values of both for random blocks.
    pub expected: [f64; 2],
}

/// The figure for tables over samples, with blocks of `block_size` bytes.
pub fn figure(finds: &[Finds], block_size: u8) -> Figure {
    let mut series: Vec<Series> = Vec::new();
    let mut samples: Vec<&str> = Vec::new();
    for find in finds {
        if !samples.contains(&find.sample.as_str()) {
            samples.push(&find.sample);
        }
    }
    let mut lacking = Vec::new();
    for (color, sample) in samples.iter().enumerate() {
        let of_sample = || finds.iter().filter(|find| find.sample == *sample);
        for (what, useful) in [("any seed", false), ("useful", true)] {
            let share = |find: &Finds| if useful { find.useful } else { find.hits };
            let points: Vec<Point> = of_sample()
                .filter(|find| share(find) > 0.0)
                .map(|find| point(find.entries, share(find), &format!("{sample}, {what}"), Tone::Normal))
                .collect();
            if points.is_empty() {
                lacking.push(format!("{sample} ({what})"));
                continue;
            }
            series.push(Series {
                family: text::visible(sample),
                label: text::shorten(&format!("{} · {what}", text::visible(sample)), 26),
                color,
                line: if useful { Line::Thin } else { Line::Solid },
                marks: true,
                points,
            });
        }
    }
    if let Some(sample) = samples.first() {
        for (place, what) in ["chance, any seed", "chance, useful"].into_iter().enumerate() {
            let points = finds
                .iter()
                .filter(|find| find.sample == *sample)
                .map(|find| point(find.entries, find.expected[place], what, Tone::Reference))
                .collect();
            series.push(Series {
                family: String::new(),
                label: what.into(),
                color: place,
                line: Line::Dashed,
                marks: false,
                points,
            });
        }
    }
    let values = |of: fn(&Point) -> f64| series.iter().flat_map(|s| &s.points).map(of).collect::<Vec<_>>();
    let (xs, ys) = (values(|p| p.x), values(|p| p.y));
    let mut notes = Vec::new();
    if !lacking.is_empty() {
        let text = format!("A share of 0 cannot be drawn on a log axis: {}.", lacking.join(", "));
        notes.push(Note { text: text::visible(&text), tone: Tone::Normal });
    }
    Figure {
        chart: "seed-tables",
        corpus: None,
        stem: "seed-tables".into(),
        title: format!("Hit rates of seed tables, blocks of {block_size} bytes"),
        caption: "Blocks that a seed of the table regenerates, and blocks whose record is shorter than the \
                  block. A longer table finds more, but what it adds costs more bits than it replaces."
            .into(),
        x: Axis::log("seeds in the table", Unit::Number, xs.into_iter()),
        y: Some(Axis::log("share of blocks, %", Unit::Number, ys.into_iter())),
        notes,
        body: Body::Points { series, frontier: false },
    }
}

fn point(entries: u32, share: f64, what: &str, tone: Tone) -> Point {
    Point {
        x: f64::from(entries),
        y: share * 100.0,
        label: String::new(),
        hint: format!("{what}\n{} seeds\n{:.5} % of blocks", text::count(u64::from(entries)), share * 100.0),
        tone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn theory_stands_beside_what_was_found() {
        let find = |entries, hits, useful| Finds {
            sample: "random".into(),
            entries,
            hits,
            useful,
            expected: [hits * 1.01, useful * 1.01],
        };
        let figure = figure(&[find(256, 1.5e-5, 1.5e-5), find(16_843_008, 0.63, 0.0)], 3);
        let Body::Points { series, .. } = &figure.body else { panic!("points") };
        assert_eq!(series.iter().filter(|s| s.line == Line::Dashed).count(), 2);
        assert_eq!(series[0].points.len(), 2);
        assert_eq!(series[1].points.len(), 1, "a share of nothing has no place on a log axis");
        assert!(crate::draw::svg(&figure).unwrap().contains("chance"));
    }
}
