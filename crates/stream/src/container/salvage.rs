//! Finds segments by their marks if the header, the index or some segments are lost.

use lab_codec::{Context, ErrorKind, Limits, Result, StreamReader};

use super::sequence::check_segment;
use super::{Header, MAGIC, SEGMENT_MARK, SegmentHeader, fields, header, segment, trailer_of};

const WINDOW_BYTES: usize = 1 << 20;

/// The header and the intact segments that a scan found.
#[derive(Debug)]
pub struct Salvaged {
    /// The header, from the front or from its repetition.
    pub header: Header,
    /// Headers of the segments with intact stored bytes, each with the offset of these bytes; in the order of
    /// the content, without repetitions.
    pub segments: Vec<(SegmentHeader, u64)>,
}

/// Scans a whole stream for intact segments; `None` if no header is intact.
///
/// A stream stored inside this one has another tag, so its segments are content and are not reported.
///
/// # Errors
/// Errors of the medium; cancellation; a segment beyond the limits.
pub fn scan(stream: &dyn StreamReader, cx: &Context) -> Result<Option<Salvaged>> {
    let mut search = Search { stream, window: Vec::new(), start: 0 };
    let Some(header) = find_header(&mut search, cx)? else { return Ok(None) };
    let mut segments: Vec<(SegmentHeader, u64)> = Vec::new();
    let mut offset = 0;
    while let Some(mark) = search.find(&SEGMENT_MARK, offset, cx)? {
        offset = match segment_at(stream, mark, &header, cx.limits())? {
            Some((segment, stored)) => {
                let end = stored + segment.stored_len();
                segments.push((segment, stored));
                end
            }
            None => mark + 1,
        };
    }
    // Every segment says where it belongs, so that order in the file does not matter.
    segments.sort_by_key(|(segment, offset)| (segment.raw_offset, *offset));
    let mut end = 0;
    segments.retain(|(segment, _)| {
        let fits = segment.raw_offset >= end;
        if fits {
            end = segment.raw_offset + segment.raw_len;
        }
        fits
    });
    Ok(Some(Salvaged { header, segments }))
}

/// Finds a header: at the front, else at the trailer's offset, else the last one in the stream.
fn find_header(search: &mut Search, cx: &Context) -> Result<Option<Header>> {
    let stream = search.stream;
    let repeated = || header_at(stream, trailer_of(stream).ok()?.header_offset);
    if let Some(header) = header_at(stream, 0).or_else(repeated) {
        return Ok(Some(header));
    }
    let mut last = None;
    let mut offset = 0;
    while let Some(mark) = search.find(&MAGIC, offset, cx)? {
        last = header_at(stream, mark).or(last);
        offset = mark + 1;
    }
    Ok(last)
}

/// A stream with the window of it that was read last.
struct Search<'a> {
    stream: &'a dyn StreamReader,
    window: Vec<u8>,
    start: u64,
}

impl Search<'_> {
    /// Offset of the next `mark` at or after `offset`.
    fn find(&mut self, mark: &[u8; 8], mut offset: u64, cx: &Context) -> Result<Option<u64>> {
        let overlap = mark.len() as u64 - 1;
        while offset + overlap < self.stream.len() {
            let end = self.start + self.window.len() as u64;
            if offset < self.start || offset + overlap >= end {
                cx.check()?;
                let size = (self.stream.len() - offset).min(WINDOW_BYTES as u64);
                self.window.resize(fields::size(size)?, 0);
                self.stream.read_at(offset, &mut self.window)?;
                self.start = offset;
            }
            let from = fields::size(offset - self.start)?;
            if let Some(i) = memchr::memmem::find(&self.window[from..], mark) {
                return Ok(Some(offset + i as u64));
            }
            offset = self.start + self.window.len() as u64 - overlap;
        }
        Ok(None)
    }
}

fn bytes_at(stream: &dyn StreamReader, offset: u64, len: u64) -> Option<Vec<u8>> {
    let fits = offset.checked_add(len).is_some_and(|end| end <= stream.len());
    let mut bytes = vec![0; if fits { fields::size(len).ok()? } else { return None }];
    stream.read_at(offset, &mut bytes).ok()?;
    Some(bytes)
}

fn header_at(stream: &dyn StreamReader, offset: u64) -> Option<Header> {
    let prefix = bytes_at(stream, offset, header::PREFIX as u64)?;
    let length = Header::length(prefix.first_chunk()?).ok()?;
    Header::decode(&bytes_at(stream, offset, length as u64)?).ok()
}

/// The segment at `offset`, if its header and its stored bytes are intact.
fn segment_at(
    stream: &dyn StreamReader,
    offset: u64,
    header: &Header,
    limits: &Limits,
) -> Result<Option<(SegmentHeader, u64)>> {
    let read = || {
        let prefix = bytes_at(stream, offset, segment::PREFIX as u64)?;
        let length = SegmentHeader::length(prefix.first_chunk()?).ok()? as u64;
        let header = SegmentHeader::decode(&bytes_at(stream, offset, length)?, header.formats.len()).ok()?;
        Some((header, offset + length))
    };
    let Some((found, stored_offset)) = read() else { return Ok(None) };
    match check_segment(&found, header, limits) {
        Ok(()) => {}
        Err(e) if e.kind() == ErrorKind::Limit => return Err(e),
        Err(_) => return Ok(None),
    }
    let stored = bytes_at(stream, stored_offset, found.stored_len());
    let intact = stored.is_some_and(|bytes| crc32c::crc32c(&bytes) == found.stored_crc);
    Ok(intact.then_some((found, stored_offset)))
}
