//! A scene: layers of plain outlines, painted one over the other into fields of colour.
//!
//! Lengths are in picture heights, with `x` from the middle to the right and `y` from the top down. Only
//! arithmetic and square roots are used, whose results IEEE 754 fixes: the fields are the same on every
//! machine.

use std::f64::consts::{FRAC_PI_4, TAU};

use rayon::prelude::*;

/// Red, green and blue, 0 to 255.
pub type Rgb = [u8; 3];

/// The shape of a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outline {
    /// The whole picture.
    All,
    /// A disc: centre and radius.
    Disc(f64, f64, f64),
    /// A ring: centre, radius of the middle of its stroke, width of the stroke.
    Ring(f64, f64, f64, f64),
    /// The part of a ring above its centre.
    Arch(f64, f64, f64, f64),
    /// The half of a disc on one side: centre, radius, direction of that side.
    HalfDisc(f64, f64, f64, (f64, f64)),
    /// A bar with straight ends: start, end, width.
    Bar((f64, f64), (f64, f64), f64),
    /// Everything below a line of two waves: height of the line, then amplitude, frequency in a picture
    /// height, and phase of each wave.
    Hills(f64, [(f64, f64, f64); 2]),
    /// Every other sector around a centre, `count` of them in a full turn, beyond a radius.
    Rays(f64, f64, f64, f64),
    /// Every other ring of overlapping fans, with lower rows in front: `y` of the first row of centres,
    /// radius, number of rings.
    Fans(f64, f64, f64),
    /// A mountain with hollow slopes above a jagged line: `x` and `y` of the top, half its width, `y` of the
    /// line.
    Peak(f64, f64, f64, f64),
    /// The part of a disc inside every other horizontal stripe: centre, radius, `y` of the first stripe,
    /// height of a stripe.
    StripedDisc(f64, f64, f64, f64, f64),
}

/// A layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layer {
    /// Its shape.
    pub outline: Outline,
    /// The points of the first and the second colour; between them they blend.
    pub axis: [(f64, f64); 2],
    /// Its two colours, as indices into the palette.
    pub colours: [usize; 2],
}

/// The ground colour of every sample, and the luma change of a shape there, in limited-range BT.601.
#[derive(Debug)]
pub struct Fields {
    /// Luma of the ground.
    pub luma: Vec<u8>,
    /// Cb and Cr of the ground, subsampled by 2 in both directions.
    pub chroma: [Vec<u8>; 2],
    /// The luma change of a shape.
    pub lift: Vec<i8>,
}

/// Luma difference of a shape from its ground.
const LIFT: f64 = 36.0;

/// A wave between -1 and 1 with period 1, made of two parabolas: close to a sine, with exact arithmetic.
fn wave(t: f64) -> f64 {
    let t = t - t.floor();
    if t < 0.5 { 16.0 * t * (0.5 - t) } else { -16.0 * (t - 0.5) * (1.0 - t) }
}

/// The distance of `(x, y)` from an outline; negative inside.
fn distance(outline: Outline, x: f64, y: f64) -> f64 {
    let from = |cx: f64, cy: f64| ((x - cx) * (x - cx) + (y - cy) * (y - cy)).sqrt();
    match outline {
        Outline::All => -1.0,
        Outline::Disc(cx, cy, r) => from(cx, cy) - r,
        Outline::Ring(cx, cy, r, stroke) => (from(cx, cy) - r).abs() - stroke / 2.0,
        Outline::Arch(cx, cy, r, stroke) => ((from(cx, cy) - r).abs() - stroke / 2.0).max(y - cy),
        Outline::HalfDisc(cx, cy, r, (dx, dy)) => (from(cx, cy) - r).max(-((x - cx) * dx + (y - cy) * dy)),
        Outline::Bar((x0, y0), (x1, y1), width) => {
            let length = ((x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0)).sqrt();
            let (dx, dy) = ((x1 - x0) / length, (y1 - y0) / length);
            let along = (x - x0) * dx + (y - y0) * dy;
            let across = (x - x0) * dy - (y - y0) * dx;
            (across.abs() - width / 2.0).max((along - length / 2.0).abs() - length / 2.0)
        }
        Outline::Hills(base, waves) => {
            base + waves.iter().map(|&(a, f, p)| a * wave(f * x + p)).sum::<f64>() - y
        }
        Outline::Rays(cx, cy, count, radius) => {
            // The arc tangent by a parabola, good to a thousandth of a turn: library functions differ between
            // machines.
            let (dx, dy) = (x - cx, y - cy);
            let (small, large) = (dx.abs().min(dy.abs()), dx.abs().max(dy.abs()).max(1e-9));
            let ratio = small / large;
            let eighth = ratio * (FRAC_PI_4 + 0.273 * (1.0 - ratio)) / TAU;
            let quarter = if dx.abs() > dy.abs() { eighth } else { 0.25 - eighth };
            let turn = match (dx >= 0.0, dy >= 0.0) {
                (true, true) => quarter,
                (false, true) => 0.5 - quarter,
                (false, false) => 0.5 + quarter,
                (true, false) => 1.0 - quarter,
            };
            let part = turn * count - (turn * count).floor();
            // Distance to the nearest edge of a sector, along the circle.
            let edge = (part - 0.5).abs() - 0.25;
            let range = from(cx, cy);
            (edge / count * TAU * range).max(radius - range)
        }
        Outline::Fans(top, r, rings) => {
            let first = (2.0 * (y - top) / r).floor() + 2.0;
            let range = (0..=4).map(|i| first - f64::from(i)).filter(|&row| row >= 0.0).find_map(|row| {
                let shift = row - 2.0 * (row / 2.0).floor();
                let centre = 2.0 * r * ((x / r - shift) / 2.0).round() + shift * r;
                Some(from(centre, top + row * r / 2.0)).filter(|&range| range <= r)
            });
            range.map_or(1.0, |range| {
                let part = (r - range) / r * rings / 2.0;
                let part = part - part.floor();
                ((part - 0.25).abs() - 0.25) * 2.0 * r / rings
            })
        }
        Outline::Peak(cx, top, half, line) => {
            let down = y - top;
            let slope = half + 0.75 * down + 1.3 * down * down;
            ((x - cx).abs() - slope).max(-down).max(y - line - 0.03 * wave(7.0 * x))
        }
        Outline::StripedDisc(cx, cy, r, first, height) => {
            let part = (y - first) / (2.0 * height);
            let part = part - part.floor();
            ((part - 0.25).abs() * 2.0 * height - height / 2.0).max(first - y).max(from(cx, cy) - r)
        }
    }
}

