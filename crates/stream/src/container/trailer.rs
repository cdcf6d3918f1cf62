//! The trailer: the fixed-size end of a stream, with the offsets of all other parts.

use lab_codec::{Digest, Error, Result};

use super::{TRAILER_MARK, fields};

/// Bytes of the trailer.
pub const LEN: usize = 84;

/// The trailer of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trailer {
    /// Bytes of content.
    pub bytes: u64,
    /// SHA-256 of the content.
    pub sha256: Digest,
    /// Number of segments.
    pub segments: u64,
    /// Offset of the repeated header.
    pub header_offset: u64,
    /// Offset of the index.
    pub index_offset: u64,
    /// Length of the whole stream in bytes, trailer included.
    pub stream_len: u64,
}

impl Trailer {
    /// Encodes the trailer.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = TRAILER_MARK.to_vec();
        out.extend_from_slice(&self.bytes.to_le_bytes());
        out.extend_from_slice(&self.sha256.0);
        for value in [self.segments, self.header_offset, self.index_offset, self.stream_len] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        fields::seal(&mut out, 0);
        out
    }

    /// Decodes a trailer.
    ///
    /// # Errors
    /// Corrupt bytes, or contradictory offsets.
    pub fn decode(bytes: &[u8; LEN]) -> Result<Self> {
        let what = "the trailer";
        if bytes[..8] != TRAILER_MARK {
            return Err(Error::corrupt("no trailer at the end of the stream"));
        }
        let mut rest = &fields::unseal(bytes, what)?[8..];
        let trailer = Self {
            bytes: fields::u64(&mut rest, what)?,
            sha256: Digest(fields::take(&mut rest, what)?),
            segments: fields::u64(&mut rest, what)?,
            header_offset: fields::u64(&mut rest, what)?,
            index_offset: fields::u64(&mut rest, what)?,
            stream_len: fields::u64(&mut rest, what)?,
        };
        fields::nothing_left(rest, what)?;
        let ordered = trailer.header_offset < trailer.index_offset
            && trailer.index_offset.checked_add(LEN as u64).is_some_and(|end| end < trailer.stream_len);
        if !ordered {
            return Err(Error::corrupt("the trailer's offsets contradict each other"));
        }
        Ok(trailer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_fixed_and_flips_are_noticed() {
        let trailer = Trailer {
            bytes: 1,
            sha256: Digest([7; 32]),
            segments: 1,
            header_offset: 90,
            index_offset: 120,
            stream_len: 300,
        };
        let bytes = trailer.encode();
        assert_eq!(bytes.len(), LEN);
        assert_eq!(Trailer::decode(bytes[..].try_into().unwrap()).unwrap(), trailer);
        for bit in 0..LEN * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Trailer::decode(bad[..].try_into().unwrap()).is_err());
        }
    }
}
