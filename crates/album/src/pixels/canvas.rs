//! Samples of one picture with a margin around them, so that every sample has its neighbours.

use super::Shape;

/// Pixels left and right of a row.
const SIDE: usize = 2;
/// Rows above the picture; one is below it.
const ABOVE: usize = 2;

/// A picture: samples of up to 16 bits, interleaved, with a margin.
#[derive(Debug, Clone)]
pub struct Canvas {
    width: usize,
    height: usize,
    channels: usize,
    samples: Vec<u16>,
}

impl Canvas {
    /// A canvas of zeros.
    pub fn new(shape: Shape) -> Self {
        let (width, height, channels) = (shape.width as usize, shape.height as usize, shape.channels.into());
        Self { width, height, channels, samples: vec![0; Self::length(shape)] }
    }

    /// Samples with margins.
    pub fn length(shape: Shape) -> usize {
        (shape.width as usize + 2 * SIDE) * (shape.height as usize + ABOVE + 1) * usize::from(shape.channels)
    }

    /// A picture of little-endian samples, row after row; `bytes` has the length that `shape` says.
    pub fn from_bytes(shape: Shape, bytes: &[u8]) -> Self {
        let mut canvas = Self::new(shape);
        let row_samples = canvas.width * canvas.channels;
        let row_bytes = row_samples * shape.sample_bytes();
        for (y, row) in bytes.chunks_exact(row_bytes).take(canvas.height).enumerate() {
            let at = canvas.place(0, y);
            let target = &mut canvas.samples[at..at + row_samples];
            if shape.sample_bytes() == 1 {
                target.iter_mut().zip(row).for_each(|(sample, byte)| *sample = (*byte).into());
            } else {
                target
                    .iter_mut()
                    .zip(row.as_chunks::<2>().0)
                    .for_each(|(sample, bytes)| *sample = u16::from_le_bytes(*bytes));
            }
            canvas.finish_row(y);
        }
        canvas
    }

    /// Appends the samples of the picture to `out`, as [`from_bytes`](Self::from_bytes) takes them.
    pub fn append_to(&self, shape: Shape, out: &mut Vec<u8>) {
        for y in 0..self.height {
            let at = self.place(0, y);
            let row = &self.samples[at..at + self.width * self.channels];
            if shape.sample_bytes() == 1 {
                out.extend(row.iter().map(|sample| *sample as u8));
            } else {
                out.extend(row.iter().flat_map(|sample| sample.to_le_bytes()));
            }
        }
    }

    /// Where the first sample of a pixel is.
    pub fn place(&self, x: usize, y: usize) -> usize {
        ((y + ABOVE) * (self.width + 2 * SIDE) + x + SIDE) * self.channels
    }

    /// How far apart a sample and the one below it are.
    pub fn stride(&self) -> usize {
        (self.width + 2 * SIDE) * self.channels
    }

    /// All samples with their margins.
    pub fn samples(&self) -> &[u16] {
        &self.samples
    }

    /// All samples with their margins.
    pub fn samples_mut(&mut self) -> &mut [u16] {
        &mut self.samples
    }

    /// Fills the margin right of row `y` with its last pixel, and the one left of the row below with its first: both
    /// are known when the row below is decoded.
    pub fn finish_row(&mut self, y: usize) {
        let (c, stride) = (self.channels, self.stride());
        let (first, end) = (self.place(0, y), self.place(self.width, y));
        for side in 0..SIDE {
            self.samples.copy_within(end - c..end, end + side * c);
            self.samples.copy_within(first..first + c, first + stride - (side + 1) * c);
        }
        if y + 1 == self.height {
            // The row below the picture is a neighbour for the one that is coded by this one.
            let start = first - SIDE * c;
            self.samples.copy_within(start..start + stride, start + stride);
        }
    }
}
