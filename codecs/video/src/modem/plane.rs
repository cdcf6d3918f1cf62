//! A plane of 8-bit samples.

use lab_media::Frame;

use super::Refusal;

/// A borrowed plane, in raster order.
#[derive(Debug, Clone, Copy)]
pub struct Plane<'a> {
    /// Samples in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height` samples.
    pub samples: &'a [u8],
}

impl<'a> Plane<'a> {
    /// Plane `plane` of a picture with 8-bit samples: 0 is luma, the others are chroma.
    pub fn of(picture: &'a Frame, plane: usize) -> Result<Self, Refusal> {
        let format = picture.shape().format;
        if format.bits() != 8 || format.channels() != 1 || plane >= format.planes() {
            return Err(Refusal::Format);
        }
        let (width, height) = picture.shape().plane_size(plane);
        Ok(Self { width, height, samples: picture.plane(plane) })
    }
}
