//! Samples of one picture inside a margin, so that the models read every neighbour without a bounds test of
//! their own.

use super::Shape;

/// Margin to the left and to the right of a row, in pixels. Two, because the models look two pixels to the
/// left.
const SIDE: usize = 2;
/// Margin above the picture, in rows. Two, because the models look two rows up. The margin below has one row:
/// only the next picture looks there, one row down.
const ABOVE: usize = 2;

/// A picture: interleaved samples of up to 16 bits, with a margin.
#[derive(Debug, Clone)]
pub(super) struct Canvas {
    width: usize,
    height: usize,
    channels: usize,
    samples: Vec<u16>,
}

impl Canvas {
    /// A canvas of zeros.
    pub(super) fn new(shape: Shape) -> Self {
        let (width, height, channels) = (shape.width as usize, shape.height as usize, shape.channels.into());
        Self { width, height, channels, samples: vec![0; Self::length(shape)] }
    }

    /// Number of samples, margins included.
    pub(super) fn length(shape: Shape) -> usize {
        (shape.width as usize + 2 * SIDE) * (shape.height as usize + ABOVE + 1) * usize::from(shape.channels)
    }

    /// A picture of little-endian samples, row after row; `bytes` has [`Shape::bytes`] bytes.
    pub(super) fn from_bytes(shape: Shape, bytes: &[u8]) -> Self {
        let mut canvas = Self::new(shape);
        let row_samples = canvas.width * canvas.channels;
        let row_bytes = row_samples * shape.sample_bytes();
        for (y, row) in bytes.chunks_exact(row_bytes).take(canvas.height).enumerate() {
            let at = canvas.index(0, y);
            let target = &mut canvas.samples[at..at + row_samples];
            if shape.sample_bytes() == 1 {
                target.iter_mut().zip(row).for_each(|(sample, byte)| *sample = (*byte).into());
            } else {
                target
                    .iter_mut()
                    .zip(row.as_chunks::<2>().0)
                    .for_each(|(sample, bytes)| *sample = u16::from_le_bytes(*bytes));
            }
            canvas.fill_margins(y);
        }
        canvas
    }

    /// Appends the samples of the picture, without margins, to `out`: the inverse of
    /// [`from_bytes`](Self::from_bytes).
    pub(super) fn append_to(&self, shape: Shape, out: &mut Vec<u8>) {
        for y in 0..self.height {
            let at = self.index(0, y);
            let row = &self.samples[at..at + self.width * self.channels];
            if shape.sample_bytes() == 1 {
                out.extend(row.iter().map(|sample| *sample as u8));
            } else {
                out.extend(row.iter().flat_map(|sample| sample.to_le_bytes()));
            }
        }
    }

    /// Index of the first sample of a pixel.
    pub(super) fn index(&self, x: usize, y: usize) -> usize {
        ((y + ABOVE) * (self.width + 2 * SIDE) + x + SIDE) * self.channels
    }

    /// Distance between a sample and the one below it, in samples.
    pub(super) fn stride(&self) -> usize {
        (self.width + 2 * SIDE) * self.channels
    }

    /// All samples, margins included.
    pub(super) fn samples(&self) -> &[u16] {
        &self.samples
    }

    /// All samples, margins included.
    pub(super) fn samples_mut(&mut self) -> &mut [u16] {
        &mut self.samples
    }

    /// Fills the margins that depend on row `y`: to its right with its last pixel, and to the left of the
    /// next row with its first pixel. The next row reads the first as topright and the second as left; a
    /// decoder has both.
    pub(super) fn fill_margins(&mut self, y: usize) {
        let (c, stride) = (self.channels, self.stride());
        let (first, end) = (self.index(0, y), self.index(self.width, y));
        for side in 0..SIDE {
            self.samples.copy_within(end - c..end, end + side * c);
            self.samples.copy_within(first..first + c, first + stride - (side + 1) * c);
        }
        if y + 1 == self.height {
            // The next picture takes the sample below as a neighbour in time, in its last row, too.
            let start = first - SIDE * c;
            self.samples.copy_within(start..start + stride, start + stride);
        }
    }
}
