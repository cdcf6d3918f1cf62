//! Streams one after the other in one file, as `cat` makes them, with zeros as padding between and behind.

use std::sync::Arc;

use lab_codec::{Context, Error, Lost, Result, StreamReader, Summary};
use memchr::memmem;

use super::{MAGIC, TRAILER_LEN, TRAILER_MARK, Trailer, fields};

/// Bytes read at once in a search.
const WINDOW_BYTES: u64 = 1 << 20;

/// A part of a larger stream of bytes.
struct Part {
    whole: Arc<dyn StreamReader>,
    start: u64,
    len: u64,
}

impl StreamReader for Part {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<Lost> {
        lab_codec::check_read(offset, buf.len(), self.len)?;
        let lost = self.whole.read_at(self.start + offset, buf)?;
        Ok(lost.into_iter().map(|range| range.start - self.start..range.end - self.start).collect())
    }

    fn summary(&self) -> Option<Summary> {
        None
    }
}

fn part(whole: &Arc<dyn StreamReader>, (start, end): (u64, u64)) -> Arc<dyn StreamReader> {
    if (start, end) == (0, whole.len()) {
        return whole.clone();
    }
    Arc::new(Part { whole: whole.clone(), start, len: end - start })
}

/// The streams in `whole`, which begins with one. Zeros between and behind them are left out.
///
/// # Errors
/// [`Corrupt`](lab_codec::ErrorKind::Corrupt) if other bytes lie between streams, with the offset; errors of
/// the medium. If the end of `whole` is no trailer, the result is `whole`, for its reader to say what is
/// wrong.
pub fn streams(whole: &Arc<dyn StreamReader>) -> Result<Vec<Arc<dyn StreamReader>>> {
    let (ranges, rest) = from_back(&**whole)?;
    if ranges.is_empty() {
        return Ok(vec![whole.clone()]);
    }
    if rest > 0 {
        return Err(Error::corrupt(format!("the bytes before byte {rest} are no stream that ends there")));
    }
    Ok(ranges.into_iter().rev().map(|range| part(whole, range)).collect())
}

/// As [`streams`], for a damaged file: what is neither a stream nor padding is a part of its own.
///
/// # Errors
/// Errors of the medium; cancellation.
pub fn pieces(whole: &Arc<dyn StreamReader>, cx: &Context) -> Result<Vec<Arc<dyn StreamReader>>> {
    let (mut back, end) = from_back(&**whole)?;
    let mut ranges = Vec::new();
    let mut start = 0;
    while start < end {
        let Some(next) = stream_at(&**whole, start, end, cx)? else {
            ranges.push((start, end));
            break;
        };
        ranges.push((start, next));
        start = skip_zeros(&**whole, next, end)?;
    }
    back.reverse();
    ranges.extend(back);
    Ok(ranges.into_iter().map(|range| part(whole, range)).collect())
}

/// Ranges of the streams that end where the next begins, the last one first, and where the first of them
/// begins: a trailer states the length of its stream.
fn from_back(whole: &dyn StreamReader) -> Result<(Vec<(u64, u64)>, u64)> {
    let mut ranges = Vec::new();
    let mut end = whole.len();
    while end > 0 {
        let Some(range) = ending_at(whole, end)? else { break };
        ranges.push(range);
        end = range.0;
    }
    Ok((ranges, end))
}

/// The stream that ends at `end`, or before zeros there.
fn ending_at(whole: &dyn StreamReader, end: u64) -> Result<Option<(u64, u64)>> {
    let used = without_zeros(whole, end)?;
    // The last bytes of a trailer may be zeros themselves.
    for end in used..=end.min(used + TRAILER_LEN as u64) {
        let Some(at) = end.checked_sub(TRAILER_LEN as u64) else { continue };
        let bytes = read(whole, at, TRAILER_LEN as u64)?;
        let trailer = bytes.first_chunk().and_then(|bytes| Trailer::decode(bytes).ok());
        if let Some(start) = trailer.and_then(|trailer| end.checked_sub(trailer.stream_len))
            && read(whole, start, MAGIC.len() as u64)? == MAGIC
        {
            return Ok(Some((start, end)));
        }
    }
    Ok(None)
}

/// The end of the stream that begins at `start`, if its trailer is intact.
fn stream_at(whole: &dyn StreamReader, start: u64, end: u64, cx: &Context) -> Result<Option<u64>> {
    if end - start < TRAILER_LEN as u64 || read(whole, start, MAGIC.len() as u64)? != MAGIC {
        return Ok(None);
    }
    let mut at = start;
    while at + TRAILER_LEN as u64 <= end {
        cx.check()?;
        let window = read(whole, at, (end - at).min(WINDOW_BYTES))?;
        for mark in memmem::find_iter(&window, &TRAILER_MARK) {
            let mark = at + mark as u64;
            if mark + TRAILER_LEN as u64 > end {
                break;
            }
            let bytes = read(whole, mark, TRAILER_LEN as u64)?;
            let trailer = bytes.first_chunk().and_then(|bytes| Trailer::decode(bytes).ok());
            let stop = mark + TRAILER_LEN as u64;
            // A stream within this one has a trailer, too, but a shorter length.
            if trailer.is_some_and(|trailer| trailer.stream_len == stop - start) {
                return Ok(Some(stop));
            }
        }
        if window.len() as u64 == end - at {
            break;
        }
        at += window.len() as u64 - (TRAILER_MARK.len() as u64 - 1);
    }
    Ok(None)
}

/// Where the bytes before `end` that are not zero end.
fn without_zeros(whole: &dyn StreamReader, mut end: u64) -> Result<u64> {
    while end > 0 {
        let size = end.min(WINDOW_BYTES);
        let window = read(whole, end - size, size)?;
        if let Some(last) = window.iter().rposition(|byte| *byte != 0) {
            return Ok(end - size + last as u64 + 1);
        }
        end -= size;
    }
    Ok(0)
}

/// The first byte from `start` on that is not zero.
fn skip_zeros(whole: &dyn StreamReader, mut start: u64, end: u64) -> Result<u64> {
    while start < end {
        let window = read(whole, start, (end - start).min(WINDOW_BYTES))?;
        if let Some(first) = window.iter().position(|byte| *byte != 0) {
            return Ok(start + first as u64);
        }
        start += window.len() as u64;
    }
    Ok(end)
}

fn read(whole: &dyn StreamReader, offset: u64, len: u64) -> Result<Vec<u8>> {
    let mut bytes = vec![0; fields::size(len.min(whole.len().saturating_sub(offset)))?];
    whole.read_at(offset, &mut bytes)?;
    Ok(bytes)
}
