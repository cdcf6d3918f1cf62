//! EVQL, a prefix code for whole numbers: N ones, a zero, then 2^N payload bits, N minimal. Most
//! significant bit first.
//!
//! | values | bits |
//! |---|--:|
//! | 0..2 | 2 |
//! | 2..4 | 4 |
//! | 4..16 | 7 |
//! | 16..256 | 12 |
//! | 256..65,536 | 21 |
//! | 65,536..2^32 | 38 |
//! | 2^32..2^64 | 71 |

use lab_codec::{Error, Result};

use crate::msb::{BitReader, BitWriter};

/// The largest N: 64 payload bits.
pub const MAX_ONES: u32 = 6;

/// The smallest N whose 2^N bits hold `value`.
const fn ones(value: u64) -> u32 {
    let width = 64 - (value | 1).leading_zeros();
    width.next_power_of_two().trailing_zeros()
}

/// Appends `value`.
pub fn write(out: &mut BitWriter, value: u64) {
    let ones = ones(value);
    out.write((1 << (ones + 1)) - 2, ones + 1);
    out.write(value, 1 << ones);
}

/// The number of bits that [`write()`] appends.
pub const fn len(value: u64) -> u32 {
    let ones = ones(value);
    ones + 1 + (1 << ones)
}

/// Takes a value.
///
/// # Errors
/// [`Truncated`](lab_codec::ErrorKind::Truncated) where the data ends inside it,
/// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where N exceeds 6 or is not minimal.
pub fn read(input: &mut BitReader) -> Result<u64> {
    let mut count = 0;
    while input.read(1)? == 1 {
        count += 1;
        if count > MAX_ONES {
            return Err(Error::corrupt("a number (EVQL) begins with more than 6 ones"));
        }
    }
    let value = input.read(1 << count)?;
    if ones(value) != count {
        return Err(Error::corrupt("a number (EVQL) is not in its shortest form"));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bits(value: u64) -> String {
        let mut writer = BitWriter::default();
        write(&mut writer, value);
        let length = writer.bit_len() as usize;
        let text: String = writer.finish().iter().map(|byte| format!("{byte:08b}")).collect();
        text[..length].to_string()
    }

    #[test]
    fn the_vectors_of_the_format() {
        for (value, code) in [
            (0, "00"),
            (1, "01"),
            (2, "1010"),
            (3, "1011"),
            (4, "1100100"),
            (255, "111011111111"),
            (256, "111100000000100000000"),
        ] {
            assert_eq!(bits(value), code, "{value}");
        }
        assert_eq!(bits(u64::MAX), format!("1111110{}", "1".repeat(64)));
    }

    /// Every value of the short classes, and the edges of the others: the right length, and back.
    #[test]
    fn all_of_the_short_classes() {
        let edges = [1 << 32, u64::MAX].into_iter().flat_map(|e: u64| [e - 1, e, e.wrapping_add(1)]);
        for value in (0..=70_000).chain(edges) {
            let mut writer = BitWriter::default();
            write(&mut writer, value);
            assert_eq!(writer.bit_len(), u64::from(len(value)), "{value}");
            writer.write(0b101, 3);
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes);
            assert_eq!(read(&mut reader).unwrap(), value);
            assert_eq!(reader.read(3).unwrap(), 0b101);
        }
    }

    /// No code is the beginning of another one. Sorted texts would have them side by side.
    #[test]
    fn prefix_free() {
        let mut codes: Vec<String> = (0..3000).chain([65_535, 65_536, u64::MAX]).map(bits).collect();
        codes.sort();
        assert!(codes.windows(2).all(|pair| !pair[1].starts_with(&pair[0])));
    }

    /// Every string of 16 bits either is refused, or begins with the one code of what it reads as.
    #[test]
    fn what_is_read_is_minimal() {
        let mut codes = 0;
        for string in 0..=u16::MAX {
            let bytes = string.to_be_bytes();
            let mut reader = BitReader::new(&bytes);
            if let Ok(value) = read(&mut reader) {
                let text = format!("{string:016b}");
                assert_eq!(bits(value), text[..reader.position() as usize]);
                codes += 1;
            }
        }
        // 2^15 for N = 0, 2 values of 4 bits, 12 of 7, 240 of 12.
        assert_eq!(codes, (2 << 14) + (2 << 12) + (12 << 9) + (240 << 4));
    }

    proptest! {
        #[test]
        fn round_trip(value in any::<u64>(), shift in 0..64_u32) {
            let value = value >> shift;
            let mut writer = BitWriter::default();
            write(&mut writer, value);
            prop_assert_eq!(writer.bit_len(), u64::from(len(value)));
            prop_assert_eq!(read(&mut BitReader::new(&writer.finish())).unwrap(), value);
        }
    }

    #[test]
    fn hostile_forms_are_refused() {
        for bad in [&[][..], &[0xFF; 20], &[0b1111_1110; 20], &[0b1000_0000], &[0b1100_0110], &[0b1110_0000]]
        {
            assert!(read(&mut BitReader::new(bad)).is_err(), "{bad:x?}");
        }
    }
}
