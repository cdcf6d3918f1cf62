//! Writes a stream front to back.

use lab_codec::{Digest, Result, StreamWriter, Summary};

use super::{Header, Index, SegmentHeader, Trailer, trailer};

/// Writes header, segments, index and trailer to a carrier.
pub struct Writer<'a> {
    medium: Box<dyn StreamWriter + 'a>,
    header: Vec<u8>,
    index: Index,
    position: u64,
}

impl<'a> Writer<'a> {
    /// Writes the header.
    ///
    /// # Errors
    /// The medium's.
    pub fn new(mut medium: Box<dyn StreamWriter + 'a>, header: &Header) -> Result<Self> {
        let header = header.encode();
        medium.write(&header)?;
        let position = header.len() as u64;
        Ok(Self { medium, header, index: Index::default(), position })
    }

    /// The number that the next segment must have, and the offset of its content.
    pub fn next(&self) -> (u64, u64) {
        (self.index.entries.len() as u64, self.index.raw_len())
    }

    /// Writes one segment.
    ///
    /// # Errors
    /// The medium's.
    ///
    /// # Panics
    /// Where header and stored bytes disagree: a mistake of the caller.
    pub fn segment(&mut self, header: &SegmentHeader, stored: &[u8]) -> Result<()> {
        assert_eq!((header.number, header.raw_offset), self.next());
        assert_eq!(header.stored_len(), stored.len() as u64);
        let bytes = header.encode();
        self.medium.write(&bytes)?;
        self.medium.write(stored)?;
        let record_len = (bytes.len() + stored.len()) as u64;
        self.index.push(self.position, record_len, header.raw_len);
        self.position += record_len;
        Ok(())
    }

    /// Writes the repeated header, the index and the trailer, and completes the medium. Returns the length of
    /// the stream.
    ///
    /// # Errors
    /// The medium's.
    pub fn finish(mut self, name: &str, chain: &str, sha256: Digest) -> Result<u64> {
        let header_offset = self.position;
        let index_offset = header_offset + self.header.len() as u64;
        let index = self.index.encode();
        let stream_len = index_offset + (index.len() + trailer::LEN) as u64;
        let bytes = self.index.raw_len();
        let segments = self.index.entries.len() as u64;
        let trailer = Trailer { bytes, sha256, segments, header_offset, index_offset, stream_len };
        self.medium.write(&self.header)?;
        self.medium.write(&index)?;
        self.medium.write(&trailer.encode())?;
        let summary = Summary { name: name.to_string(), chain: chain.to_string(), bytes, sha256 };
        self.medium.finish(&summary)?;
        Ok(stream_len)
    }
}
