//! Reads plain `.zst` files of other programs as a stream.

use std::io::{ErrorKind as IoKind, Read, Write};
use std::num::NonZeroU32;

use lab_codec::{Context, Error, ErrorKind, Hint, Result};
use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};

use crate::{error, memory};

/// Window sizes that the library accepts, as powers of two.
const WINDOW_LOGS: std::ops::RangeInclusive<u32> = 10..=31;

/// First bytes of a dictionary that `zstd --train` makes; its id follows (RFC 8878, 6).
const DICTIONARY_MAGIC: [u8; 4] = [0x37, 0xA4, 0x30, 0xEC];
/// First bytes of a frame.
const FRAME_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// Bytes that hold any frame header (RFC 8878, 3.1.1.1).
const FRAME_HEADER: usize = 18;

/// Finds a dictionary by the id in a frame header. Without an id, the result is bytes that a frame may refer
/// to: a dictionary of raw content, or the older version for `zstd --patch-from`.
pub type Find<'a> = dyn FnMut(Option<NonZeroU32>) -> Result<Option<Vec<u8>>> + 'a;

/// The id of a dictionary, from its first bytes; `None` for raw content.
pub fn dictionary_id(head: &[u8]) -> Option<NonZeroU32> {
    let rest = head.strip_prefix(&DICTIONARY_MAGIC)?;
    NonZeroU32::new(u32::from_le_bytes(*rest.first_chunk()?))
}

/// Whether a frame begins so, or a skippable frame, with which `pzstd` begins (RFC 8878, 3.1.2).
fn is_frame(head: &[u8]) -> bool {
    head.starts_with(&FRAME_MAGIC) || (head.get(1..4) == Some(&[0x2A, 0x4D, 0x18]) && head[0] & 0xF0 == 0x50)
}

/// Decodes a `.zst` stream of any number of frames, skippable frames included; zeros between and behind
/// frames are padding. Returns the number of decoded bytes. Memory is the frame's window, its dictionary, and
/// two buffers of 128 KiB.
///
/// # Errors
/// [`Unsupported`](lab_codec::ErrorKind::Unsupported) for other formats;
/// [`MissingResource`](lab_codec::ErrorKind::MissingResource) for a dictionary that `find` does not know;
/// corrupt and truncated input; [`Limit`](lab_codec::ErrorKind::Limit) where the output or the window is
/// larger than the limits of `cx`; cancellation; errors of `reader`, `writer` and `find`.
pub fn decode_foreign(
    mut reader: impl Read,
    writer: &mut dyn Write,
    find: &mut Find,
    cx: &Context,
) -> Result<u64> {
    let largest = WINDOW_LOGS.rev().find(|log| memory::range_decoder(1 << log) <= cx.limits().memory);
    let Some(largest) = largest else {
        return Err(Error::limit("the memory limit is too small for any zstd window"));
    };
    let mut input = Input { buffer: Vec::with_capacity(DCtx::in_size()), used: 0, offset: 0 };
    let mut output = Vec::with_capacity(DCtx::out_size());
    let mut total = 0_u64;
    let mut dictionary: Option<(Option<NonZeroU32>, Option<Vec<u8>>)> = None;
    if input.fill(&mut reader, 1)?.is_empty() {
        return Err(Error::truncated("the zstd stream is empty"));
    }
    while input.skip_zeros(&mut reader)? {
        let offset = input.offset;
        let header = input.fill(&mut reader, FRAME_HEADER)?;
        if header.len() < FRAME_MAGIC.len() && (FRAME_MAGIC.starts_with(header) || header[0] & 0xF0 == 0x50) {
            return Err(Error::truncated("the zstd stream ends within a frame"));
        }
        if !is_frame(header) {
            let text = format!("the bytes at {offset} are neither a zstd frame nor zeros");
            return Err(if offset == 0 { Error::unsupported(text) } else { Error::corrupt(text) });
        }
        // The library takes a skippable frame's variant for an id.
        let id = zstd_safe::get_dict_id_from_frame(header).filter(|_| header.starts_with(&FRAME_MAGIC));
        if dictionary.as_ref().is_none_or(|(known, _)| *known != id) {
            dictionary = Some((id, find(id)?));
        }
        let prefix = dictionary.as_ref().and_then(|(_, bytes)| bytes.as_deref());
        if let (Some(id), None) = (id, prefix) {
            return Err(Error::new(ErrorKind::MissingResource, format!("the frame needs dictionary {id}"))
                .with_hint(Hint::FindResource));
        }
        let mut context = DCtx::try_create().ok_or_else(|| Error::limit("zstd: no memory for a context"))?;
        context.set_parameter(DParameter::WindowLogMax(largest)).map_err(error::decoding)?;
        match (id, prefix) {
            (Some(_), Some(bytes)) => drop(context.load_dictionary(bytes).map_err(error::decoding)?),
            (None, Some(bytes)) => drop(context.ref_prefix(bytes).map_err(error::decoding)?),
            _ => {}
        }
        loop {
            cx.check()?;
            let mut source = InBuffer::around(input.fill(&mut reader, 1)?);
            let available = source.src.len();
            output.clear();
            let mut sink = OutBuffer::around(&mut output);
            let wanted = context.decompress_stream(&mut sink, &mut source).map_err(error::decoding)?;
            let taken = source.pos();
            total += output.len() as u64;
            cx.limits().check_output(total, "the content")?;
            writer.write_all(&output)?;
            input.take(taken);
            if wanted == 0 {
                break;
            }
            if available == 0 && output.is_empty() {
                return Err(Error::truncated("the zstd stream ends within a frame"));
            }
        }
    }
    Ok(total)
}

/// Bytes of the reader that are not decoded yet.
struct Input {
    buffer: Vec<u8>,
    used: usize,
    /// Offset in the stream of the first byte that is not used.
    offset: u64,
}

impl Input {
    /// The unused bytes, at least `least` of them unless the reader ends.
    fn fill(&mut self, reader: &mut impl Read, least: usize) -> Result<&[u8]> {
        if self.buffer.len() - self.used < least {
            self.buffer.drain(..self.used);
            self.used = 0;
            while self.buffer.len() < least {
                let filled = self.buffer.len();
                self.buffer.resize(DCtx::in_size().max(least), 0);
                let got = reader.read(&mut self.buffer[filled..]);
                self.buffer.truncate(filled + got.as_ref().map_or(0, |count| *count));
                match got {
                    Ok(0) => break,
                    Err(e) if e.kind() != IoKind::Interrupted => return Err(e.into()),
                    _ => {}
                }
            }
        }
        Ok(&self.buffer[self.used..])
    }

    fn take(&mut self, count: usize) {
        self.used += count;
        self.offset += count as u64;
    }

    /// Passes over zeros; returns whether bytes follow.
    fn skip_zeros(&mut self, reader: &mut impl Read) -> Result<bool> {
        loop {
            let bytes = self.fill(reader, 1)?;
            if bytes.is_empty() {
                return Ok(false);
            }
            let zeros = bytes.iter().position(|byte| *byte != 0);
            let count = zeros.unwrap_or(bytes.len());
            self.take(count);
            if zeros.is_some() {
                return Ok(true);
            }
        }
    }
}
