//! Where a frame lies in a picture: the whole of it, or a part that was cropped, framed or scaled.
//!
//! Three guesses, each proved by a header that can be read: the frame fills the picture; it fills the picture
//! inside black bars; it lies on the grid that the edges of the blocks show. The edges are periodic, so one
//! Fourier sum per direction gives the distance and the phase of the grid however the copy was cut; which block is which, the marks
//! tell.

use std::borrow::Cow;
use std::f64::consts::TAU;

use super::band::{Bands, CELL, Levels};
use super::plane::Plane;
use super::resample::resample;
use super::{FrameHeader, Refusal};

/// The frames of a modem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Native {
    /// Samples in a row.
    pub width: usize,
    /// Rows of samples.
    pub height: usize,
    /// Where the bands lie.
    pub bands: Bands,
    /// Samples of a block or tile in both directions: its edges are where samples change most, or least.
    pub period: usize,
}

/// One direction of a grid: the frame's first sample begins at `start`, and one sample of the frame is `step` samples of
/// the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    /// Samples of the picture before the frame; negative where some were cut off.
    pub start: f64,
    /// Samples of the picture for one sample of the frame.
    pub step: f64,
}

impl Axis {
    fn at(self, place: f64) -> f64 {
        self.start + place * self.step
    }
}

/// Where a frame lies in a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// From left to right.
    pub x: Axis,
    /// From top to bottom.
    pub y: Axis,
}

/// A frame that was found in a picture.
pub struct Found<'a> {
    /// Its header.
    pub header: FrameHeader,
    /// How bright its black and white are.
    pub levels: Levels,
    /// Where it lies.
    pub grid: Grid,
    /// Its luma samples on its own grid.
    pub luma: Cow<'a, [u8]>,
    /// Which of its blocks lie inside the picture; `None` where all do.
    pub inside: Option<Vec<bool>>,
}

/// Luma samples of steps smaller than this are no longer told apart.
const SMALLEST_STEP: f64 = 0.3;

/// The places with the clearest marks at which a header is looked for.
const MOST_PLACES: usize = 32;

/// Samples of the frame that may be missing at an edge: without its band nothing can be read.
const CUT: f64 = 18.0;

/// Finds a frame. `grid` is the first guess.
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
    let whole = Rectangle { x: (0, picture.width), y: (0, picture.height) };
    let bright = without_bars(picture);
    for area in [whole, bright] {
        let grid = area.filled_by(native);
        if let Some((header, _)) = read(picture, native, &grid) {
            let grid = settled(picture, native, bright, grid, &header);
            if let Some((header, levels)) = read(picture, native, &grid) {
                return Ok(found(picture, native, grid, header, levels));
            }
        }
    }
    match from_edges(picture, native, bright) {
        Ok((header, grid)) => {
            let grid = settled(picture, native, bright, grid, &header);
            let (header, levels) = read(picture, native, &grid).ok_or(Refusal::NoHeader)?;
            Ok(found(picture, native, grid, header, levels))
        }
        Err(refusal) => Err(refusal),
    }
}

/// Whether a picture is nearly one colour. A frame is not: half of its samples are far from the other half.
fn is_blank(luma: &[u8]) -> bool {
    let (mut low, mut high, mut count) = (255, 0, 0);
    // A prime distance, so that no column or row is met too often.
    for &sample in luma.iter().step_by(1009) {
        low = low.min(sample);
        high = high.max(sample);
        count += 1;
    }
    count > 0 && high - low < 12
}

/// The frame on its own grid.
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

/// Which blocks lie inside `area`, give or take a quarter of a sample; `None` where all do.
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

/// The brightness of the cells of both bands; of the marks only where `marks` is set, 0 for all others.
fn brightness(picture: Plane<'_>, native: &Native, grid: &Grid, marks: bool) -> [Vec<f32>; 2] {
    let bands = &native.bands;
    // For each sample of the frame, the sample of the picture before it and how far it is from that.
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
                for (column, (cell, places)) in
                    cells.iter_mut().zip(columns.as_chunks::<CELL>().0).enumerate()
                {
                    if marks && !bands.is_mark(column) {
                        continue;
                    }
                    for &(x, fx) in places {
                        let across = |row: &[u8]| f32::from(row[x]) * (1.0 - fx) + f32::from(row[x + 1]) * fx;
                        *cell += (across(upper) * (1.0 - fy) + across(lower) * fy) / 16.0;
                    }
                }
            }
        }
        cells
    })
}

