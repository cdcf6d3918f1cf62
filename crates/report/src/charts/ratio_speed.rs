//! Ratio against throughput.

use super::{Chart, View, Way, coverage_notes, samples, tone};
use crate::figure::{Axis, Body, Figure, Line, Note, Point, Series, Tone, Unit};
use crate::summary::{Row, Speed};
use crate::text;

/// Ratio against the throughput of encoding or decoding.
pub(super) struct RatioSpeed(pub Way);

impl Chart for RatioSpeed {
    fn name(&self) -> &'static str {
        match self.0 {
            Way::Encode => "ratio-encode",
            Way::Decode => "ratio-decode",
        }
    }

    fn figure(&self, view: &View) -> Option<Figure> {
        let rows = view.main();
        let mut series: Vec<Series> = Vec::new();
        for row in &rows {
            let (Some(ratio), Some(speed)) = (row.ratio(), row.speed(|c| self.0.timing(c))) else { continue };
            let family = text::family(&row.setup.chain);
            let tone = match tone(row) {
                Tone::Normal if ratio < 1.0 => Tone::Expansion,
                tone => tone,
            };
            let prefix = if tone == Tone::Fail { "FAIL " } else { "" };
            let point = Point {
                x: speed.total,
                y: ratio,
                label: format!("{prefix}{}", text::shorten(&row.label, 30)),
                hint: hint(row, ratio, speed, self.0),
                tone,
            };
            match series.iter_mut().find(|s| s.family == family) {
                Some(series) => series.points.push(point),
                None => series.push(Series {
                    color: view.families.color(&row.setup.chain),
                    family,
                    label: String::new(),
                    line: Line::Thin,
                    marks: true,
                    points: vec![point],
                }),
            }
        }
        if series.is_empty() {
            return None;
        }
        let points = || series.iter().flat_map(|s| &s.points);
        let mut notes = coverage_notes(&rows);
        if rows.len() < view.rows.len() {
            let more = view.rows.len() - rows.len();
            let text = format!("{more} more settings of segment size or threads have charts of their own");
            notes.push(Note { text, tone: Tone::Normal });
        }
        Some(Figure {
            chart: self.name(),
            corpus: None,
            stem: String::new(),
            title: format!("Ratio against {} throughput", self.0.word()),
            caption: "Up and to the right is better; the line joins what no other chain beats in both. \
                      Sums over all samples; below ratio 1 the data grew."
                .into(),
            x: Axis::log(
                &format!("{} throughput, MB/s of original data", self.0.word()),
                Unit::Number,
                points().map(|p| p.x),
            ),
            y: Some(Axis::log("ratio, original / encoded", Unit::Number, points().map(|p| p.y).chain([1.0]))),
            body: Body::Points { series, frontier: true },
            notes,
        })
    }
}

fn hint(row: &Row, ratio: f64, speed: Speed, way: Way) -> String {
    let mean = row.mean_ratio().map_or(String::new(), |mean| {
        format!("\ngeometric means: ratio {mean:.3}, {} MB/s", text::number(speed.mean))
    });
    let failed = if row.failed.is_empty() { String::new() } else { format!(", {} FAILED", row.failed.len()) };
    format!(
        "{}\nratio {ratio:.3}, {:.3} bpb\n{} {} MB/s{mean}\n{}{failed}",
        row.label,
        row.bits_per_byte().unwrap_or(0.0),
        way.word(),
        text::number(speed.total),
        samples(row.cells.len()),
    )
}
