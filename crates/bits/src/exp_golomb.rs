//! Exp-Golomb codes of order 0, `ue(v)` of H.264 (9.1): n zeros, then the n + 1 bits of `value + 1`.

use lab_codec::{Error, Result};

use crate::msb::{BitReader, BitWriter};

/// Zeros before the first one that [`read`] accepts: no header field of H.264 has a longer code.
const MAX_ZEROS: u32 = 16;

/// Appends `value`.
pub fn write(out: &mut BitWriter, value: u32) {
    let code = u64::from(value) + 1;
    // Apart, since the longest code has 65 bits.
    out.write(0, code.ilog2());
    out.write(code, code.ilog2() + 1);
}

/// Takes a value of at most 16 bits behind its first one.
///
/// # Errors
/// [`Truncated`](lab_codec::ErrorKind::Truncated) where the data end inside the code,
/// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where it is longer.
pub fn read(input: &mut BitReader) -> Result<u32> {
    let mut zeros = 0;
    while input.read(1)? == 0 {
        zeros += 1;
        if zeros > MAX_ZEROS {
            return Err(Error::corrupt(format!("an Exp-Golomb code of more than {MAX_ZEROS} zeros")));
        }
    }
    Ok((1 << zeros) - 1 + input.read(zeros)? as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_table_9_2() {
        for (value, text) in
            [(0, "1"), (1, "010"), (2, "011"), (3, "00100"), (7, "0001000"), (25, "000011010")]
        {
            let mut writer = BitWriter::default();
            write(&mut writer, value);
            assert_eq!(writer.bit_len(), text.len() as u64, "{value}");
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes);
            assert_eq!(read(&mut reader.clone()).unwrap(), value);
            let code = reader.read(text.len() as u32).unwrap();
            assert_eq!(code, u64::from_str_radix(text, 2).unwrap(), "{value}");
        }
        assert!(read(&mut BitReader::new(&[0; 9])).is_err());
        assert!(read(&mut BitReader::new(&[])).is_err());
    }

    #[test]
    fn the_largest_codes() {
        for (value, readable) in [(0x1_FFFE, true), (0x1_FFFF, false), (u32::MAX, false)] {
            let mut writer = BitWriter::default();
            write(&mut writer, value);
            assert_eq!(read(&mut BitReader::new(&writer.finish())).ok(), readable.then_some(value));
        }
    }
}
