//! The difference of two pictures: figures, changed blocks, and a picture that marks them.

use lab_codec::Error;
use serde::Serialize;

use crate::bands::BLOCK;
use crate::error::Result;
use crate::frame::Picture;
use crate::header::Shape;

/// Colour of the outline around changed blocks.
const RED: [u8; 3] = [255, 40, 40];

/// The difference of two pictures.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// Peak signal-to-noise ratio in decibels over all channels; `None` for equal pictures.
    pub psnr: Option<f64>,
    /// Number of changed pixels.
    pub changed_pixels: u64,
    /// Number of all pixels.
    pub pixels: u64,
    /// Number of blocks with a changed pixel.
    pub changed_blocks: usize,
    /// Number of all blocks.
    pub blocks: usize,
    /// The largest difference of two samples.
    pub largest_difference: u8,
    /// Whether each block has changed, in raster order.
    #[serde(skip)]
    pub changed: Vec<bool>,
}

impl Difference {
    /// Compares two pictures.
    ///
    /// # Errors
    /// [`Unsupported`](lab_codec::ErrorKind::Unsupported) if their shapes differ.
    pub fn of(first: &Picture, second: &Picture) -> lab_codec::Result<Self> {
        let shape = first.shape();
        if shape != second.shape() {
            let other = second.shape();
            return Err(Error::unsupported(format!("frames of {shape} and {other} cannot be compared")));
        }
        let (width, channels) = (shape.width as usize, shape.channels as usize);
        let across = width.div_ceil(BLOCK);
        let mut changed = vec![false; across * (shape.height as usize).div_ceil(BLOCK)];
        let (mut squares, mut pixels, mut largest) = (0_u64, 0, 0);
        let pairs = first.pixels().chunks_exact(channels).zip(second.pixels().chunks_exact(channels));
        for (i, (a, b)) in pairs.enumerate().filter(|(_, (a, b))| a != b) {
            changed[i / width / BLOCK * across + i % width / BLOCK] = true;
            pixels += 1;
            for difference in a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)) {
                squares += u64::from(difference).pow(2);
                largest = largest.max(difference);
            }
        }
        let samples = first.pixels().len() as f64;
        Ok(Self {
            psnr: (squares > 0).then(|| 10.0 * (255.0 * 255.0 * samples / squares as f64).log10()),
            changed_pixels: pixels,
            pixels: u64::from(shape.width) * u64::from(shape.height),
            changed_blocks: changed.iter().filter(|changed| **changed).count(),
            blocks: changed.len(),
            largest_difference: largest,
            changed,
        })
    }

    /// A compared picture in RGB: changed blocks at full brightness with a red outline, the rest at a third
    /// of the brightness.
    ///
    /// # Errors
    /// Those of [`Picture::from_pixels`].
    pub fn marked(&self, picture: &Picture) -> Result<Picture> {
        let shape = picture.shape();
        let (width, height) = (shape.width as usize, shape.height as usize);
        let channels = shape.channels as usize;
        let across = width.div_ceil(BLOCK);
        let is_changed = |x: usize, y: usize| self.changed[y / BLOCK * across + x / BLOCK];
        let mut out = Vec::with_capacity(3 * width * height);
        for (i, pixel) in picture.pixels().chunks_exact(channels).enumerate() {
            let (x, y) = (i % width, i / width);
            let rgb: [u8; 3] = std::array::from_fn(|c| pixel[if channels == 1 { 0 } else { c }]);
            // The outline separates changed blocks from unchanged ones and from the edge of the picture.
            let neighbours = [
                (x % BLOCK == 0).then(|| x.checked_sub(1).map(|x| (x, y))),
                (y % BLOCK == 0).then(|| y.checked_sub(1).map(|y| (x, y))),
                (x % BLOCK == BLOCK - 1 || x + 1 == width).then(|| (x + 1 < width).then_some((x + 1, y))),
                (y % BLOCK == BLOCK - 1 || y + 1 == height).then(|| (y + 1 < height).then_some((x, y + 1))),
            ];
            let edge =
                neighbours.into_iter().flatten().any(|next| next.is_none_or(|(x, y)| !is_changed(x, y)));
            out.extend(match (is_changed(x, y), edge) {
                (true, true) => RED,
                (true, false) => rgb,
                (false, _) => rgb.map(|c| c / 3),
            });
        }
        Picture::from_pixels(Shape { channels: 3, ..shape }, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_pixel_marks_its_block() {
        let shape = Shape { width: 3 * BLOCK as u32, height: BLOCK as u32, channels: 1 };
        let black = vec![0; 3 * BLOCK * BLOCK];
        let mut other = black.clone();
        other[BLOCK + 5] = 255;
        let [first, second] = [black, other].map(|pixels| Picture::from_pixels(shape, pixels).unwrap());
        let difference = Difference::of(&first, &second).unwrap();
        assert_eq!(difference.changed, [false, true, false]);
        assert_eq!((difference.changed_pixels, difference.largest_difference), (1, 255));
        let expected = 10.0 * ((3 * BLOCK * BLOCK) as f64).log10();
        assert!((difference.psnr.unwrap() - expected).abs() < 1e-9);
        let marked = difference.marked(&second).unwrap();
        let pixel = |x: usize| &marked.pixels()[3 * x..3 * x + 3];
        assert_eq!((pixel(BLOCK - 1), pixel(BLOCK), pixel(2 * BLOCK)), (&[0; 3][..], &RED[..], &[0; 3][..]));
        assert_eq!(Difference::of(&first, &first).unwrap().psnr, None);
    }
}
