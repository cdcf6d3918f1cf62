//! Modes and residuals as plain bytes, for a general compressor. Each band holds the number of each block's
//! mode, then the residuals of each plane row by row: sample minus prediction modulo 256, 0 in copied blocks.

use super::predict::{Choice, median_at, temporal_median_at};
use super::{Band, Mode};
use crate::bands::ends_early;
use crate::error::{Error, Result};

/// Appends a band.
pub(super) fn write(choice: &Choice, out: &mut Vec<u8>) {
    out.extend(choice.modes.iter().map(|mode| *mode as u8));
    choice.residuals.iter().for_each(|residuals| out.extend_from_slice(residuals));
}

/// Decodes a band from the front of `input` into its part of the planes; returns the rest of `input`.
///
/// # Errors
/// [`Code::Compression`](crate::error::Code::Compression) where the input ends early, or a mode is unknown or
/// needs a reference in a picture without one.
pub(super) fn read<'a>(
    input: &'a [u8],
    band: &Band,
    now: &mut [&mut [u8]],
    before: Option<&[&[u8]]>,
) -> Result<&'a [u8]> {
    let (modes, mut rest) = input.split_at_checked(band.across * band.down).ok_or_else(ends_early)?;
    let modes: Vec<Mode> =
        modes.iter().map(|mode| mode_of(*mode, before.is_some())).collect::<Result<_>>()?;
    for (p, plane) in band.planes.iter().enumerate() {
        let samples = &mut *now[p];
        let (residuals, behind) = rest.split_at_checked(samples.len()).ok_or_else(ends_early)?;
        rest = behind;
        let width = plane.width;
        for y in 0..plane.height() {
            let (done, target) = samples.split_at_mut(y * width);
            let row = &mut target[..width];
            let above = y.checked_sub(1).map(|up| &done[up * width..]);
            let old = |y: usize| before.map(|before| &before[p][y * width..(y + 1) * width]);
            let (old, old_above) = (old(y), y.checked_sub(1).and_then(old));
            let residuals = &residuals[y * width..(y + 1) * width];
            for (x, residual) in residuals.iter().enumerate() {
                let mode = modes[y / plane.block * band.across + x / plane.block];
                let prediction = match (mode, old) {
                    (Mode::Copy | Mode::Temporal, Some(old)) => old[x],
                    (Mode::TemporalMedian, Some(old)) => temporal_median_at(row, above, old, old_above, x),
                    _ => median_at(row, above, x),
                };
                row[x] = prediction.wrapping_add(*residual);
            }
        }
    }
    Ok(rest)
}

/// The mode with this number.
///
/// # Errors
/// [`Code::Compression`](crate::error::Code::Compression) where it is unknown, or needs a reference in a
/// picture without one.
pub(super) fn mode_of(number: u8, reference: bool) -> Result<Mode> {
    match Mode::from_number(number) {
        Some(mode) if reference || mode == Mode::Median => Ok(mode),
        Some(_) => Err(Error::compression(format!("mode {number} in a picture without a reference"))),
        None => Err(Error::compression(format!("unknown mode {number}"))),
    }
}
