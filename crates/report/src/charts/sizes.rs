//! Sizes of the same files in several formats, side by side.
//!
//! Not a [`Chart`](super::Chart), since its data are not cells of a benchmark: `lab album compare` draws it.

use crate::figure::{Axis, Bar, Body, Figure, Group, Tone, Unit};
use crate::text;

/// Bars of bytes; the first is the baseline of the comparison.
pub fn figure(title: &str, rows: &[(&str, u64)]) -> Figure {
    let own = rows.first().map_or(0, |row| row.1);
    let bar = |(what, bytes): &(&str, u64)| Bar {
        family: (*what).to_string(),
        label: (*what).to_string(),
        from: 0.0,
        to: *bytes as f64,
        value: text::bytes(*bytes as f64),
        hint: format!(
            "{what}: {} bytes; the album has {:.3} of it",
            text::count(*bytes),
            own as f64 / (*bytes).max(1) as f64
        ),
        color: usize::from(*bytes != own),
        tone: Tone::Normal,
    };
    Figure {
        chart: "sizes",
        corpus: None,
        stem: "sizes".into(),
        title: format!("Bytes of {}", text::visible(title)),
        caption: "The same pictures, kept in several ways; shorter is better.".into(),
        x: Axis::linear("bytes", Unit::Bytes, rows.iter().map(|row| row.1 as f64)),
        y: None,
        body: Body::Bars {
            groups: vec![Group { label: text::visible(title), bars: rows.iter().map(bar).collect() }],
            base: 0.0,
        },
        notes: Vec::new(),
    }
}
