//! Random access: reads single segments of a stream by its index.

use std::sync::Arc;

use lab_codec::{Error, Hint, Limits, Result, StreamReader};

use super::sequence::check_segment;
use super::{Header, Index, SegmentHeader, Stored, Trailer, fields, header, index, segment, trailer};

/// A stream with its trailer, index and header.
pub struct Reader {
    stream: Arc<dyn StreamReader>,
    limits: Limits,
    header: Header,
    index: Index,
    trailer: Trailer,
}

impl Reader {
    /// Reads trailer, index and header of a stream.
    ///
    /// # Errors
    /// Not a stream, corrupt or truncated bytes.
    pub fn open(stream: Arc<dyn StreamReader>, limits: Limits) -> Result<Self> {
        let len = stream.len();
        let prefix = read(&*stream, 0, len.min(header::PREFIX as u64))?;
        let Some(prefix) = prefix.first_chunk() else {
            return Err(Error::unsupported("not a .lab stream"));
        };
        let header_len = Header::length(prefix)? as u64;
        let header = Header::decode(&read(&*stream, 0, header_len)?)?;
        let trailer =
            trailer_of(&*stream).map_err(|e| Error::truncated(e.message()).with_hint(Hint::Salvage))?;
        let trailer_offset = len - trailer::LEN as u64;
        let index_len = trailer_offset.checked_sub(trailer.index_offset);
        let index_len =
            index_len.ok_or_else(|| Error::corrupt("the trailer's index is outside the stream"))?;
        // An entry takes 32 bytes in memory and at least two in the stream.
        limits.check_memory(index_len.saturating_mul(16), "the index")?;
        let bytes = read(&*stream, trailer.index_offset, index_len)?;
        let index = Index::decode(&bytes, header_len).map_err(|e| e.at("the index is damaged"))?;
        if index.end(header_len) != trailer.header_offset
            || trailer.header_offset + header_len != trailer.index_offset
            || index.raw_len() != trailer.bytes
            || index.entries.len() as u64 != trailer.segments
            || index_len < index::PREFIX as u64
        {
            return Err(Error::corrupt("index and trailer contradict each other"));
        }
        Ok(Self { stream, limits, header, index, trailer })
    }

    /// The stream's header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The trailer.
    pub fn trailer(&self) -> &Trailer {
        &self.trailer
    }

    /// The header of segment `number` and the offset of its stored bytes; the bytes are not read.
    ///
    /// # Errors
    /// Corrupt or truncated bytes; [`Usage`](lab_codec::ErrorKind::Usage) if the number is out of range.
    pub fn segment_header(&self, number: usize) -> Result<(SegmentHeader, u64)> {
        let entry = self
            .index
            .entries
            .get(number)
            .ok_or_else(|| Error::usage(format!("segment {number} does not exist")))?;
        let bytes = read(&*self.stream, entry.offset, segment::PREFIX as u64)?;
        let Some(prefix) = bytes.first_chunk() else {
            return Err(Error::truncated(format!("the stream ends inside segment {number}")));
        };
        let length = SegmentHeader::length(prefix)? as u64;
        let bytes = read(&*self.stream, entry.offset, length)?;
        let header = SegmentHeader::decode(&bytes, self.header.formats.len())?;
        let described =
            (header.number, header.raw_offset, header.raw_len, length.checked_add(header.stored_len()));
        if described != (number as u64, entry.raw_offset, entry.raw_len, Some(entry.record_len)) {
            return Err(Error::corrupt(format!("the header of segment {number} contradicts the index")));
        }
        check_segment(&header, &self.header, &self.limits)?;
        Ok((header, entry.offset + length))
    }

    /// Reads segment `number`.
    ///
    /// # Errors
    /// As for [`segment_header`](Self::segment_header).
    pub fn segment(&self, number: usize) -> Result<Stored> {
        let (header, offset) = self.segment_header(number)?;
        let mut bytes = vec![0; fields::size(header.stored_len())?];
        let lost = self.stream.read_at(offset, &mut bytes)?;
        let lost = lost.into_iter().map(|r| r.start - offset..r.end - offset).collect();
        Ok(Stored { header, bytes, lost })
    }
}

/// Reads the trailer of a stream with a complete end.
///
/// # Errors
/// Corrupt or truncated bytes.
pub fn trailer_of(stream: &dyn StreamReader) -> Result<Trailer> {
    let len = stream.len();
    let offset = len.checked_sub(trailer::LEN as u64);
    let offset = offset.ok_or_else(|| Error::truncated("the stream ends before its trailer"))?;
    let bytes = read(stream, offset, trailer::LEN as u64)?;
    let bytes = bytes[..].try_into().map_err(|_| Error::truncated("the stream ends before its trailer"))?;
    let trailer = Trailer::decode(bytes)?;
    if trailer.stream_len != len {
        let recorded = trailer.stream_len;
        return Err(Error::corrupt(format!(
            "the trailer records a stream of {recorded} bytes, the medium holds {len}"
        )));
    }
    Ok(trailer)
}

/// Reads `len` bytes; the caller bounds `len`.
fn read(stream: &dyn StreamReader, offset: u64, len: u64) -> Result<Vec<u8>> {
    if offset.checked_add(len).is_none_or(|end| end > stream.len()) {
        return Err(Error::truncated(format!("the stream ends before byte {}", offset.saturating_add(len))));
    }
    let mut bytes = vec![0; fields::size(len)?];
    stream.read_at(offset, &mut bytes)?;
    Ok(bytes)
}