fn read(picture: Plane<'_>, native: &Native, grid: &Grid) -> Option<(FrameHeader, Levels)> {
    let sane = |axis: Axis| (SMALLEST_STEP..4.0).contains(&axis.step) && axis.start.abs() < 1e5;
    if !sane(grid.x) || !sane(grid.y) {
        return None;
    }
    let cells = brightness(picture, native, grid, false);
    native.bands.read([&cells[0], &cells[1]])
}

/// How far the cells of the bands are from each other in the direction that a header wants.
fn contrast(picture: Plane<'_>, native: &Native, grid: &Grid, expected: &[Vec<bool>; 2]) -> f32 {
    let cells = brightness(picture, native, grid, false);
    let signed = |(cells, white): (&Vec<f32>, &Vec<bool>)| -> f32 {
        let mean = cells.iter().sum::<f32>() / cells.len() as f32;
        cells.iter().zip(white).map(|(&c, &w)| if w { c - mean } else { mean - c }).sum()
    };
    cells.iter().zip(expected).map(signed).sum()
}

/// Moves the edges of the frame, by half a sample at first and a thirty-second in the end, to where the bands stand
/// out most.
fn refine(picture: Plane<'_>, native: &Native, grid: Grid, expected: &[Vec<bool>; 2]) -> Grid {
    let contrast = |grid: &Grid| contrast(picture, native, grid, expected);
    let size = [native.width as f64, native.height as f64];
    let mut best = grid;
    let mut most = contrast(&best);
    for step in [0.5, 0.25, 0.125, 0.0625, 0.03125] {
        let mut moved = true;
        // Each round moves an edge by a step; ten steps are more than a good guess is off.
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
                    // The first edge moves, the last one stays.
                    axis.start += by;
                    axis.step -= by / length;
                } else {
                    axis.step += by / length;
                }
                let value = contrast(&next);
                // A move must pay: an edge that is far from both bands hardly changes the sums.
                if value > most * (1.0 + 0.02 * step as f32) {
                    (best, most, moved) = (next, value, true);
                }
            }
        }
    }
    best
}

/// A part of a picture: first sample and the one behind the last, in both directions.
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

/// The picture without the nearly uniform rows and columns at its edges.
fn without_bars(picture: Plane<'_>) -> Rectangle {
    let (width, height) = (picture.width, picture.height);
    let row = |y: usize| picture.samples[y * width..][..width].iter().copied();
    let column = |x: usize| picture.samples[x..].iter().step_by(width).copied();
    fn busy(samples: impl Iterator<Item = u8>) -> bool {
        let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
        for sample in samples {
            let sample = f64::from(sample);
            (sum, squares, count) = (sum + sample, squares + sample * sample, count + 1.0);
        }
        squares / count - (sum / count) * (sum / count) > 100.0
    }
    let bounds = |length: usize, busy: &dyn Fn(usize) -> bool| {
        let first = (0..length).find(|&i| busy(i)).unwrap_or(0);
        let last = (0..length).rev().find(|&i| busy(i)).unwrap_or(length - 1);
        (first, last + 1)
    };
    Rectangle { x: bounds(width, &|x| busy(column(x))), y: bounds(height, &|y| busy(row(y))) }
}

/// The grid from the edges of the blocks, proved by a header.
fn from_edges(picture: Plane<'_>, native: &Native, area: Rectangle) -> Result<(FrameHeader, Grid), Refusal> {
    let (across, down) = edge_profiles(picture, area);
    let size = |(from, to): (usize, usize)| (to - from) as f64;
    let axes =
        [(across, area.x, native.width), (down, area.y, native.height)].map(|(profile, range, length)| {
            let guess = size(range) / length as f64;
            let mut axes: Vec<(Axis, f64)> = [guess, 1.0]
                .into_iter()
                .filter_map(|step| strongest(&profile, step, native.period, range.0))
                .collect();
            axes.dedup_by(|a, b| (a.0.step - b.0.step).abs() < 1e-6);
            axes
        });
    if size(area.x) < SMALLEST_STEP * native.width as f64
        || size(area.y) < SMALLEST_STEP * native.height as f64
    {
        return Err(Refusal::TooSmall);
    }
    // Half a block beside the right place the header can still be read, so the clearest marks come first.
    let mut places = Vec::new();
    for &(x, _) in &axes[0] {
        for &(y, _) in &axes[1] {
            for grid in placements(x, y, area, native) {
                let marks = brightness(picture, native, &grid, true);
                if let Some(levels) = native.bands.levels([&marks[0], &marks[1]]) {
                    places.push((levels.white - levels.black, grid));
                }
            }
        }
    }
    places.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (_, grid) in places.into_iter().take(MOST_PLACES) {
        if let Some((header, _)) = read(picture, native, &grid) {
            return Ok((header, grid));
        }
    }
    // A periodic pattern that stands out is a frame; noise and ordinary pictures have none.
    let periodic = axes.iter().all(|axes| axes.iter().any(|&(_, strength)| strength > 8.0));
    Err(if periodic { Refusal::CutOff } else { Refusal::NoHeader })
}

