//! Predictions of whole rows at a time, and the choice of each block's mode by what they leave.

use super::{Band, BandPlane, Mode};

/// What the median predictor expects beside `west`, `north` and the corner between them.
#[inline]
pub fn median(west: i16, north: i16, corner: i16) -> i16 {
    (west + north - corner).clamp(west.min(north), west.max(north))
}

/// The median prediction of the sample at `x`: that of the neighbours that there are, 0 for the first of a band.
#[inline]
pub fn median_at(row: &[u8], above: Option<&[u8]>, x: usize) -> u8 {
    match (x.checked_sub(1), above) {
        (Some(left), Some(above)) => {
            let (west, north, corner) = (row[left], above[x], above[left]);
            median(i16::from(west), i16::from(north), i16::from(corner)) as u8
        }
        (Some(left), None) => row[left],
        (None, Some(above)) => above[x],
        (None, None) => 0,
    }
}

/// The temporal median prediction: the reference plus the median of the neighbours' differences, within 0..=255.
#[inline]
pub fn temporal_median_at(
    row: &[u8],
    above: Option<&[u8]>,
    before: &[u8],
    before_above: Option<&[u8]>,
    x: usize,
) -> u8 {
    let difference = |now: u8, before: u8| i16::from(now) - i16::from(before);
    let change = match (x.checked_sub(1), above.zip(before_above)) {
        (Some(left), Some((above, before_above))) => median(
            difference(row[left], before[left]),
            difference(above[x], before_above[x]),
            difference(above[left], before_above[left]),
        ),
        (Some(left), None) => difference(row[left], before[left]),
        (None, Some((above, before_above))) => difference(above[x], before_above[x]),
        (None, None) => 0,
    };
    (i16::from(before[x]) + change).clamp(0, 255) as u8
}

/// What the median predictor leaves of a row.
fn median_row(row: &[u8], above: Option<&[u8]>, out: &mut [u8]) {
    out[0] = row[0].wrapping_sub(median_at(row, above, 0));
    let pairs = out[1..].iter_mut().zip(&row[1..]).zip(row);
    match above {
        Some(above) => {
            for (((out, now), west), (north, corner)) in pairs.zip(above[1..].iter().zip(above)) {
                let prediction = median(i16::from(*west), i16::from(*north), i16::from(*corner));
                *out = now.wrapping_sub(prediction as u8);
            }
        }
        None => pairs.for_each(|((out, now), west)| *out = now.wrapping_sub(*west)),
    }
}

/// What the temporal median predictor leaves of a row.
fn temporal_median_row(
    row: &[u8],
    above: Option<&[u8]>,
    before: &[u8],
    before_above: Option<&[u8]>,
    out: &mut [u8],
) {
    let Some((above, before_above)) = above.zip(before_above) else {
        for x in 0..row.len() {
            out[x] = row[x].wrapping_sub(temporal_median_at(row, None, before, None, x));
        }
        return;
    };
    out[0] = row[0].wrapping_sub(temporal_median_at(row, Some(above), before, Some(before_above), 0));
    // Slices of one length: then the loop has no checks and runs in vectors.
    let n = row.len() - 1;
    let (out, now, west) = (&mut out[1..=n], &row[1..=n], &row[..n]);
    let (north, corner) = (&above[1..=n], &above[..n]);
    let (t, tw, tn, tc) = (&before[1..=n], &before[..n], &before_above[1..=n], &before_above[..n]);
    for x in 0..n {
        let change = median(
            i16::from(west[x]) - i16::from(tw[x]),
            i16::from(north[x]) - i16::from(tn[x]),
            i16::from(corner[x]) - i16::from(tc[x]),
        );
        out[x] = now[x].wrapping_sub((i16::from(t[x]) + change).clamp(0, 255) as u8);
    }
}

/// About how many eighths of a bit a residual costs.
#[inline]
fn cost(residual: u8) -> u8 {
    let size = (residual as i8).unsigned_abs();
    let step = |above: u8, eighths: u8| if size > above { eighths } else { 0 };
    1 + step(0, 9)
        + step(1, 6)
        + step(2, 5)
        + step(3, 5)
        + step(5, 6)
        + step(8, 6)
        + step(13, 6)
        + step(21, 7)
        + step(40, 8)
        + step(80, 8)
}

