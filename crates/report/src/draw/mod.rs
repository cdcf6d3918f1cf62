//! Draws figures as SVG and PNG, in memory, so that a failure leaves no partial file.

mod axis;
pub mod font;
mod layout;
pub mod palette;
mod pen;
mod png;
mod points;

use lab_codec::Result;
use plotters::coord::Shift;
use plotters::prelude::{BitMapBackend, DrawingArea, DrawingBackend, IntoDrawingArea, SVGBackend};
use plotters::style::RGBColor;

use super::figure::{Axis, Bar, Body, Figure, Group, Tone};
use super::html::escape;
use layout::{BAR, GAP, HEADING, Layout, SMALL, TEXT, WIDTH};
use palette::{AXIS, GRID, INK, MUTED, PAPER, RED};
use pen::{At, Pen, failed};

/// SVG units per layout unit: the backend only takes integers, and 1/8 unit is fine enough.
const FINE: f64 = 8.0;
/// Pixels of a PNG for each unit of the layout.
const PIXELS: usize = 2;

/// The figure as an SVG document, with title and description for screen readers.
///
/// # Errors
/// Where the font is missing.
pub fn svg(figure: &Figure) -> Result<String> {
    font::register()?;
    svg_with(figure, false, font::FAMILY)
}

/// The figure as an SVG element without heading and notes, which the page shows as text.
///
/// # Errors
/// Where the font is missing.
pub fn svg_bare(figure: &Figure) -> Result<String> {
    font::register()?;
    svg_with(figure, true, font::FAMILY)
}

fn svg_with(figure: &Figure, bare: bool, family: &str) -> Result<String> {
    font::check(family)?;
    let layout = Layout::of(figure, bare);
    let (width, height) = ((WIDTH * FINE) as u32, (layout.height * FINE) as u32);
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (width, height)).into_drawing_area();
        draw(figure, &layout, bare, &Pen { area: &area, scale: FINE, family })?;
        area.present().map_err(failed)?;
    }
    // Replaces the backend's head, which sets one pixel per unit.
    let body = text.split_once('>').map_or("", |(_, body)| body);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-label=\"{}\">{body}",
        layout.height,
        escape(&alternative(figure))
    ))
}

/// The figure as a PNG.
///
/// # Errors
/// Where the font is missing.
pub fn png(figure: &Figure) -> Result<Vec<u8>> {
    font::register()?;
    png_with(figure, font::FAMILY)
}

fn png_with(figure: &Figure, family: &str) -> Result<Vec<u8>> {
    font::check(family)?;
    let layout = Layout::of(figure, false);
    // Drawn twice as large and averaged, since the backend draws hard edges.
    let scale = PIXELS * 2;
    let (width, height) = (WIDTH as usize * scale, layout.height.ceil() as usize * scale);
    let mut pixels = vec![255; width * height * 3];
    {
        let size = (width as u32, height as u32);
        let area = BitMapBackend::with_buffer(&mut pixels, size).into_drawing_area();
        draw(figure, &layout, false, &Pen { area: &area, scale: scale as f64, family })?;
        area.present().map_err(failed)?;
    }
    png::encode(&png::halve(&pixels, width), width / 2)
}

/// A text description of a figure.
pub fn alternative(figure: &Figure) -> String {
    let what = match &figure.body {
        Body::Points { series, .. } => {
            let points: usize = series.iter().map(|s| s.points.len()).sum();
            let names: Vec<_> =
                series.iter().map(|s| s.family.as_str()).filter(|f| !f.is_empty()).take(12).collect();
            format!("{} marks or curves with {points} points: {}", series.len(), names.join(", "))
        }
        Body::Bars { groups, .. } => {
            let names: Vec<_> = groups.iter().map(|g| g.label.as_str()).take(12).collect();
            format!("Bars for {}", names.join(", "))
        }
    };
    format!("{}. {} {what}. The tables hold the numbers.", figure.title, figure.caption)
}

