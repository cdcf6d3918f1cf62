//! Finds the position and scale of a frame in a picture: the whole picture, or a part that was cropped,
//! framed or scaled.
//!
//! Three guesses, each confirmed by a readable header. The frame fills the picture; it fills the picture
//! inside black bars; or it lies on the grid that block edges show. These edges are periodic, so one Fourier
//! coefficient in each direction gives the spacing and the phase of the grid, however the copy was cropped.
//! The marks then tell which block is the first.

use std::borrow::Cow;
use std::f64::consts::TAU;

use super::band::{Bands, CELL, Levels};
use super::plane::Plane;
use super::resample::resample;
use super::{FrameHeader, Refusal};

/// Geometry of a modem's frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Native {
    /// Samples in a row.
    pub width: usize,
    /// Rows of samples.
    pub height: usize,
    /// Position of the bands.
    pub bands: Bands,
    /// Width and height of a block or tile in samples: at its edges samples change most, or least.
    pub period: usize,
}

/// One direction of a grid: the frame's first sample begins at `start`, and each sample of the frame spans
/// `step` samples of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    /// Samples of the picture before the frame; negative where the frame was cropped.
    pub start: f64,
    /// Samples of the picture per sample of the frame.
    pub step: f64,
}

impl Axis {
    fn at(self, place: f64) -> f64 {
        self.start + place * self.step
    }
}

/// Position and scale of a frame in a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
}

/// A frame found in a picture.
pub struct Found<'a> {
    /// Its header.
    pub header: FrameHeader,
    /// Luma of its black and white.
    pub levels: Levels,
    /// Its position and scale.
    pub grid: Grid,
    /// Its luma samples, resampled to its own grid.
    pub luma: Cow<'a, [u8]>,
    /// Whether each of its blocks lies inside the picture; `None` where all do.
    pub inside: Option<Vec<bool>>,
}

/// Smallest step that is tried: a 4-sample block then spans 1.2 samples of the picture.
const MIN_STEP: f64 = 0.3;

/// Number of candidate positions, those with the clearest marks, at which a header is tried.
const MAX_CANDIDATES: usize = 32;

/// Samples of the frame that may be cropped at an edge: the 16 outside the bands and two of slack. Without a
/// band nothing can be read.
const MAX_CROP: f64 = 18.0;

/// Finds a frame in a picture, trying `grid` first.
pub fn find<'a>(picture: Plane<'a>, native: &Native, grid: Option<Grid>) -> Result<Found<'a>, Refusal> {
    if picture.width < 16 || picture.height < 16 {
        return Err(Refusal::TooSmall);
    }
    if is_blank(picture.samples) {
        return Err(Refusal::Blank);
    }
    if let Some(grid) = grid
        && let Some((header, levels)) = read(picture, native, &grid)
    {
        return Ok(found(picture, native, grid, header, levels));
    }
    let full = Rectangle { x: (0, picture.width), y: (0, picture.height) };
    let content = without_bars(picture);
    for area in [full, content] {
        let grid = area.filled_by(native);
        if let Some((header, _)) = read(picture, native, &grid) {
            let grid = aligned(picture, native, content, grid, &header);
            if let Some((header, levels)) = read(picture, native, &grid) {
                return Ok(found(picture, native, grid, header, levels));
            }
        }
    }
    match from_edges(picture, native, content) {
        Ok((header, grid)) => {
            let grid = aligned(picture, native, content, grid, &header);
            let (header, levels) = read(picture, native, &grid).ok_or(Refusal::NoHeader)?;
            Ok(found(picture, native, grid, header, levels))
        }
        Err(refusal) => Err(refusal),
    }
}

/// Whether a picture is nearly uniform. A frame is not: half of its samples are far from the other half.
fn is_blank(luma: &[u8]) -> bool {
    let (mut low, mut high, mut count) = (255, 0, 0);
    // A prime stride, so that the samples do not fall on one column or row.
    for &sample in luma.iter().step_by(1009) {
        low = low.min(sample);
        high = high.max(sample);
        count += 1;
    }
    count > 0 && high - low < 12
}

