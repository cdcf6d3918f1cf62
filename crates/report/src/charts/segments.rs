//! Ratio and throughput against the segment size.

use super::{Chart, View, Way, coverage_notes, samples, tone};
use crate::figure::{Axis, Body, Figure, Line, Point, Series, Unit};
use crate::summary::{self, Row};
use crate::text;

/// The quantity on the y axis.
pub(super) enum Measure {
    /// Original / encoded bytes.
    Ratio,
    /// Throughput.
    Speed(Way),
}

/// A line for each chain with a swept segment size.
pub(super) struct Segments(pub Measure);

impl Chart for Segments {
    fn name(&self) -> &'static str {
        match self.0 {
            Measure::Ratio => "segment-ratio",
            Measure::Speed(Way::Encode) => "segment-encode",
            Measure::Speed(Way::Decode) => "segment-decode",
        }
    }

    fn figure(&self, view: &View) -> Option<Figure> {
        let sweeps = view.sweeps(|row| order(row.setup.segment_bytes), |row| row.setup.threads.to_string());
        let largest = view.rows.iter().flat_map(|r| &r.cells).map(|c| c.bytes).max().unwrap_or(1);
        let widest = view.rows.iter().map(|r| r.setup.segment_bytes).max().unwrap_or(1);
        // `whole` has no size of its own; the largest file gives it a position on the axis.
        let whole = largest.max(widest.saturating_mul(2)).max(1);
        let mut series = Vec::new();
        for rows in &sweeps {
            let points: Vec<Point> = rows.iter().filter_map(|row| self.point(row, whole)).collect();
            let Some(row) = rows.first().filter(|_| points.len() > 1) else { continue };
            series.push(Series {
                family: text::family(&row.setup.chain),
                label: text::shorten(&text::chain(&row.setup.chain), 26),
                color: view.families.color(&row.setup.chain),
                line: Line::Solid,
                marks: true,
                points,
            });
        }
        if series.is_empty() {
            return None;
        }
        let (title, label) = match self.0 {
            Measure::Ratio => {
                ("Ratio against segment size".to_string(), "ratio, original / encoded".to_string())
            }
            Measure::Speed(way) => (
                format!("Throughput of {} against segment size", way.word()),
                format!("{} throughput, MB/s of original data", way.word()),
            ),
        };
        let points = || series.iter().flat_map(|s: &Series| &s.points);
        Some(Figure {
            chart: self.name(),
            corpus: None,
            stem: String::new(),
            title,
            caption: "Sums over all samples; the rightmost point is the whole file, if measured.".into(),
            x: Axis::log("bytes of a segment", Unit::Binary, points().map(|p| p.x)),
            y: Some(Axis::log(&label, Unit::Number, points().map(|p| p.y))),
            notes: coverage_notes(sweeps.iter().flatten().copied()),
            body: Body::Points { series, frontier: false },
        })
    }
}

impl Segments {
    fn point(&self, row: &Row, whole: u64) -> Option<Point> {
        let (value, text) = match self.0 {
            Measure::Ratio => (row.ratio()?, format!("ratio {:.3}", row.ratio()?)),
            Measure::Speed(way) => {
                let speed = row.speed(|c| way.timing(c))?.total;
                (speed, format!("{} {} MB/s", way.word(), text::number(speed)))
            }
        };
        let bytes = row.setup.segment_bytes;
        Some(Point {
            x: if bytes == 0 { whole } else { bytes } as f64,
            y: value,
            label: String::new(),
            hint: format!(
                "{}\nsegment {}\n{text}\n{}",
                text::chain(&row.setup.chain),
                summary::segment(bytes),
                samples(row.cells.len())
            ),
            tone: tone(row),
        })
    }
}

/// Orders `whole` after every size.
fn order(segment_bytes: u64) -> u64 {
    if segment_bytes == 0 { u64::MAX } else { segment_bytes }
}
