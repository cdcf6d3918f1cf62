//! Information content of each decoded decision. The empty meter `()` compiles to nothing.

use std::cell::Cell;

/// Receives each decision of a decoder.
pub trait Meter {
    /// A decision of probability `freq / 2^bits`; `freq` is at least 1, and at most `2^bits` in a sound
    /// stream.
    fn decided(&mut self, freq: u32, bits: u32);
}

/// Counts nothing.
impl Meter for () {
    #[inline(always)]
    fn decided(&mut self, _: u32, _: u32) {}
}

/// Sum of -log2 of the probabilities (Shannon 1948, section 6) since the last [`take`](Self::take), in bits.
/// The cell lets the caller read it while a decoder holds a reference.
#[derive(Debug, Default)]
pub struct Bits(Cell<f64>);

impl Bits {
    /// Adds bits that were stored outside the entropy coder.
    pub fn add(&self, bits: f64) {
        self.0.set(self.0.get() + bits);
    }

    /// Returns the bits since the last call, and starts from 0.
    pub fn take(&self) -> f64 {
        self.0.take()
    }
}

impl Meter for &Bits {
    #[inline]
    fn decided(&mut self, freq: u32, bits: u32) {
        self.add(f64::from(bits) - f64::from(freq.max(1)).log2());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{range, rans};

    #[test]
    fn decisions_cost_what_their_probability_says() {
        let mut encoder = rans::Encoder::new(Vec::new());
        encoder.interval(0, 1 << 14, 16);
        encoder.raw(5, 20);
        encoder.uniform(9, 4096);
        let bytes = encoder.finish();
        let bits = Bits::default();
        let mut decoder = rans::Decoder::metered(&bytes, &bits);
        decoder.point(16);
        decoder.take(0, 1 << 14, 16);
        assert_eq!(bits.take(), 2.0);
        assert_eq!((decoder.raw(20), bits.take()), (5, 20.0));
        assert_eq!((decoder.uniform(4096), bits.take()), (9, 12.0));
        assert_eq!(bits.take(), 0.0);

        let mut encoder = range::Encoder::new(Vec::new());
        encoder.bit(true, 1 << 13);
        encoder.bit(false, 1 << 15);
        let bytes = encoder.finish();
        let mut decoder = range::Decoder::metered(&bytes, &bits);
        assert_eq!((decoder.bit(1 << 13), bits.take()), (true, 3.0));
        assert_eq!((decoder.bit(1 << 15), bits.take()), (false, 1.0));
    }
}
