//! Reads a stream front to back, from a pipe or a carrier, and verifies every byte outside the content.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use lab_codec::{Error, Hint, Limits, Result, StreamReader};

use super::{Header, Index, MAGIC, SegmentHeader, Trailer, fields, header, index, segment, trailer};

/// Bytes read from a pipe at a time, so that a false length allocates at most one piece too much.
const PIECE_BYTES: u64 = 1 << 20;

/// Source of the stream's bytes.
pub enum Feed<'a> {
    /// A pipe or plain file.
    Pipe(Box<dyn Read + Send + 'a>),
    /// A carrier's stream and the next offset to read.
    Carrier(Arc<dyn StreamReader>, u64),
}

impl Feed<'_> {
    /// Appends up to `len` bytes to `buf`; fewer only at the end.
    fn read(&mut self, len: u64, buf: &mut Vec<u8>) -> Result<()> {
        let mut piece = Vec::new();
        self.fill(len, &mut piece)?;
        buf.append(&mut piece);
        Ok(())
    }

    /// Replaces the content of `buf` with the next `len` bytes; fewer only at the end. Returns the ranges
    /// within `buf` that the medium lost.
    fn fill(&mut self, len: u64, buf: &mut Vec<u8>) -> Result<Vec<Range<u64>>> {
        match self {
            Self::Pipe(pipe) => {
                buf.clear();
                let mut left = len;
                while left > 0 {
                    let piece = left.min(PIECE_BYTES);
                    buf.reserve(fields::size(piece)?);
                    let got = pipe.by_ref().take(piece).read_to_end(buf)? as u64;
                    left -= got;
                    if got < piece {
                        break;
                    }
                }
                Ok(Vec::new())
            }
            Self::Carrier(reader, offset) => {
                let len = len.min(reader.len().saturating_sub(*offset));
                // Old bytes are overwritten, so only the growth needs to be initialised.
                buf.resize(fields::size(len)?, 0);
                let lost = reader.read_at(*offset, buf)?;
                let lost = lost.into_iter().map(|r| r.start - *offset..r.end - *offset).collect();
                *offset += len;
                Ok(lost)
            }
        }
    }
}

/// A stored segment.
#[derive(Debug)]
pub struct Stored {
    /// Its header.
    pub header: SegmentHeader,
    /// Its stored bytes, not verified yet.
    pub bytes: Vec<u8>,
    /// Ranges of `bytes` that the medium lost; the checksum fails if they matter.
    pub lost: Vec<Range<u64>>,
}

impl Stored {
    /// Verifies the checksum of the stored bytes.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt), with what the medium lost.
    pub fn check(&self) -> Result<()> {
        if crc32c::crc32c(&self.bytes) == self.header.stored_crc {
            return Ok(());
        }
        let number = self.header.number;
        let error = match self.lost.first() {
            Some(lost) => Error::corrupt(format!(
                "segment {number}: the medium lost {} of its {} stored bytes, first at {}",
                self.lost.iter().map(|r| r.end - r.start).sum::<u64>(),
                self.bytes.len(),
                lost.start
            )),
            None => Error::corrupt(format!("segment {number}: the stored bytes do not match their checksum")),
        };
        Err(error.with_hint(Hint::Salvage))
    }
}

/// Index and trailer from the end of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The index.
    pub index: Index,
    /// The trailer.
    pub trailer: Trailer,
}

/// A stream that is read front to back.
pub struct Sequence<'a> {
    feed: Feed<'a>,
    limits: Limits,
    header: Header,
    header_bytes: Vec<u8>,
    seen: Index,
    position: u64,
    ending: Option<Ending>,
    /// Whether another stream, or zeros, may follow.
    joined: bool,
    /// A byte behind the trailer.
    beyond: Vec<u8>,
}

