//! A picture of 8-bit 4:2:0 samples.

/// Luma and chroma samples in raster order, 8 bits, limited range (16 is black, 235 white, 128 no colour). The
/// chroma planes have half the width and half the height, rounded up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Luma samples in a row.
    pub width: usize,
    /// Rows of luma samples.
    pub height: usize,
    /// `width * height` samples.
    pub luma: Vec<u8>,
    /// Cb and Cr.
    pub chroma: [Vec<u8>; 2],
}

impl Picture {
    /// A grey picture: all samples are 128.
    pub fn grey(width: usize, height: usize) -> Self {
        let chroma = width.div_ceil(2) * height.div_ceil(2);
        Self {
            width,
            height,
            luma: vec![128; width * height],
            chroma: [vec![128; chroma], vec![128; chroma]],
        }
    }

    /// The samples of all planes, one after the other, as `yuv420p` raw video has them.
    pub fn planes(&self) -> [&[u8]; 3] {
        [&self.luma, &self.chroma[0], &self.chroma[1]]
    }
}