/// The frame, resampled to its own grid unless it lies on that already.
fn found<'a>(
    picture: Plane<'a>,
    native: &Native,
    grid: Grid,
    header: FrameHeader,
    levels: Levels,
) -> Found<'a> {
    let size = (native.width, native.height);
    let identity = Axis { start: 0.0, step: 1.0 };
    if (grid == Grid { x: identity, y: identity }) && (picture.width, picture.height) == size {
        return Found { header, levels, grid, luma: Cow::Borrowed(picture.samples), inside: None };
    }
    let (origin, step) = ((grid.x.start, grid.y.start), (grid.x.step, grid.y.step));
    let luma = Cow::Owned(resample(picture.samples, picture.width, origin, step, size));
    Found { header, levels, grid, luma, inside: inside(without_bars(picture), native, &grid) }
}

/// Whether each block lies inside `area`, with a tolerance of a quarter of a sample; `None` where all do.
fn inside(area: Rectangle, native: &Native, grid: &Grid) -> Option<Vec<bool>> {
    let along = |axis: Axis, blocks: usize, (from, to): (usize, usize)| -> Vec<bool> {
        let edge = |i: usize| axis.at((i * CELL) as f64);
        (0..blocks).map(|i| edge(i) > from as f64 - 0.25 && edge(i + 1) < to as f64 + 0.25).collect()
    };
    let columns = along(grid.x, native.width / CELL, area.x);
    let rows = along(grid.y, native.height / CELL, area.y);
    let all = columns.iter().chain(&rows).all(|&i| i);
    (!all).then(|| rows.iter().flat_map(|&row| columns.iter().map(move |&column| row && column)).collect())
}

/// The mean luma of the cells of both bands, by bilinear interpolation at 16 points of each. With `marks`,
/// only of the marks, and 0 elsewhere.
fn brightness(picture: Plane<'_>, native: &Native, grid: &Grid, marks: bool) -> [Vec<f32>; 2] {
    let bands = &native.bands;
    // For each sample of the frame: the sample of the picture before it, and the weight of the one after.
    let place = |axis: Axis, i: usize, length: usize| {
        let at = (axis.at(i as f64 + 0.5) - 0.5).clamp(0.0, (length - 1) as f64);
        let before = (at as usize).min(length.saturating_sub(2));
        (before, (at - before as f64) as f32)
    };
    let columns: Vec<_> = (0..bands.columns * CELL).map(|i| place(grid.x, i, picture.width)).collect();
    [0, 1].map(|band| {
        let mut cells = vec![0.0; bands.rows * bands.columns];
        for (row, cells) in cells.chunks_mut(bands.columns).enumerate() {
            for dy in 0..CELL {
                let (y, fy) = place(grid.y, (bands.first[band] + row) * CELL + dy, picture.height);
                let upper = &picture.samples[y * picture.width..][..picture.width];
                let lower = &picture.samples[(y + 1) * picture.width..][..picture.width];
                for (column, (cell, points)) in
                    cells.iter_mut().zip(columns.as_chunks::<CELL>().0).enumerate()
                {
                    if marks && !bands.is_mark(column) {
                        continue;
                    }
                    for &(x, fx) in points {
                        let across = |row: &[u8]| f32::from(row[x]) * (1.0 - fx) + f32::from(row[x + 1]) * fx;
                        *cell += (across(upper) * (1.0 - fy) + across(lower) * fy) / 16.0;
                    }
                }
            }
        }
        cells
    })
}

/// Reads the header on a grid; implausible grids, which would address no real copy, are skipped.
fn read(picture: Plane<'_>, native: &Native, grid: &Grid) -> Option<(FrameHeader, Levels)> {
    let is_plausible = |axis: Axis| (MIN_STEP..4.0).contains(&axis.step) && axis.start.abs() < 1e5;
    if !is_plausible(grid.x) || !is_plausible(grid.y) {
        return None;
    }
    let cells = brightness(picture, native, grid, false);
    native.bands.read([&cells[0], &cells[1]])
}

