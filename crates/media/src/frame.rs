//! One picture.

use crate::Shape;

/// A picture: its samples, plane after plane, as [`Shape`] and [`PixelFormat`](crate::PixelFormat) say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    shape: Shape,
    data: Vec<u8>,
}

impl Frame {
    /// A frame of zeros: black, or green where the samples are Y, Cb and Cr.
    pub fn new(shape: Shape) -> Self {
        Self { shape, data: vec![0; shape.bytes()] }
    }

    /// A frame of given samples; `None` where their number is not that of the shape.
    pub fn from_data(shape: Shape, data: Vec<u8>) -> Option<Self> {
        (data.len() == shape.bytes()).then_some(Self { shape, data })
    }

    /// Size and format.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Gives the frame another shape; what it shows is undefined then.
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

    /// Exchanges the samples with another buffer of the same length; whether that was so.
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
