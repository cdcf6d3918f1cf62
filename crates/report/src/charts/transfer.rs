//! Time to encode, send and decode 1 GB against bandwidth, and the fastest chain at each bandwidth.

use super::{Chart, View, coverage_notes};
use crate::figure::{Axis, Body, Figure, Line, Note, Point, Series, Tone, Unit};
use crate::text;

/// A curve for each chain.
pub(super) struct Transfer;

/// Bandwidths at the ends of the axis, in bits per second.
const LOW: f64 = 1e6;
const HIGH: f64 = 1e11;
/// Points per decade of bandwidth.
const STEPS: u32 = 12;

/// Costs per original byte: seconds of work, and bits to send.
struct Cost<'a> {
    chain: &'a str,
    label: String,
    work: f64,
    bits: f64,
}

impl Cost<'_> {
    /// Seconds for 1 GB of original data.
    fn seconds(&self, bandwidth: f64) -> f64 {
        (self.work + self.bits / bandwidth) * 1e9
    }
}

impl Chart for Transfer {
    fn name(&self) -> &'static str {
        "transfer"
    }

    fn figure(&self, view: &View) -> Option<Figure> {
        let rows = view.main();
        let mut costs = Vec::new();
        for row in rows.iter().filter(|r| r.failed.is_empty() && r.output_bytes > 0) {
            let (Some(encode), Some(decode)) = (row.seconds(|c| &c.encode), row.seconds(|c| &c.decode))
            else {
                continue;
            };
            let bytes = row.bytes as f64;
            costs.push(Cost {
                chain: &row.setup.chain,
                label: row.label.clone(),
                work: (encode + decode) / bytes,
                bits: row.output_bytes as f64 * 8.0 / bytes,
            });
        }
        if costs.is_empty() {
            return None;
        }
        let raw = Cost { chain: "", label: "uncompressed".into(), work: 0.0, bits: 8.0 };
        let decades = (HIGH / LOW).log10();
        let steps = (decades * f64::from(STEPS)).round() as u32;
        let bandwidths: Vec<f64> =
            (0..=steps).map(|i| LOW * 10f64.powf(f64::from(i) / f64::from(STEPS))).collect();
        let winners: Vec<usize> = bandwidths.iter().map(|b| fastest(&costs, &raw, *b)).collect();
        let mut series: Vec<Series> = Vec::new();
        for (i, cost) in costs.iter().enumerate() {
            // With many chains, only those that are fastest at some bandwidth get a label and a strong line.
            let strong = costs.len() <= 8 || winners.contains(&i);
            series.push(Series {
                family: text::family(cost.chain),
                label: if strong { text::shorten(&cost.label, 26) } else { String::new() },
                color: view.families.color(cost.chain),
                line: if strong { Line::Solid } else { Line::Thin },
                marks: false,
                points: bandwidths.iter().map(|b| point(cost, *b)).collect(),
            });
        }
        series.push(Series {
            family: String::new(),
            label: raw.label.clone(),
            color: 0,
            line: Line::Dashed,
            marks: false,
            points: bandwidths.iter().map(|b| Point { tone: Tone::Reference, ..point(&raw, *b) }).collect(),
        });
        let mut notes = vec![Note { text: ranges(&bandwidths, &winners, &costs, &raw), tone: Tone::Normal }];
        notes.extend(coverage_notes(&rows));
        let points = || series.iter().flat_map(|s| &s.points);
        Some(Figure {
            chart: self.name(),
            corpus: None,
            stem: String::new(),
            title: "Time to transfer 1 GB".into(),
            caption: "Encode, send and decode in sequence; lower is faster.".into(),
            x: Axis {
                range: (LOW, HIGH),
                ..Axis::log("bandwidth", Unit::Bandwidth, [LOW, HIGH].into_iter())
            },
            y: Some(Axis::log("time for 1 GB of original data", Unit::Seconds, points().map(|p| p.y))),
            notes,
            body: Body::Points { series, frontier: false },
        })
    }
}

fn point(cost: &Cost, bandwidth: f64) -> Point {
    let seconds = cost.seconds(bandwidth);
    Point {
        x: bandwidth,
        y: seconds,
        label: String::new(),
        hint: format!("{}\n{}: {} for 1 GB", cost.label, text::bandwidth(bandwidth), text::seconds(seconds)),
        tone: Tone::Normal,
    }
}

/// The index of the fastest chain; `chains.len()` means sending the data uncompressed.
fn fastest(costs: &[Cost], raw: &Cost, bandwidth: f64) -> usize {
    let mut best = (costs.len(), raw.seconds(bandwidth));
    for (i, cost) in costs.iter().enumerate() {
        let seconds = cost.seconds(bandwidth);
        if seconds < best.1 {
            best = (i, seconds);
        }
    }
    best.0
}

/// The fastest chains as text, from low to high bandwidth.
fn ranges(bandwidths: &[f64], winners: &[usize], costs: &[Cost], raw: &Cost) -> String {
    let name = |i: usize| text::shorten(&costs.get(i).unwrap_or(raw).label, 40);
    let mut words = Vec::new();
    let mut start = 0;
    for end in 1..=winners.len() {
        if end < winners.len() && winners[end] == winners[start] {
            continue;
        }
        let limit = bandwidths.get(end).map(|b| format!(" up to about {}", text::bandwidth(round(*b))));
        words.push(format!("{}{}", name(winners[start]), limit.unwrap_or_default()));
        start = end;
    }
    format!("Soonest there: {}", words.join(", then "))
}

/// Rounds to one significant digit, the resolution of the points.
fn round(value: f64) -> f64 {
    let step = 10f64.powf(value.log10().floor());
    (value / step).round() * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_winner_changes_with_the_bandwidth() {
        let costs = [
            Cost { chain: "slow", label: "slow".into(), work: 1e-6, bits: 2.0 },
            Cost { chain: "fast", label: "fast".into(), work: 5e-9, bits: 4.0 },
        ];
        let raw = Cost { chain: "", label: "raw".into(), work: 0.0, bits: 8.0 };
        let bandwidths = [1e5, 1e6, 1e8, 1e10];
        let winners: Vec<_> = bandwidths.iter().map(|b| fastest(&costs, &raw, *b)).collect();
        assert_eq!(winners, [0, 0, 1, 2]);
        assert_eq!(
            ranges(&bandwidths, &winners, &costs, &raw),
            "Soonest there: slow up to about 100 Mbit/s, then fast up to about 10 Gbit/s, then raw"
        );
    }
}