/// The grids of one distance and phase: which block is the first one is open, and whether the edges of the blocks are the
/// steepest or the flattest places.
fn placements(x: Axis, y: Axis, area: Rectangle, native: &Native) -> impl Iterator<Item = Grid> {
    let starts = |axis: Axis, (from, to): (usize, usize), length: usize| -> Vec<Axis> {
        let half = axis.step * native.period as f64 / 2.0;
        let slack = (to - from) as f64 - length as f64 * axis.step;
        let (low, high) = (slack.min(0.0) - CUT * axis.step, slack.max(0.0) + CUT * axis.step);
        let first = ((from as f64 + low - axis.start) / half).ceil();
        let count = ((high - low) / half).clamp(0.0, 60.0) as usize + 1;
        (0..count).map(|i| Axis { start: axis.start + (first + i as f64) * half, ..axis }).collect()
    };
    let (xs, ys) = (starts(x, area.x, native.width), starts(y, area.y, native.height));
    ys.into_iter().flat_map(move |y| xs.clone().into_iter().map(move |x| Grid { x, y }))
}

/// The grid with each axis that is off by more than a sixteenth of a block moved to where the edges of all blocks say. Where
/// they say nothing, the bands alone must do; they leave it open to a third of a sample.
fn settled(picture: Plane<'_>, native: &Native, area: Rectangle, grid: Grid, header: &FrameHeader) -> Grid {
    let (across, down) = edge_profiles(picture, area);
    let expected = [0, 1].map(|band| native.bands.write(header, band));
    // The header may have been read half a block beside its place.
    let nearby = |axis: Axis| {
        let half = axis.step * native.period as f64 / 2.0;
        [0.0, -half, half].map(|by| Axis { start: axis.start + by, ..axis })
    };
    let places = nearby(grid.x).into_iter().flat_map(|x| nearby(grid.y).map(|y| Grid { x, y }));
    let clearness = |grid: &Grid| contrast(picture, native, grid, &expected);
    let grid = places
        .map(|grid| (clearness(&grid), grid))
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map_or(grid, |(_, grid)| grid);
    let align = |axis: Axis, profile: &[f64], first: usize, length: usize| {
        let (edges, strength) = strongest(profile, axis.step, native.period, first)?;
        let half = edges.step * native.period as f64 / 2.0;
        let start = edges.start + ((axis.start - edges.start) / half).round() * half;
        let moved = Axis { start, step: edges.step };
        let off = [0.0, length as f64].map(|place| (moved.at(place) - axis.at(place)).abs());
        let most = off[0].max(off[1]);
        // At these steps the second or third harmonic, sampled, falls on the first and moves its phase.
        let frequency = 1.0 / (edges.step * native.period as f64);
        let mixed = [3.0, 4.0].map(|k| (k * frequency - (k * frequency).round()).abs());
        let mixed = mixed.iter().any(|off| off * (profile.len() as f64) < 2.0);
        let sure = strength > 4.5 && most < half / 2.0;
        if most > native.period as f64 / 16.0 {
            (sure && !mixed).then_some(moved)
        } else {
            sure.then_some(axis)
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

/// How steep the picture is between neighbouring columns, and between neighbouring rows, inside `area`.
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

/// The strongest period of a profile near that of blocks of `period` samples of `step`, as an axis and the strength as a multiple of what
/// noise has; the profile's first value is between samples `first` and `first + 1`.
fn strongest(profile: &[f64], step: f64, period: usize, first: usize) -> Option<(Axis, f64)> {
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
    let centre = 1.0 / (period as f64 * step);
    let fine = 0.25 / profile.len() as f64;
    let count = (centre * 0.06 / fine) as i64;
    let frequencies = (-count..=count).map(|i| centre + i as f64 * fine);
    let peak = frequencies.map(|f| (f, strength(f))).max_by(|a, b| a.1.total_cmp(&b.1))?;
    // Halve the distance to the top of the peak until it is a thousandth of its width.
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
    let phase = -im.atan2(re) / TAU / frequency;
    Some((Axis { start: first as f64 + phase, step: 1.0 / (period as f64 * frequency) }, most / power.sqrt()))
}
