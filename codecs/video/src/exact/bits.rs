//! Bit strings of H.264: Exp-Golomb codes (9.1), trailing bits (7.3.2.11), emulation prevention (7.4.1.1).

/// Writes bits, most significant first.
#[derive(Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    /// Bits of the last byte that are taken; 0 stands for none, the string is aligned.
    used: u32,
}

impl BitWriter {
    /// Appends the low `count` bits of `value`, `count` at most 32.
    pub fn bits(&mut self, value: u32, count: u32) {
        for i in (0..count).rev() {
            let bit = (value >> i & 1) as u8;
            match self.bytes.last_mut() {
                Some(last) if self.used != 0 => *last |= bit << (7 - self.used),
                _ => self.bytes.push(bit << 7),
            }
            self.used = (self.used + 1) % 8;
        }
    }

    /// Appends `ue(v)`: as many zeros as `value + 1` has bits after its first, then `value + 1`.
    /// `value` is below `u32::MAX`.
    pub fn ue(&mut self, value: u32) {
        let code = value + 1;
        let length = 32 - code.leading_zeros();
        self.bits(0, length - 1);
        self.bits(code, length);
    }

    /// Appends zeros up to the next byte.
    pub fn align(&mut self) {
        self.used = 0;
    }

    /// Appends `rbsp_trailing_bits`: a one, then zeros up to the next byte.
    pub fn trailing(&mut self) {
        self.bits(1, 1);
        self.align();
    }

    /// The bytes; the last one is filled up with zeros.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads bits, most significant first.
#[derive(Debug, Clone)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BitReader<'a> {
    /// Reads from the first bit of `bytes` on.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// The next `count` bits, `count` at most 32; `None` past the end.
    pub fn bits(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.position / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.position % 8) & 1);
            self.position += 1;
        }
        Some(value)
    }

    /// The next `ue(v)` of at most 16 bits after the first one; `None` where it is longer or ends early.
    pub fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.bits(1)? == 0 {
            zeros += 1;
            if zeros > 16 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.bits(zeros)?)
    }

    /// Skips to the next byte; `None` where a skipped bit is not zero.
    pub fn align(&mut self) -> Option<()> {
        while !self.position.is_multiple_of(8) {
            if self.bits(1)? != 0 {
                return None;
            }
        }
        Some(())
    }

    /// The number of whole bytes before the current position.
    pub fn byte_position(&self) -> usize {
        self.position.div_ceil(8)
    }
}

/// Appends `raw` to `out` with a byte 3 before every byte up to 3 that follows two zeros (7.4.1.1).
/// The zeros before the start are none.
pub fn escape(raw: &[u8], out: &mut Vec<u8>) {
    let mut zeros = 0;
    for &byte in raw {
        if zeros == 2 && byte <= 3 {
            out.push(3);
            zeros = 0;
        }
        out.push(byte);
        zeros = if byte == 0 { zeros + 1 } else { 0 };
    }
}

/// Copies `coded` to `out` without the emulation prevention bytes until either ends; returns the bytes taken
/// and the bytes given. The zeros before the start are none.
pub fn unescape(coded: &[u8], out: &mut [u8]) -> (usize, usize) {
    let (mut zeros, mut given) = (0, 0);
    for (i, &byte) in coded.iter().enumerate() {
        if given == out.len() {
            return (i, given);
        }
        if zeros == 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        out[given] = byte;
        given += 1;
        zeros = if byte == 0 { (zeros + 1).min(2) } else { 0 };
    }
    (coded.len(), given)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exp_golomb_codes_of_table_9_2() {
        for (value, text) in
            [(0, "1"), (1, "010"), (2, "011"), (3, "00100"), (7, "0001000"), (25, "000011010")]
        {
            let mut writer = BitWriter::default();
            writer.ue(value);
            let length = text.len() as u32;
            let mut reader = BitReader { bytes: &writer.into_bytes(), position: 0 };
            assert_eq!(reader.clone().ue(), Some(value));
            assert_eq!(reader.bits(length), u32::from_str_radix(text, 2).ok(), "ue({value})");
        }
        assert_eq!(BitReader::new(&[0; 9]).ue(), None);
        assert_eq!(BitReader::new(&[]).ue(), None);
    }

    #[test]
    fn emulation_prevention() {
        let mut out = Vec::new();
        escape(&[0, 0, 0, 0, 0, 1, 0, 0, 4, 0, 0, 3, 0, 0], &mut out);
        assert_eq!(out, [0, 0, 3, 0, 0, 3, 0, 1, 0, 0, 4, 0, 0, 3, 3, 0, 0]);
    }

    proptest! {
        #[test]
        fn escaped_bytes_have_no_start_code_and_return(raw in prop::collection::vec(0u8..5, 0..200)) {
            let mut coded = Vec::new();
            escape(&raw, &mut coded);
            prop_assert!(coded.windows(3).all(|w| w[0] != 0 || w[1] != 0 || w[2] > 2));
            let mut back = vec![0; raw.len()];
            let (taken, given) = unescape(&coded, &mut back);
            prop_assert_eq!((taken, given), (coded.len(), raw.len()));
            prop_assert_eq!(back, raw);
        }
    }
}