/// The correlation of the bands' cells with the pattern of a known header: largest where the grid fits.
fn contrast(picture: Plane<'_>, native: &Native, grid: &Grid, expected: &[Vec<bool>; 2]) -> f32 {
    let cells = brightness(picture, native, grid, false);
    let signed = |(cells, white): (&Vec<f32>, &Vec<bool>)| -> f32 {
        let mean = cells.iter().sum::<f32>() / cells.len() as f32;
        cells.iter().zip(white).map(|(&c, &w)| if w { c - mean } else { mean - c }).sum()
    };
    cells.iter().zip(expected).map(signed).sum()
}

/// Moves the edges of the frame to where the correlation of the bands is largest, by half a sample at first
/// and 1/32 in the end.
fn refine(picture: Plane<'_>, native: &Native, grid: Grid, expected: &[Vec<bool>; 2]) -> Grid {
    let contrast = |grid: &Grid| contrast(picture, native, grid, expected);
    let size = [native.width as f64, native.height as f64];
    let mut best = grid;
    let mut most = contrast(&best);
    for step in [0.5, 0.25, 0.125, 0.0625, 0.03125] {
        let mut moved = true;
        // Each round moves an edge by a step; a good guess is off by fewer than ten steps.
        for _ in 0..10 {
            if !std::mem::take(&mut moved) {
                break;
            }
            for (edge, by) in
                [(0, step), (0, -step), (1, step), (1, -step), (2, step), (2, -step), (3, step), (3, -step)]
            {
                let mut next = best;
                let (axis, length) = if edge < 2 { (&mut next.x, size[0]) } else { (&mut next.y, size[1]) };
                if edge % 2 == 0 {
                    // The first edge moves and the last one stays.
                    axis.start += by;
                    axis.step -= by / length;
                } else {
                    axis.step += by / length;
                }
                let value = contrast(&next);
                // Demand a gain: an edge far from both bands hardly changes the correlation, and noise would
                // move it.
                if value > most * (1.0 + 0.02 * step as f32) {
                    (best, most, moved) = (next, value, true);
                }
            }
        }
    }
    best
}

/// A part of a picture: the first sample and the one behind the last, in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rectangle {
    x: (usize, usize),
    y: (usize, usize),
}

impl Rectangle {
    fn filled_by(self, native: &Native) -> Grid {
        let axis = |(from, to): (usize, usize), length: usize| Axis {
            start: from as f64,
            step: (to - from) as f64 / length as f64,
        };
        Grid { x: axis(self.x, native.width), y: axis(self.y, native.height) }
    }
}

/// The picture without bars: nearly uniform rows and columns at its edges, whose variance is at most 100.
fn without_bars(picture: Plane<'_>) -> Rectangle {
    let (width, height) = (picture.width, picture.height);
    let row = |y: usize| picture.samples[y * width..][..width].iter().copied();
    let column = |x: usize| picture.samples[x..].iter().step_by(width).copied();
    fn is_busy(samples: impl Iterator<Item = u8>) -> bool {
        let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
        for sample in samples {
            let sample = f64::from(sample);
            (sum, squares, count) = (sum + sample, squares + sample * sample, count + 1.0);
        }
        squares / count - (sum / count) * (sum / count) > 100.0
    }
    let bounds = |length: usize, is_busy: &dyn Fn(usize) -> bool| {
        let first = (0..length).find(|&i| is_busy(i)).unwrap_or(0);
        let last = (0..length).rev().find(|&i| is_busy(i)).unwrap_or(length - 1);
        (first, last + 1)
    };
    Rectangle { x: bounds(width, &|x| is_busy(column(x))), y: bounds(height, &|y| is_busy(row(y))) }
}

