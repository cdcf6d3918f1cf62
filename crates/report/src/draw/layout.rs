//! The layout of a picture, in units of 1/[`WIDTH`] of its width.

use crate::figure::{Body, Figure, Group};

use super::font;

/// The width of every picture.
pub(super) const WIDTH: f64 = 960.0;
/// Size of normal text.
pub(super) const TEXT: f64 = 12.0;
/// Size of labels at points and bars.
pub(super) const SMALL: f64 = 11.0;

/// Height of one bar with its gap.
pub(super) const BAR: f64 = 17.0;
/// Height of a group's heading.
pub(super) const HEADING: f64 = 24.0;
/// Space after a group.
pub(super) const GAP: f64 = 8.0;

/// The plot rectangle, and the height of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Layout {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
    pub height: f64,
}

impl Layout {
    /// The layout of a figure; a bare one has neither heading nor notes.
    pub(super) fn of(figure: &Figure, bare: bool) -> Self {
        // Above the plot: the label of the y axis, or in tall bar charts the x ticks repeated.
        let top = if bare { 28.0 } else { 92.0 };
        let lines = figure.notes.iter().map(|n| wrap(&n.text).len()).sum::<usize>();
        let notes = if bare || lines == 0 { 0.0 } else { lines as f64 * NOTE + 8.0 };
        let (left, right, inner) = match &figure.body {
            Body::Points { series, .. } => {
                let widest = series.iter().map(|s| font::width(&s.label, TEXT * 1.24)).fold(0.0, f64::max);
                (72.0, WIDTH - 28.0 - widest.min(190.0), 400.0)
            }
            Body::Bars { groups, .. } => {
                let labels = groups.iter().flat_map(|g| &g.bars).map(|b| font::width(&b.label, SMALL * 1.24));
                let values = groups.iter().flat_map(|g| &g.bars).map(|b| font::width(&b.value, SMALL * 1.24));
                let (label, value) = (labels.fold(40.0, f64::max), values.fold(30.0, f64::max));
                (label.min(200.0) + 30.0, WIDTH - value.min(190.0) - 20.0, bars(groups))
            }
        };
        let bottom = top + inner;
        Self { left, right, top, bottom, height: bottom + 54.0 + notes }
    }

    /// The x coordinate of a position 0..1 on the x axis.
    pub(super) fn x(&self, share: f64) -> f64 {
        self.left + share * (self.right - self.left)
    }

    /// The y coordinate, from the top, of a position 0..1 on the y axis.
    pub(super) fn y(&self, share: f64) -> f64 {
        self.bottom - share * (self.bottom - self.top)
    }
}

fn bars(groups: &[Group]) -> f64 {
    groups.iter().map(|g| HEADING + g.bars.len() as f64 * BAR + GAP).sum()
}

/// Height of a line of notes.
pub(super) const NOTE: f64 = 17.0;

/// Wraps a note into lines that fit.
pub(super) fn wrap(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        let longer =
            if lines[last].is_empty() { word.to_string() } else { format!("{} {word}", lines[last]) };
        if lines[last].is_empty() || font::width(&longer, SMALL * 1.24) < WIDTH - 48.0 {
            lines[last] = longer;
        } else {
            lines.push(word.to_string());
        }
    }
    lines
}

/// The bounding box of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Box {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Box {
    /// Whether two boxes overlap.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

/// Finds a free position for a label: right, left, above, below its point, then further away.
pub(super) fn beside(point: (f64, f64), width: f64, taken: &[Box], inside: &Box) -> Option<Box> {
    let (x, y) = point;
    let half = 7.0;
    let at =
        |left: f64, middle: f64| Box { left, top: middle - half, right: left + width, bottom: middle + half };
    let candidates = [
        at(x + 8.0, y),
        at(x - 8.0 - width, y),
        at(x - width / 2.0, y - 14.0),
        at(x - width / 2.0, y + 14.0),
        at(x + 7.0, y - 11.0),
        at(x + 7.0, y + 11.0),
        at(x - 7.0 - width, y - 11.0),
        at(x - 7.0 - width, y + 11.0),
        at(x + 8.0, y - 20.0),
        at(x + 8.0, y + 20.0),
    ];
    let fits = |b: &&Box| {
        b.left >= inside.left
            && b.right <= inside.right
            && b.top >= inside.top
            && b.bottom <= inside.bottom
            && !taken.iter().any(|t| t.meets(b))
    };
    candidates.iter().find(fits).copied()
}

/// Moves coordinates apart until neighbours have a distance of `gap`; keeps the order.
pub(super) fn spread(places: &mut [f64], gap: f64, low: f64, high: f64) {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|a, b| places[*a].total_cmp(&places[*b]));
    let mut least = low;
    for &i in &order {
        places[i] = places[i].max(least);
        least = places[i] + gap;
    }
    let mut most = high;
    for &i in order.iter().rev() {
        places[i] = places[i].min(most);
        most = places[i] - gap;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_spread_in_order() {
        let mut places = [5.0, 4.0, 6.0, 100.0];
        spread(&mut places, 10.0, 0.0, 100.0);
        assert_eq!(places, [14.0, 4.0, 24.0, 100.0]);
        let mut places = [99.0, 98.0];
        spread(&mut places, 10.0, 0.0, 100.0);
        assert_eq!(places, [100.0, 90.0]);
    }
}
