//! Lossless coding of planes by prediction from neighbouring samples and from a reference picture.
//!
//! Planes are cut into independent bands of whole block rows, so several threads can code one picture. Blocks
//! have 16x16 samples of the first plane, and 8x8 of planes of half the size. A block has one [`Mode`] in all
//! planes. Residuals are coded by adaptive models and rANS, or handed out as bytes for a general compressor.
//!
//! The predictor is that of JPEG-LS (the median of left, top and left + top - topleft; Weinberger, Seroussi
//! and Sapiro 2000), applied to the picture or to its difference from the reference. The contexts follow
//! CALIC (Wu and Memon 1997): the magnitudes of neighbouring errors, and the side of the prediction on which
//! each neighbour lies.

mod context;
mod differences;
mod predict;

use std::ops::Range;

use rayon::prelude::*;

use crate::bands::{self, BLOCK};
use crate::error::{Error, Result};
use crate::planes::Plane;

/// How a block is predicted; the number is what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// 0: every sample equals the reference.
    Copy = 0,
    /// 1: the median of the neighbours.
    Median = 1,
    /// 2: the reference sample.
    Temporal = 2,
    /// 3: the reference sample plus the median of the neighbours' changes since the reference.
    TemporalMedian = 3,
}

impl Mode {
    const ALL: [Self; 4] = [Self::Copy, Self::Median, Self::Temporal, Self::TemporalMedian];

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// The rows of a plane that belong to a band: from `start` to before `end`.
#[derive(Debug, Clone, Copy)]
struct Rows {
    start: usize,
    end: usize,
}

/// The shape of all planes in one band.
#[derive(Debug, Clone)]
struct Band {
    /// Number of block columns and of block rows.
    across: usize,
    down: usize,
    planes: Vec<BandPlane>,
}

/// The part of one plane in a band.
#[derive(Debug, Clone, Copy)]
struct BandPlane {
    width: usize,
    rows: Rows,
    /// Samples across a block.
    block: usize,
}

impl BandPlane {
    fn height(self) -> usize {
        self.rows.end - self.rows.start
    }

    fn of(self, plane: &Plane) -> &[u8] {
        &plane.samples[self.rows.start * self.width..self.rows.end * self.width]
    }
}

/// Cuts a picture with these planes into `count` bands, whose numbers of block rows differ by at most one.
fn layout(planes: &[Plane], count: usize) -> Vec<Band> {
    let (width, height) = planes.first().map_or((0, 0), |first| (first.width, first.height));
    let (across, down) = (width.div_ceil(BLOCK), height.div_ceil(BLOCK));
    (0..count)
        .map(|i| {
            let Range { start: top, end: bottom } = bands::rows(i, count, down);
            let planes = planes.iter().map(|plane| {
                // Both sides are compared: in a picture one pixel wide or high, chroma has that size, too.
                let block = if plane.width < width || plane.height < height { BLOCK / 2 } else { BLOCK };
                let rows = Rows { start: top * block, end: (bottom * block).min(plane.height) };
                BandPlane { width: plane.width, rows, block }
            });
            Band { across, down: bottom - top, planes: planes.collect() }
        })
        .collect()
}

/// The samples of a band in each plane.
fn planes_of<'a>(band: &Band, planes: &'a [Plane]) -> Vec<&'a [u8]> {
    band.planes.iter().zip(planes).map(|(part, plane)| part.of(plane)).collect()
}

/// The chosen modes of a picture, and their residuals.
pub struct Analysis {
    bands: Vec<predict::Choice>,
}

impl Analysis {
    /// Chooses a mode for each block. `changed` is the number of pixels in changed blocks, which sets the
    /// number of bands.
    pub fn new(planes: &[Plane], reference: Option<&[Plane]>, changed: u64) -> Self {
        let count = bands::count(changed, height(planes));
        let bands = layout(planes, count)
            .into_par_iter()
            .map(|band| {
                let now = planes_of(&band, planes);
                let before = reference.map(|reference| planes_of(&band, reference));
                predict::choose(band, &now, before.as_deref())
            })
            .collect();
        Self { bands }
    }

    /// Appends the coded picture to `out`: number of bands, their lengths, their bytes.
    pub fn encode(&self, planes: &[Plane], reference: Option<&[Plane]>, out: &mut Vec<u8>) {
        let coded: Vec<Vec<u8>> = self
            .bands
            .par_iter()
            .map(|choice| {
                let mut now: Vec<Vec<u8>> =
                    planes_of(&choice.band, planes).into_iter().map(<[u8]>::to_vec).collect();
                let before = reference.map(|reference| planes_of(&choice.band, reference));
                context::encode(&choice.band, &choice.modes, &mut now, before.as_deref())
            })
            .collect();
        bands::write(&coded, out);
    }

    /// The modes and residuals as bytes, for a general compressor: number of bands, then the bytes of each.
    pub fn differences(&self) -> Vec<u8> {
        let mut out = vec![self.bands.len() as u8];
        self.bands.iter().for_each(|choice| differences::write(choice, &mut out));
        out
    }
}

/// Decodes the output of [`Analysis::encode`] into `planes`.
///
/// # Errors
/// [`Code::Compression`](crate::error::Code::Compression) for damage.
pub fn decode(input: &[u8], planes: &mut [Plane], reference: Option<&[Plane]>) -> Result<()> {
    let parts = bands::read(input, height(planes))?;
    let bands = layout(planes, parts.len());
    let decoded: Vec<Result<()>> = targets(&bands, planes)
        .into_par_iter()
        .zip(&bands)
        .zip(parts)
        .map(|((mut now, band), part)| {
            let before = reference.map(|reference| planes_of(band, reference));
            context::decode(part, band, &mut now, before.as_deref())
        })
        .collect();
    decoded.into_iter().collect()
}

/// Decodes the output of [`Analysis::differences`] into `planes`.
///
/// # Errors
/// As [`decode`].
pub fn decode_differences(input: &[u8], planes: &mut [Plane], reference: Option<&[Plane]>) -> Result<()> {
    let (count, mut rest) = bands::read_count(input, height(planes))?;
    let bands = layout(planes, count);
    for (band, mut now) in bands.iter().zip(targets(&bands, planes)) {
        let before = reference.map(|reference| planes_of(band, reference));
        rest = differences::read(rest, band, &mut now, before.as_deref())?;
    }
    if rest.is_empty() { Ok(()) } else { Err(Error::compression("bytes follow the last band")) }
}

fn height(planes: &[Plane]) -> usize {
    planes.first().map_or(0, |first| first.height)
}

/// For each band, its part of each plane, as disjoint mutable slices that threads can fill at once.
fn targets<'a>(bands: &[Band], planes: &'a mut [Plane]) -> Vec<Vec<&'a mut [u8]>> {
    let mut targets: Vec<Vec<&mut [u8]>> = bands.iter().map(|_| Vec::new()).collect();
    for (i, plane) in planes.iter_mut().enumerate() {
        let mut rest = plane.samples.as_mut_slice();
        for (band, target) in bands.iter().zip(&mut targets) {
            let part = band.planes[i];
            let (now, behind) = rest.split_at_mut((part.height() * part.width).min(rest.len()));
            target.push(now);
            rest = behind;
        }
    }
    targets
}
