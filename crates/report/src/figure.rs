//! The data of a chart, separate from drawing: the picture files and the page's script draw the same figure.

use serde::Serialize;

/// The scale of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Linear.
    Linear,
    /// Logarithmic.
    Log,
}

/// The unit of an axis's labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// A number.
    Number,
    /// Bytes with decimal units.
    Bytes,
    /// Bytes with binary units.
    Binary,
    /// Seconds.
    Seconds,
    /// Bits per second.
    Bandwidth,
}

/// One axis. The range is that of the data with a margin; a log range is positive.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Axis {
    /// The quantity, with its unit.
    pub label: String,
    /// The initial scale; the page can switch it.
    pub scale: Scale,
    /// The unit of its labels.
    pub unit: Unit,
    /// The least and the greatest value.
    pub range: (f64, f64),
}

impl Axis {
    /// A log axis that holds `values`.
    pub fn log(label: &str, unit: Unit, values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = extent(values.filter(|v| *v > 0.0)).unwrap_or((1.0, 10.0));
        // At least a factor of two, so that there are several ticks.
        let (low, high) = if high / low < 2.0 {
            ((low * high / 2.0).sqrt(), (low * high * 2.0).sqrt())
        } else {
            (low, high)
        };
        let margin = (high / low).powf(0.06);
        Self { label: label.into(), scale: Scale::Log, unit, range: (low / margin, high * margin) }
    }

    /// A linear axis from zero that holds `values`.
    pub fn linear(label: &str, unit: Unit, values: impl Iterator<Item = f64>) -> Self {
        let (_, high) = extent(values).unwrap_or((0.0, 1.0));
        let high = if high > 0.0 { high * 1.08 } else { 1.0 };
        Self { label: label.into(), scale: Scale::Linear, unit, range: (0.0, high) }
    }
}

fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .filter(|v| v.is_finite())
        .fold(None, |e, v| Some(e.map_or((v, v), |(low, high): (f64, f64)| (low.min(v), high.max(v)))))
}

/// The meaning of a mark or a line of text, shown by its style.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// A normal result.
    #[default]
    Normal,
    /// Not comparable with the rest: fewer samples.
    Partial,
    /// A reference rather than a result.
    Reference,
    /// Data grew.
    Expansion,
    /// A failure.
    Fail,
}

/// One mark of a point or line chart.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Point {
    /// Position.
    pub x: f64,
    /// Position.
    pub y: f64,
    /// The label; may be empty.
    pub label: String,
    /// All there is to say about it.
    pub hint: String,
    /// How it is meant.
    pub tone: Tone,
}

/// How the points of a series are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Line {
    /// By a solid line.
    Solid,
    /// By a broken line: a reference.
    Dashed,
    /// By a thin line that only groups points.
    Thin,
}

/// Points that belong together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    /// What the filter calls it: the chain without parameters; empty for references.
    pub family: String,
    /// The label at the end of its line; empty if the points have labels.
    pub label: String,
    /// Place in the palette.
    pub color: usize,
    /// How the points are joined.
    pub line: Line,
    /// Whether every point has a mark.
    pub marks: bool,
    /// The points, in order.
    pub points: Vec<Point>,
}

/// One horizontal bar.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bar {
    /// What the filter calls it.
    pub family: String,
    /// The label at its start.
    pub label: String,
    /// The value at its start.
    pub from: f64,
    /// The value at its end.
    pub to: f64,
    /// The label at its end.
    pub value: String,
    /// All there is to say about it.
    pub hint: String,
    /// Place in the palette.
    pub color: usize,
    /// How it is meant.
    pub tone: Tone,
}

/// Bars under a common heading.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// The heading.
    pub label: String,
    /// The bars, from the top.
    pub bars: Vec<Bar>,
}

/// The marks of a figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Body {
    /// Points and lines over two axes.
    Points {
        /// What is drawn.
        series: Vec<Series>,
        /// Whether the Pareto front is drawn; higher is better on both axes.
        frontier: bool,
    },
    /// Horizontal bars over the x axis.
    Bars {
        /// What is drawn.
        groups: Vec<Group>,
        /// The break-even value, drawn as a line through all bars.
        base: f64,
    },
}

/// A line of text under a figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Note {
    /// The text.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
}

/// One picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// The chart that made it.
    pub chart: &'static str,
    /// Its corpus; `None` for all samples.
    pub corpus: Option<String>,
    /// The stem of its files.
    pub stem: String,
    /// The heading.
    pub title: String,
    /// A caption of one sentence.
    pub caption: String,
    /// The axis from left to right.
    pub x: Axis,
    /// The axis from bottom to top; bars have none.
    pub y: Option<Axis>,
    /// The marks.
    pub body: Body,
    /// Notes about failures and omitted data.
    pub notes: Vec<Note>,
}

/// The Pareto front from left to right; higher is better on both axes.
pub fn frontier(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)));
    let mut best = f64::NEG_INFINITY;
    sorted.retain(|p| {
        p.1 > best && {
            best = p.1;
            true
        }
    });
    sorted.reverse();
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frontier_has_what_nothing_beats() {
        let points = [(1.0, 5.0), (2.0, 4.0), (2.0, 3.0), (3.0, 4.5), (0.5, 5.0), (9.0, 1.0)];
        assert_eq!(frontier(&points), [(1.0, 5.0), (3.0, 4.5), (9.0, 1.0)]);
        assert_eq!(frontier(&[]), []);
    }

    #[test]
    fn axes_hold_their_values() {
        let axis = Axis::log("x", Unit::Number, [3.0, 0.0, f64::NAN, 3.0].into_iter());
        assert!(axis.range.0 < 3.0 && axis.range.1 > 3.0 && axis.range.0 > 0.0);
        assert_eq!(Axis::linear("x", Unit::Number, std::iter::empty()).range.0, 0.0);
    }
}
