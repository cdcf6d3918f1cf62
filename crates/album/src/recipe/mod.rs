//! Splits picture files into samples and a recipe, from which the file can be rebuilt.

mod png;
mod raster;

use lab_bits::varint;
use lab_codec::{Context, Error, Result};

use crate::kind::{Decoded, Kind};
use crate::manifest::{Blobs, Manifest};
use crate::pixels::Shape;

pub use png::{Metadata, channels as png_channels, write as write_png};

/// A file split into samples and recipe.
#[derive(Debug, Clone)]
pub struct Apart {
    /// Shape of the file's own samples, which may be palette indices.
    pub shape: Shape,
    /// Rows from the top, channels interleaved, 16 bits little-endian.
    pub samples: Vec<u8>,
    /// Everything else of the file.
    pub recipe: Recipe,
}

/// How to rebuild a file from its samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipe {
    /// A PNG.
    Png(png::Png),
    /// A file with uncompressed samples.
    Raster(raster::Raster),
}

const PNG: u8 = 0;
const RASTER: u8 = 1;

impl Recipe {
    /// Serialises the recipe; large chunks go to `blobs`.
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

    /// Parses a recipe, which must fill `bytes`.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt), [`Truncated`](lab_codec::ErrorKind::Truncated).
    pub fn from_bytes(mut bytes: &[u8], shape: Shape, manifest: &Manifest) -> Result<Self> {
        let input = &mut bytes;
        let recipe = match take(input, 1)?[0] {
            PNG => Self::Png(png::Png::read(input, shape, manifest)?),
            RASTER => Self::Raster(raster::Raster::read(input)?),
            other => return Err(Error::corrupt(format!("a recipe has the unknown kind {other}"))),
        };
        if input.is_empty() { Ok(recipe) } else { Err(Error::corrupt("bytes follow a recipe")) }
    }

    /// Rebuilds the file.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where the recipe contradicts the samples.
    pub fn file(&self, shape: Shape, samples: &[u8], cx: &Context) -> Result<Vec<u8>> {
        match self {
            Self::Png(png) => png.file(shape, samples, cx),
            Self::Raster(raster) => raster.file(shape, samples, cx),
        }
    }
}

/// Splits a file, if that is possible; `exact` demands the same bytes, otherwise the same pixels are enough.
/// The file is rebuilt and compared before it is accepted.
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

/// Significant bits of 16-bit samples, at least 9: the bits above are 0 in every sample and are not coded.
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

/// Appends bytes after their length.
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
