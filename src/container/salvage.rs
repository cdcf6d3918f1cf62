//! Finds segments by their marks, where the header, the index or some of the segments are lost.

use lab_codec::{Limits, Result, StreamReader};

use super::sequence::check_segment;
use super::{Header, MAGIC, SEGMENT_MARK, SegmentHeader, header, segment, trailer_of};

const WINDOW: usize = 1 << 20;

/// What a scan found.
#[derive(Debug)]
pub struct Salvaged {
    /// The header, from the front or from its repetition.
    pub header: Header,
    /// Headers of the segments whose stored bytes are intact, with the offsets of these; ascending.
    pub segments: Vec<(SegmentHeader, u64)>,
}

/// Scans a whole stream for intact segments; `None` where not even a header was found.
///
/// A stream that is stored inside this one has another tag, so its segments are content and no finds.
///
/// # Errors
/// The medium's.
pub fn scan(stream: &dyn StreamReader, limits: &Limits) -> Result<Option<Salvaged>> {
    let Some(header) = find_header(stream)? else { return Ok(None) };
    let mut segments: Vec<(SegmentHeader, u64)> = Vec::new();
    let mut offset = 0;
    while let Some(mark) = find(stream, &SEGMENT_MARK, offset)? {
        let found = segment_at(stream, mark, &header, limits).filter(|(s, _)| {
            segments.last().is_none_or(|(last, _)| s.raw_offset >= last.raw_offset + last.raw_len)
        });
        offset = match found {
            Some((segment, stored)) => {
                let end = stored + segment.stored_len();
                segments.push((segment, stored));
                end
            }
            None => mark + 1,
        };
    }
    Ok(Some(Salvaged { header, segments }))
}

/// The header at the front, or the one that the trailer leads to, or else the last one that stands anywhere.
fn find_header(stream: &dyn StreamReader) -> Result<Option<Header>> {
    let repeated = || header_at(stream, trailer_of(stream).ok()?.header_offset);
    if let Some(header) = header_at(stream, 0).or_else(repeated) {
        return Ok(Some(header));
    }
    let mut last = None;
    let mut offset = 0;
    while let Some(mark) = find(stream, &MAGIC, offset)? {
        last = header_at(stream, mark).or(last);
        offset = mark + 1;
    }
    Ok(last)
}

/// The next place from `offset` on where `mark` stands.
fn find(stream: &dyn StreamReader, mark: &[u8; 8], mut offset: u64) -> Result<Option<u64>> {
    let mut window = vec![0; WINDOW];
    while offset + mark.len() as u64 <= stream.len() {
        let size = (stream.len() - offset).min(WINDOW as u64) as usize;
        stream.read_at(offset, &mut window[..size])?;
        if let Some(i) = memchr::memmem::find(&window[..size], mark) {
            return Ok(Some(offset + i as u64));
        }
        offset += (size - (mark.len() - 1)) as u64;
    }
    Ok(None)
}

fn bytes_at(stream: &dyn StreamReader, offset: u64, len: u64) -> Option<Vec<u8>> {
    let fits = offset.checked_add(len).is_some_and(|end| end <= stream.len());
    let mut bytes = vec![0; if fits { len as usize } else { return None }];
    stream.read_at(offset, &mut bytes).ok()?;
    Some(bytes)
}

fn header_at(stream: &dyn StreamReader, offset: u64) -> Option<Header> {
    let prefix = bytes_at(stream, offset, header::PREFIX as u64)?;
    let length = Header::length(prefix.first_chunk()?).ok()?;
    Header::decode(&bytes_at(stream, offset, length as u64)?).ok()
}

/// The segment at `offset`, where its header and its stored bytes are intact.
fn segment_at(
    stream: &dyn StreamReader,
    offset: u64,
    header: &Header,
    limits: &Limits,
) -> Option<(SegmentHeader, u64)> {
    let prefix = bytes_at(stream, offset, segment::PREFIX as u64)?;
    let length = SegmentHeader::length(prefix.first_chunk()?).ok()? as u64;
    let found = SegmentHeader::decode(&bytes_at(stream, offset, length)?, header.formats.len()).ok()?;
    check_segment(&found, header, limits).ok()?;
    let stored = bytes_at(stream, offset + length, found.stored_len())?;
    (crc32c::crc32c(&stored) == found.stored_crc).then_some((found, offset + length))
}
