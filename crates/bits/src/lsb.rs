//! Bits packed least significant first: the first bit of a stream is the lowest of its first byte.

/// Appends bits to bytes.
#[derive(Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    /// Bits that do not fill a byte yet, in the low end.
    pending: u64,
    /// How many: 0..=7 between calls.
    count: u32,
}

impl BitWriter {
    /// Appends the low `bits` bits of `value`, 32 at most; the others must be zero.
    #[inline]
    pub fn write(&mut self, value: u32, bits: u32) {
        debug_assert!(bits <= 32 && u64::from(value) >> bits == 0);
        self.pending |= u64::from(value) << self.count;
        self.count += bits;
        while self.count >= 8 {
            self.bytes.push(self.pending as u8);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    /// The bytes; the last one is filled with zeros.
    pub fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.bytes.push(self.pending as u8);
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bit_is_the_lowest() {
        let mut writer = BitWriter::default();
        for (value, bits) in [(1, 1), (0, 0), (0b10, 2), (u32::MAX, 32), (0, 3), (1, 1)] {
            writer.write(value, bits);
        }
        // 1, 01, 32 ones, 000, 1: from the low end up.
        assert_eq!(writer.finish(), [0b1111_1101, 0xFF, 0xFF, 0xFF, 0b0100_0111]);
        assert!(BitWriter::default().finish().is_empty());
    }
}
