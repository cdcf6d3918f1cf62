//! The frame header (RFC 8878, section 3.1.1.1), read before memory is allocated for the frame.

use lab_codec::{Error, Result};

const MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();
/// Maximum block size, for any window (RFC 8878, section 3.1.1.2.4).
pub(crate) const MAX_BLOCK: u64 = 128 << 10;

/// The fields that sizes and memory depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Bytes that a decoder must keep to resolve matches.
    pub window: u64,
    /// Content size, if the frame has that field.
    pub content: Option<u64>,
    /// Size of the header, magic number included.
    pub length: usize,
}

impl Header {
    /// Reads the header that `input` begins with.
    ///
    /// # Errors
    /// Truncated; corrupt (another magic number, a reserved bit); unsupported (a dictionary is needed).
    pub(crate) fn read(input: &[u8]) -> Result<Self> {
        let known = input.len().min(MAGIC.len());
        if input[..known] != MAGIC[..known] {
            return Err(Error::corrupt("not a zstd frame: it begins with another magic number"));
        }
        let mut rest = Fields { input, at: MAGIC.len() };
        let descriptor = rest.little_endian(1)?;
        let single_segment = descriptor & 0x20 != 0;
        if descriptor & 0x08 != 0 {
            return Err(Error::corrupt("the zstd frame header has its reserved bit set"));
        }
        let window_byte = if single_segment { None } else { Some(rest.little_endian(1)?) };
        let dictionary = rest.little_endian([0, 1, 2, 4][(descriptor & 3) as usize])?;
        if dictionary != 0 {
            return Err(Error::unsupported(format!("the zstd frame needs the dictionary {dictionary}")));
        }
        let content = match (descriptor >> 6, single_segment) {
            (0, false) => None,
            (0, true) => Some(rest.little_endian(1)?),
            (1, _) => Some(rest.little_endian(2)? + 256),
            (2, _) => Some(rest.little_endian(4)?),
            _ => Some(rest.little_endian(8)?),
        };
        let window = match window_byte {
            // Five bits of exponent above 2^10, three bits of mantissa in eighths.
            Some(byte) => (8 + (byte & 7)) << ((byte >> 3) + 7),
            None => content.unwrap_or(0),
        };
        Ok(Self { window, content, length: rest.at })
    }
}

struct Fields<'a> {
    input: &'a [u8],
    at: usize,
}

impl Fields<'_> {
    /// The next `width` bytes (at most 8) as a number.
    fn little_endian(&mut self, width: usize) -> Result<u64> {
        let Some(bytes) = self.input.get(self.at..self.at + width) else {
            return Err(Error::truncated("the zstd frame ends within its header"));
        };
        self.at += width;
        let mut word = [0; 8];
        word[..width].copy_from_slice(bytes);
        Ok(u64::from_le_bytes(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_codec::ErrorKind;

    fn header(rest: &[u8]) -> Result<Header> {
        Header::read(&[&MAGIC, rest].concat())
    }

    #[test]
    fn fields_are_read_as_the_specification_says() {
        // Single segment, one byte of content size.
        assert_eq!(header(&[0x20, 5]).unwrap(), Header { window: 5, content: Some(5), length: 6 });
        // Two bytes of content size count from 256.
        assert_eq!(header(&[0x60, 1, 0]).unwrap().content, Some(257));
        // A window byte of 0 is the smallest window, 1 KiB; exponent 1 and mantissa 1 is 2 KiB and an eighth.
        assert_eq!(header(&[0x00, 0x00]).unwrap(), Header { window: 1024, content: None, length: 6 });
        assert_eq!(header(&[0x00, 0x09]).unwrap().window, 2048 + 256);
        // The largest window of the format: 3.75 TiB.
        assert_eq!(header(&[0x00, 0xFF]).unwrap().window, (1 << 41) + 7 * (1 << 38));
    }

    #[test]
    fn bad_headers_are_refused() {
        assert_eq!(header(&[0x28, 5]).unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(header(&[0x21, 7, 5]).unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(header(&[0xC0, 0, 1, 2]).unwrap_err().kind(), ErrorKind::Truncated);
        assert_eq!(Header::read(&[0x28, 0xB5]).unwrap_err().kind(), ErrorKind::Truncated);
        assert_eq!(Header::read(b"plain text").unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
