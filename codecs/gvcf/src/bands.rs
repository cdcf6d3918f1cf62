//! Blocks, and bands of block rows. Bands are coded independently, so several threads can work on one
//! picture.
//!
//! In types 4 and 6 one byte holds the number of bands and four bytes the length of each; their coded bytes
//! follow.

use std::ops::Range;

use crate::error::{Error, Result};

/// Width and height of a block, in samples.
pub const BLOCK: usize = 16;
/// Changed pixels per band. Every band starts with new models and costs 24 bytes even where only a letter was
/// typed, so the count follows the pixels to code, and not the size of the picture.
const BAND_PIXELS: u64 = 200_000;
/// Maximum number of bands.
const MAX_BANDS: usize = 16;

/// Number of bands for a picture of `height` rows with `changed` pixels in changed blocks.
pub fn count(changed: u64, height: usize) -> usize {
    ((changed / BAND_PIXELS) as usize).clamp(1, MAX_BANDS.min(height.div_ceil(BLOCK).max(1)))
}

/// The block rows of band `i` of `count` in a picture of `down` block rows. Multiplied first, so that sizes
/// differ by at most one.
pub fn rows(i: usize, count: usize, down: usize) -> Range<usize> {
    down * i / count..down * (i + 1) / count
}

/// Appends the number of bands in `coded`, the length of each, and their bytes.
pub fn write(coded: &[Vec<u8>], out: &mut Vec<u8>) {
    out.push(coded.len() as u8);
    for band in coded {
        out.extend_from_slice(&(band.len() as u32).to_le_bytes());
    }
    coded.iter().for_each(|band| out.extend_from_slice(band));
}

/// Reads the number of bands of a picture of `height` rows; returns it and the rest of `input`.
///
/// # Errors
/// [`Code::Compression`](crate::error::Code::Compression) where it is missing, 0, or more than the picture
/// can have.
pub fn read_count(input: &[u8], height: usize) -> Result<(usize, &[u8])> {
    let (count, rest) = input.split_first().ok_or_else(ends_early)?;
    let (count, down) = (usize::from(*count), height.div_ceil(BLOCK));
    if count == 0 || count > MAX_BANDS.min(down) {
        return Err(Error::compression(format!("{count} bands in a picture of {down} block rows")));
    }
    Ok((count, rest))
}

/// Splits `input` into the bytes of each band of a picture of `height` rows.
///
/// # Errors
/// [`Code::Compression`](crate::error::Code::Compression) where `input` ends early or does not end with the
/// last band.
pub fn read(input: &[u8], height: usize) -> Result<Vec<&[u8]>> {
    let (count, rest) = read_count(input, height)?;
    let (mut lengths, mut bytes) = rest.split_at_checked(4 * count).ok_or_else(ends_early)?;
    let mut parts = Vec::with_capacity(count);
    while let Some((length, behind)) = lengths.split_first_chunk() {
        let length = u32::from_le_bytes(*length) as usize;
        let (part, after) = bytes.split_at_checked(length).ok_or_else(ends_early)?;
        parts.push(part);
        (lengths, bytes) = (behind, after);
    }
    if !bytes.is_empty() {
        return Err(Error::compression(format!("{} bytes follow the last band", bytes.len())));
    }
    Ok(parts)
}

/// The error for coded data that ends early.
#[cold]
pub fn ends_early() -> Error {
    Error::compression("the coded picture ends early")
}
