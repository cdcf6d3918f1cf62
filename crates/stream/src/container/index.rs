//! The index: offset and length of each segment's record, for random access.

use lab_bits::varint;
use lab_codec::{Error, Result};

use super::{INDEX_MARK, fields};

/// Bytes before the body: mark and body length.
pub(super) const PREFIX: usize = 16;
/// Minimum bytes of an entry.
const MIN_ENTRY: u64 = 2;

/// The index entry of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEntry {
    /// Offset of the segment's record in the stream.
    pub offset: u64,
    /// Bytes of the record: header and stored bytes.
    pub record_len: u64,
    /// Offset of the segment in the content.
    pub raw_offset: u64,
    /// Bytes of content.
    pub raw_len: u64,
}

/// All segments in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    /// The entries; contiguous in the stream and in the content.
    pub entries: Vec<IndexEntry>,
}

impl Index {
    /// Appends the next segment.
    pub fn push(&mut self, offset: u64, record_len: u64, raw_len: u64) {
        let raw_offset = self.raw_len();
        self.entries.push(IndexEntry { offset, record_len, raw_offset, raw_len });
    }

    /// Total bytes of content.
    pub fn raw_len(&self) -> u64 {
        self.entries.last().map_or(0, |e| e.raw_offset + e.raw_len)
    }

    /// Numbers of the segments that overlap the bytes `start..end` of the content.
    pub fn covering(&self, start: u64, end: u64) -> std::ops::Range<usize> {
        let first = self.entries.partition_point(|e| e.raw_offset + e.raw_len <= start);
        let last = self.entries.partition_point(|e| e.raw_offset < end);
        first..last.max(first)
    }

    /// Encodes the index.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        varint::write(&mut body, self.entries.len() as u64);
        for entry in &self.entries {
            varint::write(&mut body, entry.record_len);
            varint::write(&mut body, entry.raw_len);
        }
        let mut out = INDEX_MARK.to_vec();
        out.extend_from_slice(&(body.len() as u64).to_le_bytes());
        out.extend_from_slice(&body);
        fields::seal(&mut out, 0);
        out
    }

    /// Length of the whole index, from its first `PREFIX` bytes.
    ///
    /// # Errors
    /// Corrupt if the mark is missing or the length overflows.
    pub fn length(prefix: &[u8; PREFIX]) -> Result<u64> {
        let mut rest = &prefix[..];
        if fields::take::<8>(&mut rest, "the index")? != INDEX_MARK {
            return Err(Error::corrupt("no index mark where the index should begin"));
        }
        let body = fields::u64(&mut rest, "the index")?;
        body.checked_add(PREFIX as u64 + 4).ok_or_else(|| Error::corrupt("the length in the index overflows"))
    }

    /// Decodes an index from exactly its bytes; `first` is the offset of the first segment's record.
    ///
    /// # Errors
    /// Corrupt or truncated bytes.
    pub fn decode(bytes: &[u8], first: u64) -> Result<Self> {
        let prefix = bytes.first_chunk().ok_or_else(|| Error::truncated("the data ends inside the index"))?;
        if Self::length(prefix)? != bytes.len() as u64 {
            return Err(Error::truncated("the data ends inside the index"));
        }
        let mut rest = &fields::unseal(bytes, "the index")?[PREFIX..];
        let count = varint::read(&mut rest)?;
        if count > rest.len() as u64 / MIN_ENTRY {
            return Err(Error::corrupt(format!("{count} segments do not fit the index")));
        }
        let mut index = Self { entries: Vec::with_capacity(fields::size(count)?) };
        let mut offset = first;
        for number in 0..count {
            let record_len = varint::read(&mut rest)?;
            let raw_len = varint::read(&mut rest)?;
            let next = offset.checked_add(record_len);
            let in_range = index.raw_len().checked_add(raw_len).is_some();
            let (Some(next), true, true) = (next, in_range, raw_len > 0) else {
                return Err(Error::corrupt(format!(
                    "the length of segment {number} in the index is 0 or overflows"
                )));
            };
            index.push(offset, record_len, raw_len);
            offset = next;
        }
        fields::nothing_left(rest, "the index")?;
        Ok(index)
    }

    /// End of the last record, given the offset `first` of the first one.
    pub fn end(&self, first: u64) -> u64 {
        self.entries.last().map_or(first, |e| e.offset + e.record_len)
    }
}
