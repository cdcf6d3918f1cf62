//! LEB128 varints in minimal form: seven bits a byte, least significant first, the high bit set on all but
//! the last. A value has exactly one encoding; a longer one is refused.

use lab_codec::{Error, Result};

/// The most bytes that a varint takes.
pub const MAX_LEN: usize = 10;

/// Appends `value` to `out`.
pub fn write(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The number of bytes that [`write()`] appends.
pub fn len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Takes a varint from the front of `input`.
///
/// # Errors
/// [`Truncated`](lab_codec::ErrorKind::Truncated) where `input` ends inside it,
/// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where it is not minimal or exceeds 64 bits.
pub fn read(input: &mut &[u8]) -> Result<u64> {
    let mut value = 0u64;
    for (i, &byte) in input.iter().enumerate().take(MAX_LEN) {
        if i == MAX_LEN - 1 && byte > 1 {
            return Err(Error::corrupt("a varint exceeds 64 bits"));
        }
        value |= u64::from(byte & 0x7F) << (7 * i);
        if byte < 0x80 {
            if byte == 0 && i > 0 {
                return Err(Error::corrupt("a varint is not in minimal form"));
            }
            *input = &input[i + 1..];
            return Ok(value);
        }
    }
    Err(Error::truncated("the data ends inside a varint"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trip(value in any::<u64>(), shift in 0u32..64) {
            let value = value >> shift;
            let mut bytes = Vec::new();
            write(&mut bytes, value);
            prop_assert_eq!(bytes.len(), len(value));
            bytes.push(0xAA);
            let mut rest = &bytes[..];
            prop_assert_eq!(read(&mut rest).unwrap(), value);
            prop_assert_eq!(rest, &[0xAA]);
        }

        #[test]
        fn what_is_read_is_minimal(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let mut rest = &bytes[..];
            if let Ok(value) = read(&mut rest) {
                let mut again = Vec::new();
                write(&mut again, value);
                prop_assert_eq!(&again[..], &bytes[..bytes.len() - rest.len()]);
            }
        }
    }

    #[test]
    fn hostile_forms_are_refused() {
        for bad in [&[][..], &[0x80], &[0x80, 0x00], &[0xFF; 10], &[0xFF; 11]] {
            assert!(read(&mut &bad[..]).is_err(), "{bad:x?}");
        }
    }
}
