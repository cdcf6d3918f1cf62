//! A frame of samples.

use crate::Shape;

/// A picture: its samples, plane after plane, in the layout of its [`Shape`] and
/// [`PixelFormat`](crate::PixelFormat).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    shape: Shape,
    data: Vec<u8>,
}

impl Frame {
    /// A frame of zeros: black, or green for Y, Cb and Cr.
    pub fn new(shape: Shape) -> Self {
        Self { shape, data: vec![0; shape.bytes()] }
    }

    /// A frame of given samples; `None` if their number does not match the shape.
    pub fn from_data(shape: Shape, data: Vec<u8>) -> Option<Self> {
        (data.len() == shape.bytes()).then_some(Self { shape, data })
    }

    /// Size and format.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Changes the shape; the samples are undefined afterwards.
    pub fn reshape(&mut self, shape: Shape) {
        self.shape = shape;
        self.data.resize(shape.bytes(), 0);
    }

    /// All samples.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// All samples.
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// The buffer.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// Swaps the samples with another buffer; `false`, without a swap, if its length differs.
    pub(crate) fn swap(&mut self, data: &mut Vec<u8>) -> bool {
        let same = data.len() == self.data.len();
        if same {
            std::mem::swap(&mut self.data, data);
        }
        same
    }

    /// The samples of plane `plane`.
    pub fn plane(&self, plane: usize) -> &[u8] {
        &self.data[self.shape.plane_range(plane)]
    }

    /// The samples of plane `plane`.
    pub fn plane_mut(&mut self, plane: usize) -> &mut [u8] {
        &mut self.data[self.shape.plane_range(plane)]
    }

    /// Fills plane `plane` with `sample`, in formats of 8 bits.
    pub fn fill(&mut self, plane: usize, sample: u8) {
        self.plane_mut(plane).fill(sample);
    }
}
