//! The stream header: all that a decoder needs before the first segment.

use lab_bits::varint;
use lab_codec::{Digest, Error, Result};

use super::{MAGIC, VERSION, fields};
use crate::chain::{MAX_STAGES, MAX_TEXT};

/// Bytes before the body: magic, version, flags, body length.
pub(super) const PREFIX: usize = 14;
/// Maximum length of a body, in bytes.
const MAX_BODY: usize = 1 << 16;

/// The header of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Canonical text of the codecs; empty for a chain without codecs.
    pub chain: String,
    /// Format version of each codec.
    pub formats: Vec<u16>,
    /// Distinguishes this stream's segments from those of a stream stored inside it: the CRC32C of the first
    /// segment's content; 0 without segments.
    pub tag: u32,
    /// Raw bytes of each segment except the last; 0 if one segment holds the whole content.
    pub segment_size: u64,
    /// SHA-256 of each resource that the decoder needs.
    pub resources: Vec<Digest>,
}

impl Header {
    /// Encodes the header.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = self.tag.to_le_bytes().to_vec();
        varint::write(&mut body, self.segment_size);
        varint::write(&mut body, self.chain.len() as u64);
        body.extend_from_slice(self.chain.as_bytes());
        varint::write(&mut body, self.formats.len() as u64);
        for format in &self.formats {
            varint::write(&mut body, u64::from(*format));
        }
        varint::write(&mut body, self.resources.len() as u64);
        for digest in &self.resources {
            body.extend_from_slice(&digest.0);
        }
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&[VERSION, 0]);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a chain's text, stages and resources are bounded"
        )]
        let body_len = body.len() as u32;
        out.extend_from_slice(&body_len.to_le_bytes());
        out.extend_from_slice(&body);
        fields::seal(&mut out, 0);
        out
    }

    /// Length of the whole header, from its first `PREFIX` bytes.
    ///
    /// # Errors
    /// Not a stream, a newer version, or a length beyond the maximum.
    pub fn length(prefix: &[u8; PREFIX]) -> Result<usize> {
        let mut rest = &prefix[..];
        if fields::take::<8>(&mut rest, "the header")? != MAGIC {
            return Err(Error::unsupported("not a .lab stream"));
        }
        let [version, flags] = fields::take::<2>(&mut rest, "the header")?;
        if version != VERSION {
            return Err(Error::unsupported(format!(
                "the stream has format version {version}, this program reads version {VERSION}"
            )));
        }
        if flags != 0 {
            return Err(Error::corrupt(format!("reserved bits are set in the header (flags {flags:#04x})")));
        }
        let body = fields::u32(&mut rest, "the header")? as usize;
        if body > MAX_BODY {
            return Err(Error::corrupt(format!("a header of {body} bytes exceeds {MAX_BODY}")));
        }
        Ok(PREFIX + body + 4)
    }

    /// Decodes a header from exactly its bytes.
    ///
    /// # Errors
    /// Corrupt or truncated bytes, or a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let prefix =
            bytes.first_chunk().ok_or_else(|| Error::truncated("the data ends inside the header"))?;
        let length = Self::length(prefix)?;
        if bytes.len() < length {
            return Err(Error::truncated("the data ends inside the header"));
        }
        fields::nothing_left(&bytes[length..], "the header")?;
        let body = fields::unseal(bytes, "the header")?;
        let mut rest = &body[PREFIX..];
        let tag = fields::u32(&mut rest, "the header")?;
        let segment_size = varint::read(&mut rest)?;
        let chain_len = varint::read(&mut rest)?;
        if chain_len > MAX_TEXT as u64 || chain_len > rest.len() as u64 {
            return Err(Error::corrupt(format!("a chain text of {chain_len} bytes in the header")));
        }
        let (chain, mut rest) = rest.split_at(fields::size(chain_len)?);
        let chain = String::from_utf8(chain.to_vec())
            .map_err(|_| Error::corrupt("the chain in the header is not UTF-8"))?;
        let stages = varint::read(&mut rest)?;
        if stages > MAX_STAGES as u64 {
            return Err(Error::corrupt(format!("{stages} stages in the header, at most {MAX_STAGES}")));
        }
        let mut formats = Vec::with_capacity(fields::size(stages)?);
        for _ in 0..stages {
            let format = varint::read(&mut rest)?;
            formats.push(u16::try_from(format).map_err(|_| Error::corrupt("a codec format above 65535"))?);
        }
        let count = varint::read(&mut rest)?;
        if count > rest.len() as u64 / 32 {
            return Err(Error::corrupt(format!("{count} resources do not fit the header")));
        }
        let mut resources = Vec::with_capacity(fields::size(count)?);
        for _ in 0..count {
            resources.push(Digest(fields::take(&mut rest, "the header")?));
        }
        fields::nothing_left(rest, "the header")?;
        Ok(Self { tag, chain, formats, segment_size, resources })
    }
}
