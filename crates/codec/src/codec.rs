//! Codecs: transforms on one segment.

use std::ops::Range;

use crate::{Context, Error, Memory, Params, Result};

/// A configured transform. Cheap to share; the state that encoding needs lives in its [`Worker`]s.
pub trait Codec: Send + Sync {
    /// A new worker. One per thread, reused over many segments, so that buffers and contexts are made once.
    fn worker(&self) -> Box<dyn Worker>;

    /// Peak memory of one worker for segments of `len` bytes, where parameters alone do not determine it, as
    /// with a codec that runs other codecs. By default [`Info::memory`](crate::Info::memory).
    fn memory(&self, len: u64) -> Option<Memory> {
        let _ = len;
        None
    }

    /// The choice that was made for this segment, as canonical text; None for most codecs. For listings: the
    /// result for damaged bytes is arbitrary.
    fn choice(&self, stored: &[u8]) -> Option<String> {
        let _ = stored;
        None
    }
}

/// Peak memory of one worker of `codec`, which was built from `params`, for segments of `len` bytes.
pub fn memory_of(codec: &dyn Codec, params: &Params, len: u64) -> Memory {
    codec.memory(len).unwrap_or_else(|| (params.info().memory)(params, len))
}

/// Encodes and decodes segments, one at a time.
/// Every method appends to `out` and keeps its earlier contents. After an error the appended part is
/// unspecified. No input may cause a panic or an allocation beyond `cx.limits()`.
pub trait Worker: Send {
    /// Appends the encoded form of `input` to `out`. The result depends only on `input` and the codec's
    /// parameters.
    ///
    /// # Errors
    /// [`Limit`](crate::ErrorKind::Limit) where the input is too long for the codec,
    /// [`Cancelled`](crate::ErrorKind::Cancelled), or a failure of the tool behind it.
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()>;

    /// Appends exactly `raw_len` bytes to `out`, or fails.
    ///
    /// The caller has checked `raw_len` against the limits; a decoder may allocate that much, and must
    /// check every other size that it reads from `input` before it allocates.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) or [`Truncated`](crate::ErrorKind::Truncated) where `input` is
    /// not the encoded form of `raw_len` bytes; [`Limit`](crate::ErrorKind::Limit).
    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()>;

    /// Appends the bytes `range` of the raw segment to `out`. The default decodes everything; a codec with
    /// [`range_decode`](crate::Capabilities::range_decode) does better.
    ///
    /// # Errors
    /// As [`decode`](Self::decode); a range outside `0..raw_len` is [`Usage`](crate::ErrorKind::Usage).
    fn decode_range(
        &mut self,
        input: &[u8],
        raw_len: usize,
        range: Range<usize>,
        out: &mut Vec<u8>,
        cx: &Context,
    ) -> Result<()> {
        check_range(&range, raw_len)?;
        let start = out.len();
        self.decode(input, raw_len, out, cx)?;
        out.truncate(start + range.end);
        out.drain(start..start + range.start);
        Ok(())
    }
}

/// Checks that a range is within a segment of `raw_len` bytes.
///
/// # Errors
/// [`Usage`](crate::ErrorKind::Usage) for a range outside it.
pub fn check_range(range: &Range<usize>, raw_len: usize) -> Result<()> {
    if range.start > range.end || range.end > raw_len {
        return Err(Error::usage(format!("range {}..{} is outside 0..{raw_len}", range.start, range.end)));
    }
    Ok(())
}