/// Adds the costs of a row of residuals to those of its blocks.
fn add_costs(residuals: &[u8], block: usize, costs: &mut [u32]) {
    for (row, cost_of_block) in residuals.chunks(block).zip(costs) {
        *cost_of_block += row.iter().map(|r| u32::from(cost(*r))).sum::<u32>();
    }
}

/// The modes of a band's blocks, and what they leave.
pub struct Choice {
    pub band: Band,
    /// By rows of blocks.
    pub modes: Vec<Mode>,
    /// For each plane, the residuals by rows; 0 in copied blocks.
    pub residuals: Vec<Vec<u8>>,
}

/// Chooses the mode that seems to cost least for each block.
pub fn choose(band: Band, now: &[&[u8]], before: Option<&[&[u8]]>) -> Choice {
    let modes = if before.is_some() { 3 } else { 1 };
    let blocks = band.across * band.down;
    let mut costs = vec![vec![0_u32; blocks]; modes];
    let mut changed = vec![before.is_none(); blocks];
    // For each plane, the residuals of each mode.
    let mut left: Vec<Vec<Vec<u8>>> = Vec::new();
    for (p, plane) in band.planes.iter().enumerate() {
        let mut residuals = vec![vec![0; now[p].len()]; modes];
        residuals_of(*plane, now[p], before.map(|before| before[p]), &mut residuals);
        for (mode, residuals) in residuals.iter().enumerate() {
            for (y, row) in residuals.chunks_exact(plane.width.max(1)).enumerate() {
                let blocks = y / plane.block * band.across;
                add_costs(row, plane.block, &mut costs[mode][blocks..blocks + band.across]);
                if mode == 1 {
                    let changed = &mut changed[blocks..blocks + band.across];
                    for (row, changed) in row.chunks(plane.block).zip(changed) {
                        *changed |= row.iter().any(|r| *r != 0);
                    }
                }
            }
        }
        left.push(residuals);
    }
    let best = |block: usize| {
        if !changed[block] {
            return Mode::Copy;
        }
        let cheapest = (0..modes).min_by_key(|&mode| costs[mode][block]).unwrap_or(0);
        Mode::ALL[1 + cheapest]
    };
    let modes: Vec<Mode> = (0..blocks).map(best).collect();
    let residuals =
        band.planes.iter().zip(left).map(|(plane, left)| merge(*plane, band.across, &modes, left));
    let residuals = residuals.collect();
    Choice { band, modes, residuals }
}

/// The residuals of a plane by the median, and with a reference by its samples and by the temporal median.
fn residuals_of(plane: BandPlane, now: &[u8], before: Option<&[u8]>, out: &mut [Vec<u8>]) {
    let width = plane.width;
    for y in 0..plane.height() {
        let at = y * width..(y + 1) * width;
        let up = y.checked_sub(1).map(|up| up * width..y * width);
        let (row, above) = (&now[at.clone()], up.clone().map(|up| &now[up]));
        let [by_median, temporal @ ..] = out else { return };
        median_row(row, above, &mut by_median[at.clone()]);
        if let (Some(before), [by_sample, by_temporal_median]) = (before, temporal) {
            let old = &before[at.clone()];
            for ((out, now), old) in by_sample[at.clone()].iter_mut().zip(row).zip(old) {
                *out = now.wrapping_sub(*old);
            }
            temporal_median_row(row, above, old, up.map(|up| &before[up]), &mut by_temporal_median[at]);
        }
    }
}

/// The residuals of the chosen modes.
fn merge(plane: BandPlane, across: usize, modes: &[Mode], mut left: Vec<Vec<u8>>) -> Vec<u8> {
    let mut merged = std::mem::take(&mut left[0]);
    for (y, row) in merged.chunks_exact_mut(plane.width.max(1)).enumerate() {
        let modes = &modes[y / plane.block * across..];
        for (i, (target, mode)) in row.chunks_mut(plane.block).zip(modes).enumerate() {
            let start = y * plane.width + i * plane.block;
            let source = start..start + target.len();
            match mode {
                Mode::Copy => target.fill(0),
                Mode::Median => {}
                Mode::Temporal => target.copy_from_slice(&left[1][source]),
                Mode::TemporalMedian => target.copy_from_slice(&left[2][source]),
            }
        }
    }
    merged
}