impl<'a> Sequence<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// Not a stream; corrupt or truncated bytes.
    pub fn open(mut feed: Feed<'a>, limits: Limits) -> Result<Self> {
        let mut bytes = Vec::new();
        feed.read(header::PREFIX as u64, &mut bytes)?;
        let Some(prefix) = bytes.first_chunk() else {
            let inside = !bytes.is_empty() && MAGIC.starts_with(&bytes[..bytes.len().min(MAGIC.len())]);
            let text = if inside { "the data ends inside the header" } else { "not a .lab stream" };
            return Err(if inside { Error::truncated(text) } else { Error::unsupported(text) });
        };
        let length = Header::length(prefix)?;
        feed.read((length - bytes.len()) as u64, &mut bytes)?;
        let header = Header::decode(&bytes)?;
        let position = bytes.len() as u64;
        Ok(Self {
            feed,
            limits,
            header,
            header_bytes: bytes,
            seen: Index::default(),
            position,
            ending: None,
            joined: false,
            beyond: Vec::new(),
        })
    }

    /// Accepts bytes behind the trailer, for [`next_stream`](Self::next_stream).
    #[must_use]
    pub fn joined(self) -> Self {
        Self { joined: true, ..self }
    }

    /// The stream that follows this one, which has been read to its end; zeros before it are padding.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) if other bytes follow; as [`open`](Self::open).
    pub fn next_stream(mut self) -> Result<Option<Self>> {
        let mut offset = self.position;
        let mut bytes = std::mem::take(&mut self.beyond);
        loop {
            if let Some(start) = bytes.iter().position(|byte| *byte != 0) {
                offset += start as u64;
                bytes.drain(..start);
                break;
            }
            offset += bytes.len() as u64;
            bytes.clear();
            self.feed.read(PIECE_BYTES, &mut bytes)?;
            if bytes.is_empty() {
                return Ok(None);
            }
        }
        if bytes.len() < MAGIC.len() {
            self.feed.read((MAGIC.len() - bytes.len()) as u64, &mut bytes)?;
        }
        if !bytes.starts_with(&MAGIC) {
            return Err(Error::corrupt(format!(
                "the bytes at {offset}, behind the end of the stream, are neither another stream nor zeros"
            )));
        }
        let feed = match self.feed {
            Feed::Pipe(pipe) => Feed::Pipe(Box::new(io::Cursor::new(bytes).chain(pipe))),
            Feed::Carrier(reader, next) => Feed::Carrier(reader, next - bytes.len() as u64),
        };
        Self::open(feed, self.limits).map(|next| Some(next.joined()))
    }

    /// The stream's header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Index and trailer; `None` before the end is reached.
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// Reads the next segment into `buffer`. Returns `None` after the last segment, once index and trailer
    /// are verified against it.
    ///
    /// # Errors
    /// Corrupt or truncated bytes; sizes beyond the limits, before any allocation.
    pub fn next_segment(&mut self, mut buffer: Vec<u8>) -> Result<Option<Stored>> {
        if self.ending.is_some() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        self.feed.read(segment::PREFIX as u64, &mut bytes)?;
        if bytes.starts_with(&MAGIC) {
            self.ending = Some(self.end(bytes)?);
            return Ok(None);
        }
        let number = self.seen.entries.len();
        let Some(prefix) = bytes.first_chunk() else {
            let text = format!("the stream ends after {number} segments, without index and trailer");
            return Err(Error::truncated(text).with_hint(Hint::Salvage));
        };
        let place = || format!("at byte {} of the stream", self.position);
        let length = SegmentHeader::length(prefix).map_err(|e| e.at(place()))?;
        self.feed.read((length - bytes.len()) as u64, &mut bytes)?;
        let header = SegmentHeader::decode(&bytes, self.header.formats.len()).map_err(|e| e.at(place()))?;
        self.check_place(&header)?;
        check_segment(&header, &self.header, &self.limits)?;
        let lost = self.feed.fill(header.stored_len(), &mut buffer)?;
        if (buffer.len() as u64) < header.stored_len() {
            let text = format!("the stream ends inside segment {number}");
            return Err(Error::truncated(text).with_hint(Hint::Salvage));
        }
        let record_len = length as u64 + header.stored_len();
        self.seen.push(self.position, record_len, header.raw_len);
        self.position += record_len;
        Ok(Some(Stored { header, bytes: buffer, lost }))
    }

    fn check_place(&self, header: &SegmentHeader) -> Result<()> {
        let expected = (self.seen.entries.len() as u64, self.seen.raw_len());
        if (header.number, header.raw_offset) != expected {
            return Err(Error::corrupt(format!(
                "found segment {} at {}, expected segment {} at {}",
                header.number, header.raw_offset, expected.0, expected.1
            )));
        }
        if header.number == 0 && header.raw_crc != self.header.tag {
            return Err(Error::corrupt("the header's tag differs from the first segment's checksum"));
        }
        Ok(())
    }

    /// Reads the repeated header, whose first bytes are in `bytes`, then the index and the trailer.
    fn end(&mut self, mut bytes: Vec<u8>) -> Result<Ending> {
        let have = bytes.len();
        self.feed.read((self.header_bytes.len() - have) as u64, &mut bytes)?;
        if bytes != self.header_bytes {
            return Err(Error::corrupt("the repeated header differs from the first"));
        }
        let first = self.header_bytes.len() as u64;
        let header_offset = self.position;
        let index_offset = header_offset + first;
        let mut bytes = Vec::new();
        self.feed.read(index::PREFIX as u64, &mut bytes)?;
        let Some(prefix) = bytes.first_chunk() else {
            return Err(Error::truncated("the stream ends before its index"));
        };
        let expected = self.seen.encode();
        if Index::length(prefix)? != expected.len() as u64 {
            return Err(Error::corrupt("the index does not describe the segments before it"));
        }
        self.feed.read((expected.len() - bytes.len()) as u64, &mut bytes)?;
        if Index::decode(&bytes, first)? != self.seen {
            return Err(Error::corrupt("the index does not describe the segments before it"));
        }
        let mut last = Vec::new();
        self.feed.read(trailer::LEN as u64 + 1, &mut last)?;
        let stream_len = index_offset + (expected.len() + trailer::LEN) as u64;
        if last.len() > trailer::LEN {
            if !self.joined {
                return Err(Error::corrupt(format!(
                    "bytes follow the stream's trailer, at byte {stream_len}"
                )));
            }
            self.beyond = last.split_off(trailer::LEN);
        }
        let Ok(last) = last[..].try_into() else {
            return Err(Error::truncated("the stream ends inside its trailer"));
        };
        let trailer = Trailer::decode(last)?;
        self.position = stream_len;
        let found = Trailer {
            bytes: self.seen.raw_len(),
            segments: self.seen.entries.len() as u64,
            header_offset,
            index_offset,
            stream_len,
            ..trailer
        };
        if trailer != found {
            return Err(Error::corrupt("the trailer does not describe the stream before it"));
        }
        Ok(Ending { index: self.seen.clone(), trailer })
    }
}

/// Refuses a segment of another stream, and a segment whose size exceeds a limit at any stage.
pub(super) fn check_segment(segment: &SegmentHeader, stream: &Header, limits: &Limits) -> Result<()> {
    let number = segment.number;
    if segment.tag != stream.tag {
        return Err(Error::corrupt(format!("segment {number} belongs to another stream")));
    }
    // With contiguous offsets, this also implies that every segment except the last is full.
    let (offset, most) = match stream.segment_size {
        0 => ((number == 0).then_some(0), u64::MAX),
        size => (number.checked_mul(size), size),
    };
    if offset != Some(segment.raw_offset) || segment.raw_len > most {
        return Err(Error::corrupt(format!(
            "segment {number} has {} bytes at {}, the stream's segment size is {}",
            segment.raw_len, segment.raw_offset, stream.segment_size
        )));
    }
    for len in segment.stage_lens.iter().chain([&segment.raw_len]) {
        limits.check_output(*len, &format!("segment {number}: a stage's output"))?;
    }
    Ok(())
}