fn draw<DB: DrawingBackend>(figure: &Figure, layout: &Layout, bare: bool, pen: &Pen<DB>) -> Result<()> {
    let area: &DrawingArea<DB, Shift> = pen.area;
    area.fill(&PAPER).map_err(failed)?;
    if !bare {
        let title = match &figure.corpus {
            Some(corpus) => format!("{} · {corpus}", figure.title),
            None => figure.title.clone(),
        };
        pen.strong(&title, (24.0, 26.0), 16.0, INK)?;
        pen.text(&figure.caption, (24.0, 48.0), TEXT, MUTED, At::Left)?;
    }
    across(&figure.x, figure.y.is_none(), layout, pen)?;
    match &figure.body {
        Body::Points { series, frontier } => {
            if let Some(y) = &figure.y {
                points::draw(series, *frontier, (&figure.x, y), layout, pen)?;
            }
        }
        Body::Bars { groups, base } => bars(groups, *base, &figure.x, layout, pen)?,
    }
    let mut y = layout.bottom + 62.0;
    for note in figure.notes.iter().filter(|_| !bare) {
        let color = if note.tone == Tone::Fail { RED } else { MUTED };
        for line in layout::wrap(&note.text) {
            pen.text(&line, (24.0, y), SMALL, color, At::Left)?;
            y += layout::NOTE;
        }
    }
    Ok(())
}

/// The x axis with grid lines; tall pictures repeat the ticks above.
fn across<DB: DrawingBackend>(axis: &Axis, twice: bool, layout: &Layout, pen: &Pen<DB>) -> Result<()> {
    for tick in axis::ticks(axis, 9) {
        let x = layout.x(axis::place(axis, tick));
        pen.line(&[(x, layout.top), (x, layout.bottom)], GRID, 1.0)?;
        let label = axis::label(axis.unit, tick);
        pen.text(&label, (x, layout.bottom + 14.0), TEXT, MUTED, At::Middle)?;
        if twice {
            pen.text(&label, (x, layout.top - 10.0), TEXT, MUTED, At::Middle)?;
        }
    }
    pen.line(&[(layout.left, layout.bottom), (layout.right, layout.bottom)], AXIS, 1.0)?;
    let middle = f64::midpoint(layout.left, layout.right);
    pen.text(&axis.label, (middle, layout.bottom + 36.0), TEXT, INK, At::Middle)
}

fn bars<DB: DrawingBackend>(
    groups: &[Group],
    base: f64,
    axis: &Axis,
    layout: &Layout,
    pen: &Pen<DB>,
) -> Result<()> {
    let mut y = layout.top;
    for group in groups {
        pen.strong(&group.label, (24.0, y + HEADING / 2.0 + 2.0), TEXT, INK)?;
        y += HEADING;
        let foot = y;
        for bar in &group.bars {
            let middle = y + BAR / 2.0;
            let color = color(bar);
            pen.text(&bar.label, (layout.left - 8.0, middle), SMALL, MUTED, At::Right)?;
            let (from, to) = (layout.x(axis::place(axis, bar.from)), layout.x(axis::place(axis, bar.to)));
            if bar.tone == Tone::Fail {
                pen.cross((from + 7.0, middle), 4.0, RED)?;
            } else {
                // A bar of length 0 must stay visible.
                let to = if (to - from).abs() < 1.5 { from + 1.5 } else { to };
                pen.bar((from, middle - 5.5), (to, middle + 5.5), color)?;
            }
            let red = matches!(bar.tone, Tone::Fail | Tone::Expansion);
            let end = from.max(to) + if bar.tone == Tone::Fail { 16.0 } else { 6.0 };
            pen.text(&bar.value, (end, middle), SMALL, if red { RED } else { INK }, At::Left)?;
            y += BAR;
        }
        if base > 0.0 {
            let x = layout.x(axis::place(axis, base));
            pen.line(&[(x, foot), (x, y)], AXIS, 1.0)?;
        }
        y += GAP;
    }
    Ok(())
}

fn color(bar: &Bar) -> RGBColor {
    match bar.tone {
        Tone::Expansion | Tone::Fail => RED,
        Tone::Reference => AXIS,
        _ => palette::series(bar.color),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn without_a_font_there_is_an_error_and_no_picture() {
        let figure = fixture::figures().remove(0);
        for error in [
            svg_with(&figure, false, "Not Registered").unwrap_err(),
            png_with(&figure, "Not Registered").unwrap_err(),
        ] {
            assert_eq!(
                error.to_string(),
                "cannot draw charts: the font \"Not Registered\" is not registered"
            );
        }
    }

    #[test]
    fn every_figure_is_a_whole_picture() {
        for figure in fixture::figures().into_iter().filter(|f| f.corpus.is_none()) {
            let svg = svg(&figure).unwrap();
            assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
            let png = png(&figure).unwrap();
            let decoder = ::png::Decoder::new(std::io::Cursor::new(png));
            let mut reader = decoder.read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            reader.next_frame(&mut pixels).unwrap();
            assert!(pixels.iter().any(|p| *p != 255));
        }
    }
}
