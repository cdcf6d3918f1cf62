//! Lossless coding of planes by prediction: from the samples around and from a reference picture.
//!
//! The planes are cut into bands of whole block rows that know nothing of each other, so several threads can work on
//! one picture, and into blocks of 16x16 samples of the first plane; planes of half the size have blocks of 8x8. Each
//! block has one [`Mode`] in all planes. What is left is coded by adaptive models and rANS, or handed out
//! as bytes for a general compressor.
//!
//! The predictors are those of JPEG-LS (the median of left, above and left + above - corner; Weinberger, Seroussi and
//! Sapiro 2000), applied to the picture or to its difference from the reference. Contexts are made, as in CALIC (Wu and
//! Memon 1997), of the errors around and of where the neighbours lie beside the prediction.

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
    /// 0: it is as in the reference.
    Copy = 0,
    /// 1: the median of the neighbours.
    Median = 1,
    /// 2: the sample of the reference.
    Temporal = 2,
    /// 3: the sample of the reference plus the median of the neighbours' differences from theirs.
    TemporalMedian = 3,
}

impl Mode {
    const ALL: [Self; 4] = [Self::Copy, Self::Median, Self::Temporal, Self::TemporalMedian];

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// Where plane samples of a band begin and end: whole rows.
#[derive(Debug, Clone, Copy)]
struct Rows {
    start: usize,
    end: usize,
}

/// The shape of all planes in one band.
#[derive(Debug, Clone)]
struct Band {
    /// Blocks in a row of them, and rows of them.
    across: usize,
    down: usize,
    planes: Vec<BandPlane>,
}

/// One plane's part of a band.
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

/// The bands of a picture with these planes: of as many block rows each as can be.
fn layout(planes: &[Plane], count: usize) -> Vec<Band> {
    let (width, height) = planes.first().map_or((0, 0), |first| (first.width, first.height));
    let (across, down) = (width.div_ceil(BLOCK), height.div_ceil(BLOCK));
    (0..count)
        .map(|i| {
            let Range { start: top, end: bottom } = bands::rows(i, count, down);
            let planes = planes.iter().map(|plane| {
                let block = if plane.width < width || plane.height < height { BLOCK / 2 } else { BLOCK };
                let rows = Rows { start: top * block, end: (bottom * block).min(plane.height) };
                BandPlane { width: plane.width, rows, block }
            });
            Band { across, down: bottom - top, planes: planes.collect() }
        })
        .collect()
}

/// Planes whose chroma has one sample where luma has one at least are divided alike; with a single column or row, half
/// the size is the same size, and the blocks would not be.
fn planes_of<'a>(band: &Band, planes: &'a [Plane]) -> Vec<&'a [u8]> {
    band.planes.iter().zip(planes).map(|(part, plane)| part.of(plane)).collect()
}

/// What is known of a picture after its blocks were looked at.
pub struct Analysis {
    bands: Vec<predict::Choice>,
}

impl Analysis {
    /// Chooses a mode for each block. About `changed` pixels are not as in the reference.
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

    /// The coded picture: number of bands, their lengths, their bytes.
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

    /// The modes and residuals as bytes, for a general compressor: number of bands, then each band's.
    pub fn differences(&self) -> Vec<u8> {
        let mut out = vec![self.bands.len() as u8];
        self.bands.iter().for_each(|choice| differences::write(choice, &mut out));
        out
    }
}

/// Fills `planes` from what [`Analysis::encode`] wrote.
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

/// Fills `planes` from what [`Analysis::differences`] gave.
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

/// For each band, its part of each plane, to be filled.
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