/// Finds the grid by the edges of the blocks, confirmed by a readable header.
fn from_edges(picture: Plane<'_>, native: &Native, area: Rectangle) -> Result<(FrameHeader, Grid), Refusal> {
    let (across, down) = edge_profiles(picture, area);
    let size = |(from, to): (usize, usize)| (to - from) as f64;
    let axes =
        [(across, area.x, native.width), (down, area.y, native.height)].map(|(profile, range, length)| {
            // The copy may fill the area at another scale, or be cropped at scale 1.
            let guess = size(range) / length as f64;
            let mut axes: Vec<(Axis, f64)> = [guess, 1.0]
                .into_iter()
                .filter_map(|step| strongest_period(&profile, step, native.period, range.0))
                .collect();
            axes.dedup_by(|a, b| (a.0.step - b.0.step).abs() < 1e-6);
            axes
        });
    if size(area.x) < MIN_STEP * native.width as f64 || size(area.y) < MIN_STEP * native.height as f64 {
        return Err(Refusal::TooSmall);
    }
    // The header may be readable half a block beside the right place, so the clearest marks come first.
    let mut candidates = Vec::new();
    for &(x, _) in &axes[0] {
        for &(y, _) in &axes[1] {
            for grid in placements(x, y, area, native) {
                let marks = brightness(picture, native, &grid, true);
                if let Some(levels) = native.bands.levels([&marks[0], &marks[1]]) {
                    candidates.push((levels.white - levels.black, grid));
                }
            }
        }
    }
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (_, grid) in candidates.into_iter().take(MAX_CANDIDATES) {
        if let Some((header, _)) = read(picture, native, &grid) {
            return Ok((header, grid));
        }
    }
    // A strong periodic pattern is a frame: white noise reaches a strength of 8 at a given frequency with
    // probability e^-64.
    let periodic = axes.iter().all(|axes| axes.iter().any(|&(_, strength)| strength > 8.0));
    Err(if periodic { Refusal::CutOff } else { Refusal::NoHeader })
}

/// The possible grids of one spacing and phase. Open are the number of the first block, and whether block
/// edges are the steepest or the flattest places; hence steps of half a block.
fn placements(x: Axis, y: Axis, area: Rectangle, native: &Native) -> impl Iterator<Item = Grid> {
    let starts = |axis: Axis, (from, to): (usize, usize), length: usize| -> Vec<Axis> {
        let half = axis.step * native.period as f64 / 2.0;
        let slack = (to - from) as f64 - length as f64 * axis.step;
        let (low, high) = (slack.min(0.0) - MAX_CROP * axis.step, slack.max(0.0) + MAX_CROP * axis.step);
        let first = ((from as f64 + low - axis.start) / half).ceil();
        let count = ((high - low) / half).clamp(0.0, 60.0) as usize + 1;
        (0..count).map(|i| Axis { start: axis.start + (first + i as f64) * half, ..axis }).collect()
    };
    let (xs, ys) = (starts(x, area.x, native.width), starts(y, area.y, native.height));
    ys.into_iter().flat_map(move |y| xs.clone().into_iter().map(move |x| Grid { x, y }))
}

/// Aligns a grid: each axis that is off by more than a sixteenth of a block moves to where the edges of all
/// blocks are. Where these tell nothing, the bands alone decide, which leaves a third of a sample open.
fn aligned(picture: Plane<'_>, native: &Native, area: Rectangle, grid: Grid, header: &FrameHeader) -> Grid {
    let (across, down) = edge_profiles(picture, area);
    let expected = [0, 1].map(|band| native.bands.write(header, band));
    // The header may have been read half a block beside its place: compare the neighbouring places, too.
    let nearby = |axis: Axis| {
        let half = axis.step * native.period as f64 / 2.0;
        [0.0, -half, half].map(|by| Axis { start: axis.start + by, ..axis })
    };
    let candidates = nearby(grid.x).into_iter().flat_map(|x| nearby(grid.y).map(|y| Grid { x, y }));
    let clarity = |grid: &Grid| contrast(picture, native, grid, &expected);
    let grid = candidates
        .map(|grid| (clarity(&grid), grid))
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map_or(grid, |(_, grid)| grid);
    let align = |axis: Axis, profile: &[f64], first: usize, length: usize| {
        let (edges, strength) = strongest_period(profile, axis.step, native.period, first)?;
        let half = edges.step * native.period as f64 / 2.0;
        let start = edges.start + ((axis.start - edges.start) / half).round() * half;
        let moved = Axis { start, step: edges.step };
        let off = [0.0, length as f64].map(|place| (moved.at(place) - axis.at(place)).abs());
        let most = off[0].max(off[1]);
        // Sampling at these steps aliases a harmonic onto the fundamental and moves its phase: the second
        // where 3 f is near a whole number, since 2 f then equals f up to sign, and the third where 4 f is.
        let frequency = 1.0 / (edges.step * native.period as f64);
        let offsets = [3.0, 4.0].map(|k| (k * frequency - (k * frequency).round()).abs());
        let is_aliased = offsets.iter().any(|off| off * (profile.len() as f64) < 2.0);
        // White noise reaches a strength of 4.5 at a given frequency with probability e^-20.
        let is_reliable = strength > 4.5 && most < half / 2.0;
        if most > native.period as f64 / 16.0 {
            (is_reliable && !is_aliased).then_some(moved)
        } else {
            is_reliable.then_some(axis)
        }
    };
    let x = align(grid.x, &across, area.x.0, native.width);
    let y = align(grid.y, &down, area.y.0, native.height);
    let Grid { x: refined_x, y: refined_y } = match (x, y) {
        (Some(_), Some(_)) => grid,
        _ => refine(picture, native, grid, &expected),
    };
    Grid { x: x.unwrap_or(refined_x), y: y.unwrap_or(refined_y) }
}

