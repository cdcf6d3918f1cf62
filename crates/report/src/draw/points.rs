//! Points and lines over two axes.

use lab_codec::Result;
use plotters::prelude::DrawingBackend;

use super::axis::{label, place, ticks};
use super::font;
use super::layout::{Box, Layout, SMALL, TEXT, beside, spread};
use super::palette::{self, AXIS, GRID, INK, MUTED, PAPER, RED};
use super::pen::{At, Pen};
use crate::figure::{Axis, Line, Series, Tone, frontier as best};

/// Draws the y axis and the series.
pub(super) fn draw<DB: DrawingBackend>(
    series: &[Series],
    frontier: bool,
    (x, y): (&Axis, &Axis),
    layout: &Layout,
    pen: &Pen<DB>,
) -> Result<()> {
    let at = |px: f64, py: f64| (layout.x(place(x, px)), layout.y(place(y, py)));
    for tick in ticks(y, 8) {
        let (_, level) = at(x.range.0, tick);
        pen.line(&[(layout.left, level), (layout.right, level)], GRID, 1.0)?;
        pen.text(&label(y.unit, tick), (layout.left - 8.0, level), TEXT, MUTED, At::Right)?;
    }
    pen.text(&y.label, (24.0, layout.top - 13.0), TEXT, INK, At::Left)?;
    if frontier {
        let points = series.iter().flat_map(|s| &s.points).filter(|p| p.tone != Tone::Fail);
        let points: Vec<_> = points.filter(|p| p.tone != Tone::Partial).map(|p| (p.x, p.y)).collect();
        let line: Vec<_> = best(&points).into_iter().map(|p| at(p.0, p.1)).collect();
        pen.dashes(&line, AXIS, 1.5)?;
    }
    for one in series {
        let line: Vec<_> = one.points.iter().map(|p| at(p.x, p.y)).collect();
        match one.line {
            _ if line.len() < 2 => {}
            Line::Solid => pen.line(&line, palette::series(one.color), 2.0)?,
            Line::Dashed => pen.dashes(&line, AXIS, 1.5)?,
            Line::Thin => pen.line(&line, palette::series(one.color), 0.75)?,
        }
    }
    let radius = if frontier { 5.0 } else { 4.0 };
    for one in series.iter().filter(|s| s.marks) {
        for point in &one.points {
            let place = at(point.x, point.y);
            let color = palette::series(one.color);
            match point.tone {
                Tone::Fail => pen.cross(place, 5.0, RED)?,
                Tone::Partial => {
                    pen.mark(place, radius, color, one.color)?;
                    pen.mark(place, radius - 2.0, PAPER, one.color)?;
                }
                Tone::Expansion => pen.mark(place, radius, RED, one.color)?,
                Tone::Normal | Tone::Reference => pen.mark(place, radius, color, one.color)?,
            }
        }
    }
    point_labels(series, &at, layout, pen)?;
    end_labels(series, &at, layout, pen)
}

/// Labels beside points, where there is room.
fn point_labels<DB: DrawingBackend>(
    series: &[Series],
    at: &dyn Fn(f64, f64) -> (f64, f64),
    layout: &Layout,
    pen: &Pen<DB>,
) -> Result<()> {
    let inside =
        Box { left: layout.left, top: layout.top - 6.0, right: super::WIDTH - 4.0, bottom: layout.bottom };
    let points = || series.iter().filter(|s| s.marks).flat_map(|s| s.points.iter().map(move |p| (s, p)));
    let mut taken: Vec<Box> = points()
        .map(|(_, p)| {
            let (x, y) = at(p.x, p.y);
            Box { left: x - 5.0, top: y - 5.0, right: x + 5.0, bottom: y + 5.0 }
        })
        .collect();
    for (_, point) in points().filter(|(_, p)| !p.label.is_empty()) {
        let width = font::width(&point.label, SMALL * 1.24);
        let Some(place) = beside(at(point.x, point.y), width, &taken, &inside) else { continue };
        let red = matches!(point.tone, Tone::Fail | Tone::Expansion);
        let middle = f64::midpoint(place.top, place.bottom);
        pen.text(&point.label, (place.left, middle), SMALL, if red { RED } else { INK }, At::Left)?;
        taken.push(place);
    }
    Ok(())
}

/// Labels at the right ends of lines, pushed apart.
fn end_labels<DB: DrawingBackend>(
    series: &[Series],
    at: &dyn Fn(f64, f64) -> (f64, f64),
    layout: &Layout,
    pen: &Pen<DB>,
) -> Result<()> {
    let ends = series.iter().filter(|s| !s.label.is_empty());
    let ends: Vec<_> = ends.filter_map(|s| s.points.last().map(|p| (s, at(p.x, p.y)))).collect();
    let mut levels: Vec<f64> = ends.iter().map(|(_, (_, y))| *y).collect();
    spread(&mut levels, 14.0, layout.top - 6.0, layout.bottom);
    for ((one, end), level) in ends.iter().zip(levels) {
        let color = if one.line == Line::Dashed { MUTED } else { palette::series(one.color) };
        let left = layout.right + 12.0;
        pen.line(&[(end.0 + 5.0, end.1), (left - 2.0, level)], GRID, 1.0)?;
        pen.text(&one.label, (left, level), TEXT, color, At::Left)?;
    }
    Ok(())
}
