//! Drawing in the units of the layout, on either backend.

use lab_codec::{Error, ErrorKind, Result};
use plotters::coord::Shift;
use plotters::prelude::{Circle, DrawingArea, DrawingBackend, PathElement, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, RGBColor, ShapeStyle, TextStyle};

/// A drawing area with a scale: pixels for each unit of the layout.
pub(super) struct Pen<'a, 'b, DB: DrawingBackend> {
    pub area: &'a DrawingArea<DB, Shift>,
    pub scale: f64,
    pub family: &'b str,
}

/// The alignment of a text relative to its point.
#[derive(Clone, Copy)]
pub(super) enum At {
    Left,
    Middle,
    Right,
}

impl<DB: DrawingBackend> Pen<'_, '_, DB> {
    fn pixel(&self, (x, y): (f64, f64)) -> (i32, i32) {
        ((x * self.scale).round() as i32, (y * self.scale).round() as i32)
    }

    fn stroke(&self, color: RGBColor, width: f64) -> ShapeStyle {
        color.stroke_width((width * self.scale).round().max(1.0) as u32)
    }

    /// A line through points.
    pub(super) fn line(&self, points: &[(f64, f64)], color: RGBColor, width: f64) -> Result<()> {
        let points: Vec<_> = points.iter().map(|p| self.pixel(*p)).collect();
        self.area.draw(&PathElement::new(points, self.stroke(color, width))).map_err(failed)
    }

    /// A line of dashes through points.
    pub(super) fn dashes(&self, points: &[(f64, f64)], color: RGBColor, width: f64) -> Result<()> {
        let (dash, period) = (5.0, 9.0);
        let mut at = 0.0;
        for pair in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let length = (x1 - x0).hypot(y1 - y0);
            let on = |t: f64| (x0 + (x1 - x0) * t / length, y0 + (y1 - y0) * t / length);
            // Dashes begin at multiples of the period along the whole line.
            let mut begin = -(at % period);
            while begin < length && length > 0.0 {
                let (from, to) = (begin.max(0.0), (begin + dash).min(length));
                if to > from {
                    self.line(&[on(from), on(to)], color, width)?;
                }
                begin += period;
            }
            at += length;
        }
        Ok(())
    }

    /// A filled rectangle.
    pub(super) fn bar(&self, from: (f64, f64), to: (f64, f64), color: RGBColor) -> Result<()> {
        let (a, b) = (self.pixel(from), self.pixel(to));
        let (a, b) = ((a.0.min(b.0), a.1.min(b.1)), (a.0.max(b.0), a.1.max(b.1)));
        self.area.draw(&Rectangle::new([a, b], color.filled())).map_err(failed)
    }

    /// The mark of a series, with a shape per colour.
    pub(super) fn mark(&self, (x, y): (f64, f64), radius: f64, color: RGBColor, shape: usize) -> Result<()> {
        let at = |dx: f64, dy: f64| self.pixel((x + dx * radius, y + dy * radius));
        let style = color.filled();
        match shape % 4 {
            0 => {
                let circle = Circle::new(self.pixel((x, y)), (radius * self.scale).round() as i32, style);
                self.area.draw(&circle).map_err(failed)
            }
            1 => self.area.draw(&Rectangle::new([at(-0.9, -0.9), at(0.9, 0.9)], style)).map_err(failed),
            2 => {
                let points = vec![at(0.0, -1.25), at(1.25, 0.0), at(0.0, 1.25), at(-1.25, 0.0)];
                self.area.draw(&Polygon::new(points, style)).map_err(failed)
            }
            _ => {
                let points = vec![at(0.0, -1.15), at(1.1, 0.85), at(-1.1, 0.85)];
                self.area.draw(&Polygon::new(points, style)).map_err(failed)
            }
        }
    }

    /// The mark of a failure.
    pub(super) fn cross(&self, (x, y): (f64, f64), radius: f64, color: RGBColor) -> Result<()> {
        self.line(&[(x - radius, y - radius), (x + radius, y + radius)], color, 2.2)?;
        self.line(&[(x - radius, y + radius), (x + radius, y - radius)], color, 2.2)
    }

    /// One line of text, centred on its height.
    pub(super) fn text(
        &self,
        text: &str,
        point: (f64, f64),
        size: f64,
        color: RGBColor,
        at: At,
    ) -> Result<()> {
        self.write(text, point, (size, FontStyle::Normal), color, at)
    }

    /// One line of strong text.
    pub(super) fn strong(&self, text: &str, point: (f64, f64), size: f64, color: RGBColor) -> Result<()> {
        self.write(text, point, (size, FontStyle::Bold), color, At::Left)
    }

    fn write(
        &self,
        text: &str,
        point: (f64, f64),
        (size, style): (f64, FontStyle),
        color: RGBColor,
        at: At,
    ) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let horizontal = match at {
            At::Left => HPos::Left,
            At::Middle => HPos::Center,
            At::Right => HPos::Right,
        };
        // The backends divide or stretch sizes by this factor.
        let font = FontDesc::new(FontFamily::Name(self.family), size * self.scale * 1.24, style);
        let style = TextStyle::from(font).color(&color).pos(Pos::new(horizontal, VPos::Center));
        self.area.draw(&Text::new(text.to_string(), self.pixel(point), style)).map_err(failed)
    }
}

/// An error of a backend in one line.
pub(super) fn failed(error: impl std::fmt::Display) -> Error {
    let text = error.to_string();
    Error::new(ErrorKind::Io, format!("cannot draw a chart: {}", text.lines().next().unwrap_or_default()))
}
