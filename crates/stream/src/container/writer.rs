//! Writes a stream front to back.

use lab_codec::{Digest, Result, StreamWriter, Summary};

use super::{Header, Index, SegmentHeader, Trailer, trailer};

/// Writes header, segments, index and trailer to a carrier.
pub struct Writer<'a> {
    medium: Box<dyn StreamWriter + 'a>,
    header: Header,
    header_bytes: Vec<u8>,
    index: Index,
    position: u64,
}

impl<'a> Writer<'a> {
    /// A writer before its first segment: the header waits for the segment, whose content gives the tag.
    pub fn new(medium: Box<dyn StreamWriter + 'a>, header: Header) -> Self {
        Self { medium, header, header_bytes: Vec::new(), index: Index::default(), position: 0 }
    }

    fn begin(&mut self, tag: u32) -> Result<()> {
        self.header.tag = tag;
        self.header_bytes = self.header.encode();
        self.medium.write(&self.header_bytes)?;
        self.position = self.header_bytes.len() as u64;
        Ok(())
    }

    /// Number of the next segment, and its offset in the content.
    pub fn next(&self) -> (u64, u64) {
        (self.index.entries.len() as u64, self.index.raw_len())
    }

    /// Writes one segment.
    ///
    /// # Errors
    /// Errors of the medium.
    ///
    /// # Panics
    /// If header and stored bytes have different lengths: an error of the caller.
    pub fn segment(&mut self, mut header: SegmentHeader, stored: &[u8]) -> Result<()> {
        assert_eq!((header.number, header.raw_offset), self.next());
        assert_eq!(header.stored_len(), stored.len() as u64);
        if header.number == 0 {
            self.begin(header.raw_crc)?;
        }
        header.tag = self.header.tag;
        let bytes = header.encode();
        self.medium.write(&bytes)?;
        self.medium.write(stored)?;
        self.medium.flush()?;
        let record_len = (bytes.len() + stored.len()) as u64;
        self.index.push(self.position, record_len, header.raw_len);
        self.position += record_len;
        Ok(())
    }

    /// Writes the repeated header, the index and the trailer, and completes the medium. Returns the stream's
    /// length.
    ///
    /// # Errors
    /// Errors of the medium.
    pub fn finish(mut self, name: &str, chain: &str, sha256: Digest) -> Result<u64> {
        if self.index.entries.is_empty() {
            self.begin(0)?;
        }
        let header_offset = self.position;
        let index_offset = header_offset + self.header_bytes.len() as u64;
        let index = self.index.encode();
        let stream_len = index_offset + (index.len() + trailer::LEN) as u64;
        let bytes = self.index.raw_len();
        let segments = self.index.entries.len() as u64;
        let trailer = Trailer { bytes, sha256, segments, header_offset, index_offset, stream_len };
        self.medium.write(&self.header_bytes)?;
        self.medium.write(&index)?;
        self.medium.write(&trailer.encode())?;
        let summary = Summary { name: name.to_string(), chain: chain.to_string(), bytes, sha256 };
        self.medium.finish(&summary)?;
        Ok(stream_len)
    }
}