/// Y, Cb and Cr of a colour (ITU-R BT.601, limited range).
pub fn ycbcr([r, g, b]: Rgb) -> [f64; 3] {
    let (r, g, b) = (f64::from(r), f64::from(g), f64::from(b));
    let y = 0.299 * r + 0.587 * g + 0.114 * b;
    [
        16.0 + 219.0 / 255.0 * y,
        128.0 + 224.0 / 255.0 * (b - y) / 1.772,
        128.0 + 224.0 / 255.0 * (r - y) / 1.402,
    ]
}

/// The luma change of a layer's shapes: lighter on dark layers, darker on light ones.
pub fn lift(layer: &Layer, palette: &[Rgb]) -> f64 {
    let mean = layer.colours.iter().map(|&c| ycbcr(palette[c])[0]).sum::<f64>() / 2.0;
    if mean < 122.0 { LIFT } else { -LIFT }
}

/// Y, Cb, Cr and lift at a place; `sample` is the width of a sample, over which outlines are anti-aliased.
fn colour(layers: &[Layer], lifts: &[f64], palette: &[[f64; 3]], x: f64, y: f64, sample: f64) -> [f64; 4] {
    let mut sum = [0.0; 4];
    let mut open = 1.0;
    // From the top layer down, until the layers below are fully hidden.
    for (layer, &lift) in layers.iter().zip(lifts).rev() {
        let cover = (0.5 - distance(layer.outline, x, y) / sample).clamp(0.0, 1.0) * open;
        if cover <= 0.0 {
            continue;
        }
        let [(x0, y0), (x1, y1)] = layer.axis;
        let (dx, dy) = (x1 - x0, y1 - y0);
        let part = (((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
        let [a, b] = layer.colours.map(|c| palette[c]);
        for i in 0..3 {
            sum[i] += cover * (a[i] + (b[i] - a[i]) * part);
        }
        sum[3] += cover * lift;
        open -= cover;
        if open <= 0.0 {
            break;
        }
    }
    sum
}

impl Fields {
    /// The fields of a scene, the last layer on top, for a picture of `width` by `height` samples.
    pub fn new(layers: &[Layer], palette: &[Rgb], width: usize, height: usize) -> Self {
        let lifts: Vec<f64> = layers.iter().map(|layer| lift(layer, palette)).collect();
        let palette: Vec<[f64; 3]> = palette.iter().map(|&rgb| ycbcr(rgb)).collect();
        let scale = height as f64;
        let at = |i: usize, length: usize, step: usize, middle: f64| -> f64 {
            ((i % length) as f64 + 0.5) * step as f64 / scale - middle
        };
        let middle = width as f64 / 2.0 / scale;
        let pixels: Vec<(u8, i8)> = (0..width * height)
            .into_par_iter()
            .map(|i| {
                let (x, y) = (at(i, width, 1, middle), at(i / width, height, 1, 0.0));
                let [luma, _, _, lift] = colour(layers, &lifts, &palette, x, y, 1.0 / scale);
                (luma.round() as u8, lift.round() as i8)
            })
            .collect();
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let chroma: Vec<[u8; 2]> = (0..half_width * half_height)
            .into_par_iter()
            .map(|i| {
                let (x, y) = (at(i, half_width, 2, middle), at(i / half_width, half_height, 2, 0.0));
                let [_, cb, cr, _] = colour(layers, &lifts, &palette, x, y, 2.0 / scale);
                [cb.round() as u8, cr.round() as u8]
            })
            .collect();
        Self {
            luma: pixels.iter().map(|p| p.0).collect(),
            chroma: [chroma.iter().map(|c| c[0]).collect(), chroma.iter().map(|c| c[1]).collect()],
            lift: pixels.iter().map(|p| p.1).collect(),
        }
    }
}
