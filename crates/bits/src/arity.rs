//! The arity code: how many blocks a seed stands for, or that a literal follows. Most significant bit first.
//!
//! A toggle `0` is arity 1. After `1`, windows of two bits: `11` goes on, adding 3; `00`, `01` and `10`
//! end. The first window `00` is the mark of a literal, so that arity 2 begins at `1 01`.

use lab_codec::{Error, Result};

use crate::msb::{BitReader, BitWriter};

/// The largest arity.
pub const MAX: u8 = 64;

/// The number of bits of a literal's mark.
pub const LITERAL_LEN: u32 = 3;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A seed that stands for this many blocks, 1 to [`MAX`].
    Seed(u8),
    /// Blocks as they are.
    Literal,
}

/// Appends a kind. The arity of a seed is 1 to [`MAX`].
pub fn write(out: &mut BitWriter, kind: Kind) {
    match kind {
        Kind::Literal => out.write(0b100, 3),
        Kind::Seed(1) => out.write(0, 1),
        Kind::Seed(arity) => {
            debug_assert!((2..=MAX).contains(&arity));
            let value = arity - 1;
            out.write(1, 1);
            for _ in 0..value / 3 {
                out.write(0b11, 2);
            }
            out.write(u64::from(value % 3), 2);
        }
    }
}

/// The number of bits of the code of a seed's arity.
pub const fn len(arity: u8) -> u32 {
    if arity <= 1 { 1 } else { 3 + 2 * ((arity as u32 - 1) / 3) }
}

/// Takes a kind.
///
/// # Errors
/// [`Truncated`](lab_codec::ErrorKind::Truncated) where the data ends inside it,
/// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where the arity exceeds [`MAX`].
pub fn read(input: &mut BitReader) -> Result<Kind> {
    if input.read(1)? == 0 {
        return Ok(Kind::Seed(1));
    }
    let mut value = 0;
    loop {
        let window = input.read(2)? as u8;
        if window == 0 && value == 0 {
            return Ok(Kind::Literal);
        }
        value += window;
        if value >= MAX {
            return Err(Error::corrupt(format!("an arity exceeds {MAX}")));
        }
        if window != 0b11 {
            return Ok(Kind::Seed(value + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(kind: Kind) -> String {
        let mut writer = BitWriter::default();
        write(&mut writer, kind);
        let length = writer.bit_len() as usize;
        let text: String = writer.finish().iter().map(|byte| format!("{byte:08b}")).collect();
        text[..length].to_string()
    }

    fn all() -> impl Iterator<Item = Kind> {
        (1..=MAX).map(Kind::Seed).chain([Kind::Literal])
    }

    #[test]
    fn the_vectors_of_the_format() {
        for (arity, code) in
            [(1, "0"), (2, "101"), (3, "110"), (4, "11100"), (5, "11101"), (6, "11110"), (7, "1111100")]
        {
            assert_eq!(bits(Kind::Seed(arity)), code);
        }
        assert_eq!(bits(Kind::Literal), "100");
        assert_eq!(bits(Kind::Seed(64)), format!("1{}00", "11".repeat(21)));
    }

    #[test]
    fn every_kind_comes_back_and_no_code_begins_another() {
        let mut codes = Vec::new();
        for kind in all() {
            let mut writer = BitWriter::default();
            write(&mut writer, kind);
            let length = if let Kind::Seed(arity) = kind { len(arity) } else { LITERAL_LEN };
            assert_eq!(writer.bit_len(), u64::from(length), "{kind:?}");
            writer.write(0b10, 2);
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes);
            assert_eq!(read(&mut reader).unwrap(), kind);
            assert_eq!(reader.position(), u64::from(length));
            codes.push(bits(kind));
        }
        codes.sort();
        assert!(codes.windows(2).all(|pair| !pair[1].starts_with(&pair[0])));
    }

    /// Every string of 16 bits is the one code of what it reads as, is longer, or ends too early.
    #[test]
    fn what_is_read_is_the_only_form() {
        for string in 0..=u16::MAX {
            let bytes = string.to_be_bytes();
            let mut reader = BitReader::new(&bytes);
            match read(&mut reader) {
                Ok(kind) => assert_eq!(bits(kind), format!("{string:016b}")[..reader.position() as usize]),
                Err(_) => assert!(string >= 0b1111_1111_1111_1110, "{string:016b}"),
            }
        }
    }

    #[test]
    fn hostile_forms_are_refused() {
        // Arity 65 is 1, then 21 windows 11, then 01: one more than is allowed.
        for bad in [&[][..], &[0xFF; 100], &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0b1110_1000]] {
            assert!(read(&mut BitReader::new(bad)).is_err(), "{bad:x?}");
        }
    }
}
