//! Bits packed most significant first: the first bit of a stream is the highest of its first byte.

use lab_codec::{Error, Result};

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
    /// Continues behind whole `bytes`.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, pending: 0, count: 0 }
    }

    /// Appends the low `bits` bits of `value`, 64 at most; the others must be zero.
    pub fn write(&mut self, value: u64, bits: u32) {
        debug_assert!(bits <= 64 && (bits == 64 || value >> bits == 0));
        if bits > 32 {
            self.write(value >> 32, bits - 32);
            return self.write(value & 0xFFFF_FFFF, 32);
        }
        self.pending = self.pending << bits | value;
        self.count += bits;
        while self.count >= 8 {
            self.count -= 8;
            self.bytes.push((self.pending >> self.count) as u8);
        }
        self.pending &= (1 << self.count) - 1;
    }

    /// Appends whole bytes, aligned or not.
    pub fn write_bytes(&mut self, bytes: &[u8]) {
        if self.count == 0 {
            return self.bytes.extend_from_slice(bytes);
        }
        let (words, rest) = bytes.as_chunks::<8>();
        self.bytes.reserve(bytes.len() + 8);
        for word in words {
            let word = u64::from_be_bytes(*word);
            let joined = self.pending << (64 - self.count) | word >> self.count;
            self.bytes.extend_from_slice(&joined.to_be_bytes());
            self.pending = word & ((1 << self.count) - 1);
        }
        for byte in rest {
            self.write(u64::from(*byte), 8);
        }
    }

    /// Fills the last byte with zeros.
    pub fn align(&mut self) {
        if self.count > 0 {
            self.write(0, 8 - self.count);
        }
    }

    /// The number of bits so far, those before the start included.
    pub fn bit_len(&self) -> u64 {
        self.bytes.len() as u64 * 8 + u64::from(self.count)
    }

    /// The bytes; the last one is filled with zeros.
    pub fn finish(mut self) -> Vec<u8> {
        self.align();
        self.bytes
    }
}

/// Takes bits from the front of bytes.
#[derive(Debug, Clone)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits taken.
    position: u64,
}

impl<'a> BitReader<'a> {
    /// Begins at the first bit of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Takes `bits` bits, 64 at most.
    ///
    /// # Errors
    /// [`Truncated`](lab_codec::ErrorKind::Truncated) where fewer are left.
    pub fn read(&mut self, bits: u32) -> Result<u64> {
        debug_assert!(bits <= 64);
        if u64::from(bits) > self.bits_left() {
            return Err(truncated());
        }
        if bits == 0 {
            return Ok(0);
        }
        let (at, skip) = self.place();
        // 64 bits that begin anywhere in a byte lie in nine.
        let mut window = [0; 16];
        let near = &self.bytes[at..self.bytes.len().min(at + 9)];
        window[..near.len()].copy_from_slice(near);
        self.position += u64::from(bits);
        Ok((u128::from_be_bytes(window) << skip >> (128 - bits)) as u64)
    }

    /// Takes `length` whole bytes and appends them to `out`.
    ///
    /// # Errors
    /// [`Truncated`](lab_codec::ErrorKind::Truncated) where fewer are left.
    pub fn read_bytes(&mut self, length: usize, out: &mut Vec<u8>) -> Result<()> {
        self.check_bytes(length)?;
        let (at, skip) = self.place();
        self.position += length as u64 * 8;
        if skip == 0 {
            out.extend_from_slice(&self.bytes[at..at + length]);
            return Ok(());
        }
        out.reserve(length);
        let (words, rest) = self.bytes[at..at + length].as_chunks::<8>();
        for (i, word) in words.iter().enumerate() {
            // The byte behind the word is there: the run ends in it, or behind it.
            let next = u64::from(self.bytes[at + 8 * i + 8]);
            let joined = u64::from_be_bytes(*word) << skip | next >> (8 - skip);
            out.extend_from_slice(&joined.to_be_bytes());
        }
        let from = at + words.len() * 8;
        for i in from..from + rest.len() {
            out.push(self.bytes[i] << skip | self.bytes[i + 1] >> (8 - skip));
        }
        Ok(())
    }

    /// Fails unless `length` whole bytes are left.
    ///
    /// # Errors
    /// [`Truncated`](lab_codec::ErrorKind::Truncated).
    pub fn check_bytes(&self, length: usize) -> Result<()> {
        if length as u64 > self.bits_left() / 8 { Err(truncated()) } else { Ok(()) }
    }

