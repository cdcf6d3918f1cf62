//! Pictures cut into blocks, and rows of blocks into bands that know nothing of each other: several threads can work on
//! one picture. What the bands of types 4 and 6 are coded to lies one behind the other, after a byte for their number and
//! four for the length of each.

use std::ops::Range;

use crate::error::{Error, Result};

/// Samples across a block.
pub const BLOCK: usize = 16;
/// Pixels to be coded for each band.
const BAND: u64 = 200_000;
/// The most bands.
const MAX_BANDS: usize = 16;

/// How many bands a picture of `height` rows gets of which `changed` pixels are to be coded.
pub fn count(changed: u64, height: usize) -> usize {
    ((changed / BAND) as usize).clamp(1, MAX_BANDS.min(height.div_ceil(BLOCK).max(1)))
}

/// The rows of blocks of band `i` of `count`, where there are `down`.
pub fn rows(i: usize, count: usize, down: usize) -> Range<usize> {
    down * i / count..down * (i + 1) / count
}

/// The number of bands, the lengths of `coded`, and their bytes.
pub fn write(coded: &[Vec<u8>], out: &mut Vec<u8>) {
    out.push(coded.len() as u8);
    for band in coded {
        out.extend_from_slice(&(band.len() as u32).to_le_bytes());
    }
    coded.iter().for_each(|band| out.extend_from_slice(band));
}

/// The number of bands of a picture of `height` rows, from the front of `input`, and the rest of it.
///
/// # Errors
/// [`Code::Compression`](crate::error::Code::Compression) where there is none, or the picture cannot have so many.
pub fn read_count(input: &[u8], height: usize) -> Result<(usize, &[u8])> {
    let (count, rest) = input.split_first().ok_or_else(ends_early)?;
    let (count, down) = (usize::from(*count), height.div_ceil(BLOCK));
    if count == 0 || count > MAX_BANDS.min(down) {
        return Err(Error::compression(format!("{count} bands in a picture of {down} rows of blocks")));
    }
    Ok((count, rest))
}

/// The bytes of each band of a picture of `height` rows.
///
/// # Errors
/// [`Code::Compression`](crate::error::Code::Compression) where [`write()`] would not have written `input`.
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

/// What damaged data comes to.
#[cold]
pub fn ends_early() -> Error {
    Error::compression("the coded picture ends early")
}