/// Sums of absolute differences between neighbouring columns, and between neighbouring rows, inside `area`.
fn edge_profiles(picture: Plane<'_>, area: Rectangle) -> (Vec<f64>, Vec<f64>) {
    let row = |y: usize| &picture.samples[y * picture.width..][area.x.0..area.x.1];
    let mut across = vec![0.0; area.x.1 - area.x.0 - 1];
    let mut down = vec![0.0; area.y.1 - area.y.0 - 1];
    for y in area.y.0..area.y.1 {
        for (sum, pair) in across.iter_mut().zip(row(y).windows(2)) {
            *sum += f64::from(pair[0].abs_diff(pair[1]));
        }
    }
    for (y, sum) in (area.y.0..).zip(&mut down) {
        let pairs = row(y).iter().zip(row(y + 1));
        *sum = pairs.map(|(&a, &b)| f64::from(a.abs_diff(b))).sum();
    }
    (across, down)
}

/// The strongest period of a profile near that of blocks of `period` samples scaled by `step`, as an axis.
/// The strength is the Fourier magnitude relative to that of white noise. The profile's first value lies
/// between samples `first` and `first + 1`.
fn strongest_period(profile: &[f64], step: f64, period: usize, first: usize) -> Option<(Axis, f64)> {
    let mean = profile.iter().sum::<f64>() / profile.len().max(1) as f64;
    let power: f64 = profile.iter().map(|p| (p - mean) * (p - mean)).sum();
    let sum = |frequency: f64| {
        let (mut re, mut im) = (0.0, 0.0);
        for (i, value) in profile.iter().enumerate() {
            let (sin, cos) = (TAU * frequency * (i + 1) as f64).sin_cos();
            re += (value - mean) * cos;
            im -= (value - mean) * sin;
        }
        (re, im)
    };
    let strength = |frequency: f64| {
        let (re, im) = sum(frequency);
        re.hypot(im)
    };
    // Scan 6 % around the expected frequency, in steps of a quarter of a DFT bin: the main lobe of a period
    // is two bins wide, so no step misses it.
    let centre = 1.0 / (period as f64 * step);
    let fine = 0.25 / profile.len() as f64;
    let count = (centre * 0.06 / fine) as i64;
    let frequencies = (-count..=count).map(|i| centre + i as f64 * fine);
    let peak = frequencies.map(|f| (f, strength(f))).max_by(|a, b| a.1.total_cmp(&b.1))?;
    // Hill climbing with halved steps, down to 1/500 of the scan's.
    let (mut frequency, mut most, mut by) = (peak.0, peak.1, fine / 2.0);
    while by > fine / 500.0 {
        for next in [frequency - by, frequency + by] {
            let value = strength(next);
            if value > most {
                (frequency, most) = (next, value);
            }
        }
        by /= 2.0;
    }
    if power <= 0.0 || frequency <= 0.0 {
        return None;
    }
    let (re, im) = sum(frequency);
    // Edge i of the profile lies at i + 1, which the sum already uses; the phase then gives the first edge.
    let phase = -im.atan2(re) / TAU / frequency;
    Some((Axis { start: first as f64 + phase, step: 1.0 / (period as f64 * frequency) }, most / power.sqrt()))
}