    /// Goes to the next whole byte.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where a bit that is passed over is set.
    pub fn align(&mut self) -> Result<()> {
        let padding = (8 - self.position % 8) % 8;
        if self.read(padding as u32)? != 0 {
            return Err(Error::corrupt(format!("padding before byte {} is not zero", self.position / 8)));
        }
        Ok(())
    }

    /// The number of bits taken.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The number of bits that are left.
    pub fn bits_left(&self) -> u64 {
        self.bytes.len() as u64 * 8 - self.position
    }

    fn place(&self) -> (usize, u32) {
        ((self.position / 8) as usize, (self.position % 8) as u32)
    }
}

fn truncated() -> Error {
    Error::truncated("the data ends inside a bit string")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitvec::{field::BitField, order::Msb0, vec::BitVec};
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Piece {
        Bits(u64, u32),
        Bytes(Vec<u8>),
        Align,
    }

    fn piece() -> impl Strategy<Value = Piece> {
        prop_oneof![
            (any::<u64>(), 0..=64_u32)
                .prop_map(|(v, n)| Piece::Bits(if n == 0 { 0 } else { v >> (64 - n) }, n)),
            proptest::collection::vec(any::<u8>(), 0..40).prop_map(Piece::Bytes),
            Just(Piece::Align),
        ]
    }

    proptest! {
        /// What is written is what a bit vector holds, and comes back piece by piece.
        #[test]
        fn pieces_come_back(pieces in proptest::collection::vec(piece(), 0..30)) {
            let (mut writer, mut oracle) = (BitWriter::default(), BitVec::<u8, Msb0>::new());
            for piece in &pieces {
                match piece {
                    Piece::Bits(value, bits) => {
                        writer.write(*value, *bits);
                        oracle.extend((0..*bits).rev().map(|i| value >> i & 1 == 1));
                    }
                    Piece::Bytes(bytes) => {
                        writer.write_bytes(bytes);
                        oracle.extend_from_bitslice(bitvec::slice::BitSlice::<u8, Msb0>::from_slice(bytes));
                    }
                    Piece::Align => {
                        writer.align();
                        oracle.resize(oracle.len().next_multiple_of(8), false);
                    }
                }
                prop_assert_eq!(writer.bit_len(), oracle.len() as u64);
            }
            let bits = oracle.len();
            oracle.resize(bits.next_multiple_of(8), false);
            let bytes = writer.finish();
            prop_assert_eq!(&bytes, oracle.as_raw_slice());
            let mut reader = BitReader::new(&bytes);
            for piece in &pieces {
                match piece {
                    Piece::Bits(value, bits) => prop_assert_eq!(reader.read(*bits).unwrap(), *value),
                    Piece::Bytes(bytes) => {
                        let mut out = vec![1];
                        reader.read_bytes(bytes.len(), &mut out).unwrap();
                        prop_assert_eq!(&out[1..], &bytes[..]);
                    }
                    Piece::Align => reader.align().unwrap(),
                }
            }
            prop_assert_eq!(reader.position(), bits as u64);
            prop_assert!(reader.bits_left() < 8);
        }

        #[test]
        fn any_window_reads_as_a_bit_vector_does(bytes in proptest::collection::vec(any::<u8>(), 0..20),
                                                 skip in 0..80_u32, bits in 0..=64_u32) {
            let mut reader = BitReader::new(&bytes);
            let there = reader.read(skip.min(64)).and_then(|_| reader.read(skip - skip.min(64)));
            let read = there.and_then(|_| reader.read(bits));
            let (from, to) = (skip as usize, (skip + bits) as usize);
            if to > bytes.len() * 8 {
                prop_assert!(read.is_err());
            } else {
                let oracle = BitVec::<u8, Msb0>::from_vec(bytes);
                let expected = if bits == 0 { 0 } else { oracle[from..to].load_be::<u64>() };
                prop_assert_eq!(read.unwrap(), expected);
            }
        }
    }

    #[test]
    fn ends_and_padding_are_checked() {
        let mut reader = BitReader::new(&[0b1010_0000, 0b0000_0001]);
        assert_eq!(reader.read(3).unwrap(), 0b101);
        assert!(reader.read_bytes(2, &mut Vec::new()).is_err());
        reader.align().unwrap();
        assert_eq!(reader.read(1).unwrap(), 0);
        assert!(reader.align().is_err());
        assert!(BitReader::new(&[]).read(1).is_err());
        assert!(BitReader::new(&[]).check_bytes(usize::MAX).is_err());
    }
}
