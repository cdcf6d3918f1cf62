//! Colour transforms between pixels and planes, for the types 3 and 4.

use crate::error::{Error, Result};
use crate::header::Shape;
use crate::yuv::{self, Matrix};

/// A plane of samples, rows from the top without gaps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plane {
    /// Samples in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height` samples.
    pub samples: Vec<u8>,
}

impl Plane {
    /// A plane of zeros.
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, samples: vec![0; width * height] }
    }
}

/// The colour transform; its number is stored in the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Colour {
    /// 0: one plane for each channel.
    Plain,
    /// 1: green, red - green, blue - green (each plus 128, modulo 256), and alpha unchanged.
    GreenDifference,
    /// 2 to 5: luma and two planes of chroma at half the size in both directions, where the pixels came from
    /// such.
    Yuv420(Matrix),
}

impl Colour {
    /// The stored number.
    pub fn number(self) -> u8 {
        match self {
            Self::Plain => 0,
            Self::GreenDifference => 1,
            Self::Yuv420(matrix) => 2 + matrix as u8,
        }
    }

    /// The transform with this number, if pictures of `shape` can have it.
    ///
    /// # Errors
    /// [`Code::Compression`](crate::error::Code::Compression) for an unknown or an unsuitable one.
    pub fn from_number(number: u8, shape: Shape) -> Result<Self> {
        let colour = match number {
            0 => Some(Self::Plain),
            1 if shape.channels >= 3 => Some(Self::GreenDifference),
            2.. if shape.channels == 3 => {
                Matrix::ALL.get(usize::from(number) - 2).map(|matrix| Self::Yuv420(*matrix))
            }
            _ => None,
        };
        colour
            .ok_or_else(|| Error::compression(format!("colour transform {number} for a picture of {shape}")))
    }

    /// Empty planes for a picture of `shape`.
    pub fn planes(self, shape: Shape) -> Vec<Plane> {
        let (width, height) = (shape.width as usize, shape.height as usize);
        match self {
            Self::Plain | Self::GreenDifference => vec![Plane::new(width, height); shape.channels as usize],
            Self::Yuv420(_) => {
                let chroma = Plane::new(width.div_ceil(2), height.div_ceil(2));
                vec![Plane::new(width, height), chroma.clone(), chroma]
            }
        }
    }
}

/// The planes of `pixels` for a transform other than [`Colour::Yuv420`], which not all pixels have.
pub fn split(pixels: &[u8], shape: Shape, green_difference: bool) -> Vec<Plane> {
    let mut planes = Colour::Plain.planes(shape);
    match planes.len() {
        3 => split_channels::<3>(pixels, &mut planes),
        4 => split_channels::<4>(pixels, &mut planes),
        _ => planes[0].samples.copy_from_slice(pixels),
    }
    if let [red, green, blue, ..] = planes.as_mut_slice()
        && green_difference
    {
        for (sample, green) in red.samples.iter_mut().zip(&green.samples) {
            *sample = sample.wrapping_sub(*green).wrapping_add(128);
        }
        for (sample, green) in blue.samples.iter_mut().zip(&green.samples) {
            *sample = sample.wrapping_sub(*green).wrapping_add(128);
        }
        std::mem::swap(red, green);
    }
    planes
}

/// A constant number of channels, so that the loop over a plane has a constant step.
fn split_channels<const CHANNELS: usize>(pixels: &[u8], planes: &mut [Plane]) {
    for (channel, plane) in planes.iter_mut().enumerate() {
        for (sample, pixel) in plane.samples.iter_mut().zip(pixels.as_chunks::<CHANNELS>().0) {
            *sample = pixel[channel];
        }
    }
}

/// The pixels of `planes`.
pub fn join(planes: &[Plane], colour: Colour, shape: Shape) -> Vec<u8> {
    let mut pixels = vec![0; planes[0].samples.len() * shape.channels as usize];
    let green_difference = colour == Colour::GreenDifference;
    match (colour, planes) {
        (Colour::Yuv420(matrix), [y, u, v]) => yuv::to_rgb(matrix, [y, u, v], &mut pixels),
        (_, [_, _, _]) => join_channels::<3>(planes, green_difference, &mut pixels),
        (_, [_, _, _, _]) => join_channels::<4>(planes, green_difference, &mut pixels),
        _ => pixels.copy_from_slice(&planes[0].samples),
    }
    pixels
}

/// The inverse of [`split_channels`], and of the differences from green.
fn join_channels<const CHANNELS: usize>(planes: &[Plane], green_difference: bool, pixels: &mut [u8]) {
    let pixels = pixels.as_chunks_mut::<CHANNELS>().0;
    for (channel, plane) in planes.iter().enumerate() {
        for (pixel, sample) in pixels.iter_mut().zip(&plane.samples) {
            pixel[channel] = *sample;
        }
    }
    if green_difference {
        for pixel in pixels {
            let [green, red, blue] = [pixel[0], pixel[1], pixel[2]];
            pixel[0] = red.wrapping_add(green).wrapping_sub(128);
            pixel[1] = green;
            pixel[2] = blue.wrapping_add(green).wrapping_sub(128);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn planes_join_to_the_pixels(width in 1u32..9, height in 1u32..9, bytes in any::<[u8; 32]>(), green in any::<bool>()) {
            for channels in [1, 3, 4] {
                let shape = Shape { width, height, channels };
                let pixels: Vec<u8> = bytes.iter().copied().cycle().take(shape.bytes().unwrap() as usize).collect();
                let planes = split(&pixels, shape, green);
                let colour = if green && channels >= 3 { Colour::GreenDifference } else { Colour::Plain };
                prop_assert_eq!(planes.len(), colour.planes(shape).len());
                prop_assert_eq!(join(&planes, colour, shape), pixels);
            }
        }
    }
}
