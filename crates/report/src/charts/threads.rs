//! Speed-up against threads, with the ideal line.

use super::{Chart, View, Way, coverage_notes, samples, tone};
use crate::figure::{Axis, Body, Figure, Line, Point, Series, Tone, Unit};
use crate::summary::{self, Row};
use crate::text;

/// A line for each chain with a swept number of threads.
pub(super) struct Threads(pub Way);

impl Chart for Threads {
    fn name(&self) -> &'static str {
        match self.0 {
            Way::Encode => "threads-encode",
            Way::Decode => "threads-decode",
        }
    }

    fn figure(&self, view: &View) -> Option<Figure> {
        let sweeps = view.sweeps(|row| row.setup.threads, |row| row.setup.segment_bytes.to_string());
        let mut series = Vec::new();
        let mut most = 1;
        for rows in &sweeps {
            let points = self.points(rows);
            let Some(row) = rows.first().filter(|_| points.len() > 1) else { continue };
            most = most.max(rows.iter().map(|r| r.setup.threads).max().unwrap_or(1));
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
        let ideal = |n: u32| Point {
            x: f64::from(n),
            y: f64::from(n),
            hint: format!("ideal\n{}: {n} times as fast", summary::threads(n)),
            tone: Tone::Reference,
            ..Point::default()
        };
        series.push(Series {
            family: String::new(),
            label: "ideal".into(),
            color: 0,
            line: Line::Dashed,
            marks: false,
            points: (1..=most).map(ideal).collect(),
        });
        let points = || series.iter().flat_map(|s: &Series| &s.points);
        Some(Figure {
            chart: self.name(),
            corpus: None,
            stem: String::new(),
            title: format!("Speed-up of {} against threads", self.0.word()),
            caption: "Relative to the same chain with the fewest threads; the broken line is ideal.".into(),
            x: Axis::linear("threads", Unit::Number, points().map(|p| p.x)),
            y: Some(Axis::linear("speed-up", Unit::Number, points().map(|p| p.y))),
            notes: coverage_notes(sweeps.iter().flatten().copied()),
            body: Body::Points { series, frontier: false },
        })
    }
}

impl Threads {
    /// Throughput relative to the first row's, times the first row's number of threads.
    fn points(&self, rows: &[&Row]) -> Vec<Point> {
        let speed = |row: &Row| Some(row.speed(|c| self.0.timing(c))?.total);
        let Some((base, threads)) = rows.first().and_then(|r| Some((speed(r)?, r.setup.threads.max(1))))
        else {
            return Vec::new();
        };
        let point = |row: &&Row| {
            let speed = speed(row)?;
            let up = speed / base * f64::from(threads);
            Some(Point {
                x: f64::from(row.setup.threads),
                y: up,
                label: String::new(),
                hint: format!(
                    "{}\n{}: {up:.2} times as fast\n{} {} MB/s\n{}",
                    text::chain(&row.setup.chain),
                    summary::threads(row.setup.threads),
                    self.0.word(),
                    text::number(speed),
                    samples(row.cells.len())
                ),
                tone: tone(row),
            })
        };
        rows.iter().filter_map(point).collect()
    }
}
