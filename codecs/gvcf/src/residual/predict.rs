//! Predictors, and the encoder's choice of a mode for each block by the estimated cost of its residuals.

use lab_media::neighbours::median;

use super::{Band, BandPlane, Mode};

/// The median prediction of the sample at `x`. In the first row it is left, in the first column top, and 0
/// for the first sample of a band.
#[inline]
pub(super) fn median_at(row: &[u8], above: Option<&[u8]>, x: usize) -> u8 {
    match (x.checked_sub(1), above) {
        (Some(left), Some(above)) => {
            let (left, top, topleft) = (row[left], above[x], above[left]);
            median(i16::from(left), i16::from(top), i16::from(topleft)) as u8
        }
        (Some(left), None) => row[left],
        (None, Some(above)) => above[x],
        (None, None) => 0,
    }
}

/// The temporal median prediction: the reference sample plus the median of the neighbours' changes since the
/// reference, clamped to 0..=255. It follows brightness that changes smoothly, such as fades and shadows.
#[inline]
pub(super) fn temporal_median_at(
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

/// Residuals of the median predictor in a row.
fn median_row(row: &[u8], above: Option<&[u8]>, out: &mut [u8]) {
    out[0] = row[0].wrapping_sub(median_at(row, above, 0));
    let pairs = out[1..].iter_mut().zip(&row[1..]).zip(row);
    match above {
        Some(above) => {
            for (((out, now), left), (top, topleft)) in pairs.zip(above[1..].iter().zip(above)) {
                let prediction = median(i16::from(*left), i16::from(*top), i16::from(*topleft));
                *out = now.wrapping_sub(prediction as u8);
            }
        }
        None => pairs.for_each(|((out, now), left)| *out = now.wrapping_sub(*left)),
    }
}

/// Residuals of the temporal median predictor in a row.
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
    // Slices of equal length let the compiler drop the bounds tests and vectorise the loop.
    let n = row.len() - 1;
    let (out, now, left) = (&mut out[1..=n], &row[1..=n], &row[..n]);
    let (top, topleft) = (&above[1..=n], &above[..n]);
    let (before, before_left) = (&before[1..=n], &before[..n]);
    let (before_top, before_topleft) = (&before_above[1..=n], &before_above[..n]);
    for x in 0..n {
        let change = median(
            i16::from(left[x]) - i16::from(before_left[x]),
            i16::from(top[x]) - i16::from(before_top[x]),
            i16::from(topleft[x]) - i16::from(before_topleft[x]),
        );
        out[x] = now[x].wrapping_sub((i16::from(before[x]) + change).clamp(0, 255) as u8);
    }
}

/// Estimated cost of a residual, in eighths of a bit. It rises with the logarithm of the magnitude, as an
/// entropy coder's cost does: 1/8 bit for 0, then 5/8 to 9/8 bit more at each bound. A sum of comparisons has
/// no branches and no table, so whole rows run in vectors; the sum of all steps is 67, which fits a byte.
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

/// The chosen modes of a band and their residuals.
pub(super) struct Choice {
    pub band: Band,
    /// One for each block, row by row.
    pub modes: Vec<Mode>,
    /// For each plane, the residuals row by row; 0 in copied blocks.
    pub residuals: Vec<Vec<u8>>,
}

/// Chooses for each block the mode of the least estimated cost, summed over all planes. A block without any
/// change is copied, whatever the others cost.
pub(super) fn choose(band: Band, now: &[&[u8]], before: Option<&[&[u8]]>) -> Choice {
    let modes = if before.is_some() { 3 } else { 1 };
    let blocks = band.across * band.down;
    let mut costs = vec![vec![0_u32; blocks]; modes];
    let mut changed = vec![before.is_none(); blocks];
    // For each plane, the residuals of each mode in the order median, temporal, temporal median.
    let mut candidates: Vec<Vec<Vec<u8>>> = Vec::new();
    for (p, plane) in band.planes.iter().enumerate() {
        let mut residuals = vec![vec![0; now[p].len()]; modes];
        residuals_of(*plane, now[p], before.map(|before| before[p]), &mut residuals);
        for (mode, residuals) in residuals.iter().enumerate() {
            for (y, row) in residuals.chunks_exact(plane.width.max(1)).enumerate() {
                let blocks = y / plane.block * band.across;
                add_costs(row, plane.block, &mut costs[mode][blocks..blocks + band.across]);
                // A temporal residual that is not 0 is a change.
                if mode == 1 {
                    let changed = &mut changed[blocks..blocks + band.across];
                    for (row, changed) in row.chunks(plane.block).zip(changed) {
                        *changed |= row.iter().any(|r| *r != 0);
                    }
                }
            }
        }
        candidates.push(residuals);
    }
    let best = |block: usize| {
        if !changed[block] {
            return Mode::Copy;
        }
        let cheapest = (0..modes).min_by_key(|&mode| costs[mode][block]).unwrap_or(0);
        Mode::ALL[1 + cheapest]
    };
    let modes: Vec<Mode> = (0..blocks).map(best).collect();
    let planes = band.planes.iter().zip(candidates);
    let residuals = planes.map(|(plane, candidates)| merge(*plane, band.across, &modes, candidates));
    let residuals = residuals.collect();
    Choice { band, modes, residuals }
}

/// The residuals of a plane by the median predictor and, with a reference, by the two temporal ones.
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

/// Collects the residuals of the chosen modes. Those of the median predictor are changed in place.
fn merge(plane: BandPlane, across: usize, modes: &[Mode], mut candidates: Vec<Vec<u8>>) -> Vec<u8> {
    let mut merged = std::mem::take(&mut candidates[0]);
    for (y, row) in merged.chunks_exact_mut(plane.width.max(1)).enumerate() {
        let modes = &modes[y / plane.block * across..];
        for (i, (target, mode)) in row.chunks_mut(plane.block).zip(modes).enumerate() {
            let start = y * plane.width + i * plane.block;
            let source = start..start + target.len();
            match mode {
                Mode::Copy => target.fill(0),
                Mode::Median => {}
                Mode::Temporal => target.copy_from_slice(&candidates[1][source]),
                Mode::TemporalMedian => target.copy_from_slice(&candidates[2][source]),
            }
        }
    }
    merged
}
