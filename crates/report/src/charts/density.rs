//! Ratio against the density of planted seeds in synthetic samples, with the break-even line.

use super::{Chart, View, tone};
use crate::figure::{Axis, Body, Figure, Line, Note, Point, Series, Tone, Unit};
use crate::summary;
use crate::text;
use lab_bench::results::Cell;

/// A line for each chain and kind of sample with a swept `density`, the generator's parameter in thousandths.
pub(super) struct Density;

/// Minimum ratio of a line's best point: a lower line would coincide with break-even.
const GAIN: f64 = 1.01;

/// The density of a sample in per cent, and the generator's other parameters.
fn density(sample: &str) -> Option<(f64, String)> {
    let (mut density, mut rest) = (None, Vec::new());
    for part in sample.split(':') {
        match part.strip_prefix("density=") {
            Some(thousandths) => density = thousandths.parse::<u16>().ok(),
            None => rest.push(part),
        }
    }
    Some((f64::from(density?) / 10.0, rest.get(1..).unwrap_or_default().join(":")))
}

impl Chart for Density {
    fn name(&self) -> &'static str {
        "density"
    }

    fn figure(&self, view: &View) -> Option<Figure> {
        let mut series = Vec::new();
        let mut flat = 0;
        for row in &view.main() {
            let mut kinds: Vec<(String, Vec<Point>)> = Vec::new();
            for cell in &row.cells {
                let Some((x, kind)) = density(&cell.sample) else { continue };
                let Some(point) = point(cell, x, tone(row)) else { continue };
                match kinds.iter_mut().find(|(k, _)| *k == kind) {
                    Some((_, points)) => points.push(point),
                    None => kinds.push((kind, vec![point])),
                }
            }
            for (kind, mut points) in kinds.into_iter().filter(|(_, points)| points.len() > 1) {
                if points.iter().all(|point| point.y < GAIN) {
                    flat += 1;
                    continue;
                }
                points.sort_by(|a, b| a.x.total_cmp(&b.x));
                series.push(Series {
                    family: text::family(&row.setup.chain),
                    label: text::shorten(&format!("{kind} · {}", text::chain(&row.setup.chain)), 40),
                    color: series.len(),
                    line: Line::Solid,
                    marks: true,
                    points,
                });
            }
        }
        if series.is_empty() {
            return None;
        }
        let even =
            |x| Point { x, y: 1.0, hint: "nothing gained".into(), tone: Tone::Reference, ..Point::default() };
        series.push(Series {
            family: String::new(),
            label: "break-even".into(),
            color: 0,
            line: Line::Dashed,
            marks: false,
            points: vec![even(0.0), even(100.0)],
        });
        let mut notes = Vec::new();
        if flat > 0 {
            let text = format!("{flat} lines that stay at break-even are left out.");
            notes.push(Note { text, tone: Tone::Normal });
        }
        let points = || series.iter().flat_map(|s: &Series| &s.points);
        Some(Figure {
            chart: self.name(),
            corpus: None,
            stem: String::new(),
            title: "Ratio against the density of planted seeds".into(),
            caption: "Random blocks, some of them expansions of short seeds.".into(),
            x: Axis::linear("places with an expansion, %", Unit::Number, points().map(|p| p.x)),
            y: Some(Axis::linear("ratio, original / encoded", Unit::Number, points().map(|p| p.y))),
            notes,
            body: Body::Points { series, frontier: false },
        })
    }
}

fn point(cell: &Cell, x: f64, tone: Tone) -> Option<Point> {
    let y = summary::ratio(cell.bytes, cell.output_bytes)?;
    let hint = format!("{}\n{}\nratio {y:.3}", text::chain(&cell.chain), text::sample(cell));
    Some(Point { x, y, label: String::new(), hint, tone })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn densities_are_read_from_names() {
        assert_eq!(density("planted-seeds:density=250:arity=3"), Some((25.0, "arity=3".to_string())));
        assert_eq!(density("planted-seeds:density=x"), None);
        assert_eq!(density("alice29.txt"), None);
    }
}
