//! How files are made of samples: a file is taken apart into samples and a recipe, and put together again.

mod png;
mod raster;

use lab_bits::varint;
use lab_codec::{Context, Error, Result};

use crate::kind::{Decoded, Kind};
use crate::manifest::{Blobs, Manifest};
use crate::pixels::Shape;

pub use png::{Metadata, write as write_png};

/// A file in two parts.
#[derive(Debug, Clone)]
pub struct Apart {
    /// Size and kind of the samples; of the file's own, which may be places in a palette.
    pub shape: Shape,
    /// Rows from the top, channels interleaved, 16 bits little-endian.
    pub samples: Vec<u8>,
    /// Everything else.
    pub recipe: Recipe,
}

/// How a file is made of samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipe {
    /// A PNG.
    Png(png::Png),
    /// A file that holds its samples as they are.
    Raster(raster::Raster),
}

const PNG: u8 = 0;
const RASTER: u8 = 1;

impl Recipe {
    /// As bytes; larger chunks go to `blobs`.
    pub fn to_bytes(&self, blobs: &mut Blobs) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Png(png) => {
                out.push(PNG);
                png.write(blobs, &mut out);
            }
            Self::Raster(raster) => {
                out.push(RASTER);
                raster.write(&mut out);
            }
        }
        out
    }

    /// From bytes, which are used up.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt), [`Truncated`](lab_codec::ErrorKind::Truncated).
    pub fn from_bytes(mut bytes: &[u8], shape: Shape, manifest: &Manifest) -> Result<Self> {
        let input = &mut bytes;
        let recipe = match take(input, 1)?[0] {
            PNG => Self::Png(png::Png::read(input, shape, manifest)?),
            RASTER => Self::Raster(raster::Raster::read(input)?),
            _ => return Err(Error::corrupt("a recipe is of no known kind")),
        };
        if input.is_empty() { Ok(recipe) } else { Err(Error::corrupt("bytes follow a recipe")) }
    }

    /// The file.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where the recipe does not fit.
    pub fn file(&self, shape: Shape, samples: &[u8], cx: &Context) -> Result<Vec<u8>> {
        match self {
            Self::Png(png) => png.file(shape, samples, cx),
            Self::Raster(raster) => raster.file(shape, samples, cx),
        }
    }
}

/// Takes a file apart, if that is possible: `exact` where the very same file is to come back. What comes back was
/// looked at.
pub fn take_apart(kind: Kind, bytes: &[u8], decoded: &Decoded, exact: bool, cx: &Context) -> Option<Apart> {
    let apart = match kind {
        Kind::Png => png::take_apart(bytes, exact, cx)?,
        Kind::Pnm | Kind::Bmp => raster::take_apart(kind, bytes, decoded)?,
        Kind::Jpeg | Kind::WebP | Kind::Tiff => return None,
    };
    if apart.samples.len() != apart.shape.bytes() {
        return None;
    }
    let back = apart.recipe.file(apart.shape, &apart.samples, cx).ok()?;
    let same = if exact {
        back == bytes
    } else {
        let again = crate::kind::decode(kind, &back, cx).ok()?;
        (again.shape, &again.samples) == (decoded.shape, &decoded.samples)
    };
    same.then_some(apart)
}

/// How many bits of 16-bit samples are in use, at least 9: those above are not coded.
pub fn bits_in_use(samples: &[u8]) -> u8 {
    let all = samples.as_chunks::<2>().0.iter().fold(0, |all, sample| all | u16::from_le_bytes(*sample));
    (16 - all.leading_zeros() as u8).max(9)
}

/// The next bytes of a recipe.
fn take<'a>(input: &mut &'a [u8], count: usize) -> Result<&'a [u8]> {
    let parts = input.split_at_checked(count);
    let (bytes, rest) = parts.ok_or_else(|| Error::truncated("a recipe ends early"))?;
    *input = rest;
    Ok(bytes)
}

/// The next number of a recipe.
fn take_number(input: &mut &[u8]) -> Result<usize> {
    usize::try_from(varint::read(input)?).map_err(|_| Error::corrupt("a number of a recipe is too large"))
}

/// Bytes with their number before them.
fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    varint::write(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn take_bytes<'a>(input: &mut &'a [u8]) -> Result<&'a [u8]> {
    let count = take_number(input)?;
    take(input, count)
}

#[cfg(test)]
mod tests;
