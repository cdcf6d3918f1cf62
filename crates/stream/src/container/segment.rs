//! The header of a segment: its place in the content, its length after each stage, and checksums.

use lab_bits::varint;
use lab_codec::{Error, Result};

use super::{SEGMENT_MARK, fields};
use crate::chain::MAX_STAGES;

/// Bytes before the body: mark and body length.
pub(super) const PREFIX: usize = 10;
/// Maximum body, checksums included: flags, tag, three varints, a length per stage, three CRCs.
const MAX_BODY: usize = 1 + 4 + 10 * (3 + MAX_STAGES) + 12;
const BYPASSED: u8 = 1;

/// The header of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Tag of the stream that the segment belongs to; [`Writer`](super::Writer) sets it.
    pub tag: u32,
    /// Number of the segment, from 0.
    pub number: u64,
    /// Offset of the segment in the content.
    pub raw_offset: u64,
    /// Bytes of content; at least 1.
    pub raw_len: u64,
    /// Whether the bytes are stored unchanged because the chain would not shrink them.
    pub bypassed: bool,
    /// Bytes after each stage, in order; empty if the segment is bypassed or the chain has no codecs.
    pub stage_lens: Vec<u64>,
    /// CRC32C of the content.
    pub raw_crc: u32,
    /// CRC32C of the stored bytes.
    pub stored_crc: u32,
}

impl SegmentHeader {
    /// Number of stored bytes after the header.
    pub fn stored_len(&self) -> u64 {
        self.stage_lens.last().copied().unwrap_or(self.raw_len)
    }

    /// Encodes the header.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = vec![u8::from(self.bypassed) * BYPASSED];
        body.extend_from_slice(&self.tag.to_le_bytes());
        varint::write(&mut body, self.number);
        varint::write(&mut body, self.raw_offset);
        varint::write(&mut body, self.raw_len);
        for len in &self.stage_lens {
            varint::write(&mut body, *len);
        }
        body.extend_from_slice(&self.raw_crc.to_le_bytes());
        body.extend_from_slice(&self.stored_crc.to_le_bytes());
        let mut out = SEGMENT_MARK.to_vec();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a chain has at most MAX_STAGES, so MAX_BODY bytes"
        )]
        let body_len = body.len() as u16 + 4;
        out.extend_from_slice(&body_len.to_le_bytes());
        out.extend_from_slice(&body);
        fields::seal(&mut out, 0);
        out
    }

    /// Length of the whole header, from its first `PREFIX` bytes.
    ///
    /// # Errors
    /// Corrupt if the mark is missing or the length exceeds the maximum.
    pub fn length(prefix: &[u8; PREFIX]) -> Result<usize> {
        let mut rest = &prefix[..];
        if fields::take::<8>(&mut rest, "a segment header")? != SEGMENT_MARK {
            return Err(Error::corrupt("no segment mark where a segment should begin"));
        }
        let body = usize::from(u16::from_le_bytes(fields::take(&mut rest, "a segment header")?));
        if body > MAX_BODY {
            return Err(Error::corrupt(format!("a segment header of {body} bytes exceeds {MAX_BODY}")));
        }
        Ok(PREFIX + body)
    }

    /// Decodes a header from exactly its bytes; `stages` is the number of codecs in the chain.
    ///
    /// # Errors
    /// Corrupt or truncated bytes.
    pub fn decode(bytes: &[u8], stages: usize) -> Result<Self> {
        let what = "a segment header";
        let prefix =
            bytes.first_chunk().ok_or_else(|| Error::truncated("the data ends inside a segment header"))?;
        if Self::length(prefix)? != bytes.len() {
            return Err(Error::truncated("the data ends inside a segment header"));
        }
        let mut rest = &fields::unseal(bytes, what)?[PREFIX..];
        let [flags] = fields::take(&mut rest, what)?;
        if flags & !BYPASSED != 0 {
            return Err(Error::corrupt(format!("reserved bits are set in {what} (flags {flags:#04x})")));
        }
        let bypassed = flags & BYPASSED != 0;
        let tag = fields::u32(&mut rest, what)?;
        let number = varint::read(&mut rest)?;
        let raw_offset = varint::read(&mut rest)?;
        let raw_len = varint::read(&mut rest)?;
        let lens = if bypassed { 0 } else { stages };
        let stage_lens = (0..lens).map(|_| varint::read(&mut rest)).collect::<Result<Vec<_>>>()?;
        let raw_crc = fields::u32(&mut rest, what)?;
        let stored_crc = fields::u32(&mut rest, what)?;
        fields::nothing_left(rest, what)?;
        if raw_len == 0 || raw_offset.checked_add(raw_len).is_none() {
            return Err(Error::corrupt(format!("segment {number} claims {raw_len} bytes at {raw_offset}")));
        }
        if bypassed && stages == 0 {
            return Err(Error::corrupt(format!("segment {number} bypasses a chain without codecs")));
        }
        Ok(Self { tag, number, raw_offset, raw_len, bypassed, stage_lens, raw_crc, stored_crc })
    }
}
