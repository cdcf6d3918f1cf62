//! Decodes a stream: in full, one range by the index, or what is intact of a damaged stream.

use std::io::Write;
use std::sync::Arc;

use lab_codec::{Context, Digest, Error, ErrorKind, Registry, Result, StreamReader};
use sha2::{Digest as _, Sha256};

use crate::buffers::Buffers;
use crate::chain::Chain;
use crate::container::{Ending, Header, Reader, Sequence, Stored, pieces, scan, trailer_of};
use crate::ordered::ordered;
use crate::pipeline::Pipeline;
use crate::resource::Store;

/// Builds the pipeline that a stream's header describes.
///
/// # Errors
/// An unknown codec or format, a missing resource, a chain text that is not canonical.
pub fn pipeline_of(header: &Header, registry: &Registry, store: &Store) -> Result<Pipeline> {
    let refuse = |e: Error| match e.kind() {
        // An invalid chain in a file is damage, not a usage error.
        ErrorKind::Usage | ErrorKind::Param => {
            Error::unsupported(e.message()).at(format!("the stream's chain {:?}", header.chain))
        }
        _ => e,
    };
    let chain = Chain::parse_codecs(registry, &header.chain).map_err(refuse)?;
    if chain.resources() != header.resources {
        return Err(Error::corrupt("the header's resource digests differ from those in its chain"));
    }
    Pipeline::build(&chain, &store.find(&header.resources)?, Some(&header.formats)).map_err(refuse)
}

/// Decodes a whole stream into `sink` and verifies content, index and trailer.
///
/// # Errors
/// Corrupt or truncated bytes, limits, errors of the sink.
pub fn decode(
    sequence: &mut Sequence,
    pipeline: &Pipeline,
    sink: &mut (dyn Write + Send),
    threads: usize,
    cx: &Context,
) -> Result<Ending> {
    let buffers = Buffers::default();
    let mut hash = Sha256::new();
    ordered(
        threads,
        || {
            cx.check()?;
            sequence.next_segment(buffers.take())
        },
        || pipeline.worker(),
        |worker, stored: Stored| {
            let (content, spare) = worker.decode(stored, buffers.take(), cx)?;
            buffers.give(spare);
            Ok(content)
        },
        |content: Vec<u8>| {
            cx.check()?;
            hash.update(&content);
            sink.write_all(&content).map_err(at_output)?;
            cx.observer().advance(content.len() as u64);
            buffers.give(content);
            Ok(())
        },
    )?;
    sink.flush().map_err(at_output)?;
    let ending = sequence.ending().cloned().ok_or_else(|| Error::truncated("the stream has no end"))?;
    if hash.finalize()[..] != ending.trailer.sha256.0 {
        return Err(Error::corrupt("the content does not match its SHA-256"));
    }
    Ok(ending)
}

/// Decodes the bytes `start..end` of the content into `sink`; reads only the segments that hold them.
///
/// # Errors
/// As for [`decode`]; a range outside the content.
pub fn extract(
    reader: &Reader,
    pipeline: &Pipeline,
    (start, end): (u64, u64),
    sink: &mut dyn Write,
    cx: &Context,
) -> Result<()> {
    if start > end || end > reader.trailer().bytes {
        return Err(Error::usage(format!(
            "range {start}..{end} is not within the content of {} bytes",
            reader.trailer().bytes
        )));
    }
    let mut worker = pipeline.worker();
    for number in reader.index().covering(start, end) {
        cx.check()?;
        let stored = reader.segment(number)?;
        let offset = stored.header.raw_offset;
        let range = start.saturating_sub(offset) as usize..(end - offset).min(stored.header.raw_len) as usize;
        let content = worker.decode_range(stored, range, cx)?;
        cx.observer().advance(content.len() as u64);
        sink.write_all(&content).map_err(at_output)?;
    }
    sink.flush().map_err(at_output)
}

/// Marks an error of the sink, to distinguish a full disk from an unreadable input.
fn at_output(error: std::io::Error) -> Error {
    Error::from(error).at("cannot write the output")
}

/// The result of a salvage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salvage {
    /// Bytes written, zeros for lost ranges included.
    pub bytes: u64,
    /// Segments recovered.
    pub segments: u64,
    /// Lost ranges of the content, zero in the output.
    pub lost: Vec<std::ops::Range<u64>>,
    /// SHA-256 of the content from the trailer or the medium; `None` if both lack it.
    pub expected: Option<Digest>,
    /// Whether the output has that SHA-256.
    pub complete: bool,
}

/// Salvages every stream in a file, one after the other.
///
/// # Errors
/// As [`salvage`], if nothing is intact.
pub fn salvage_all(
    whole: &Arc<dyn StreamReader>,
    registry: &Registry,
    store: &Store,
    sink: &mut dyn Write,
    cx: &Context,
) -> Result<Salvage> {
    let streams = pieces(whole, cx)?;
    let single = streams.len() == 1;
    let mut all = Salvage { bytes: 0, segments: 0, lost: Vec::new(), expected: None, complete: true };
    let mut nothing = None;
    for stream in streams {
        match salvage(&stream, registry, store, sink, cx) {
            Ok(found) => {
                let base = all.bytes;
                all.lost.extend(found.lost.iter().map(|range| base + range.start..base + range.end));
                all.bytes += found.bytes;
                all.segments += found.segments;
                all.complete &= found.complete;
                all.expected = found.expected.filter(|_| single);
            }
            Err(e) if e.kind() == ErrorKind::Corrupt => {
                all.complete = false;
                nothing = Some(e);
            }
            Err(e) => return Err(e),
        }
    }
    nothing.filter(|_| all.segments == 0).map_or(Ok(all), Err)
}

/// Writes every intact segment at its offset, and zeros for lost segments.
///
/// # Errors
/// Corrupt if no header is intact; errors of the sink.
pub fn salvage(
    stream: &Arc<dyn StreamReader>,
    registry: &Registry,
    store: &Store,
    sink: &mut dyn Write,
    cx: &Context,
) -> Result<Salvage> {
    let found = scan(&**stream, cx)?.ok_or_else(|| {
        Error::corrupt("neither a header nor its repetition is intact; nothing can be recovered")
    })?;
    let recorded = match trailer_of(&**stream) {
        Ok(trailer) => Some((trailer.bytes, trailer.sha256)),
        Err(_) => stream.summary().map(|s| (s.bytes, s.sha256)),
    };
    let pipeline = pipeline_of(&found.header, registry, store)?;
    let mut worker = pipeline.worker();
    let mut hash = Sha256::new();
    let mut result =
        Salvage { bytes: 0, segments: 0, lost: Vec::new(), expected: recorded.map(|t| t.1), complete: false };
    let mut buffer = Vec::new();
    let mut zeros_written = 0;
    let zeros = vec![0; 1 << 16];
    let fill = |from: u64, to: u64, hash: &mut Sha256, sink: &mut dyn Write| -> Result<()> {
        let mut left = to - from;
        while left > 0 {
            let piece = &zeros[..left.min(zeros.len() as u64) as usize];
            hash.update(piece);
            sink.write_all(piece)?;
            left -= piece.len() as u64;
        }
        Ok(())
    };
    for (header, offset) in found.segments {
        cx.check()?;
        let mut bytes = vec![0; header.stored_len() as usize];
        stream.read_at(offset, &mut bytes)?;
        let (raw_offset, raw_len) = (header.raw_offset, header.raw_len);
        // Skips an offset beyond the known end of the content: it would write zeros without bound.
        if recorded.is_some_and(|(len, _)| raw_offset + raw_len > len) {
            continue;
        }
        let stored = Stored { header, bytes, lost: Vec::new() };
        let (content, spare) = match worker.decode(stored, std::mem::take(&mut buffer), cx) {
            Ok(decoded) => decoded,
            Err(e) if matches!(e.kind(), ErrorKind::Corrupt | ErrorKind::Truncated) => continue,
            Err(e) => return Err(e),
        };
        if raw_offset > result.bytes {
            zeros_written += raw_offset - result.bytes;
            if recorded.is_none() && zeros_written > cx.limits().output {
                // The length is unknown and the gaps exceed the output limit: the offset may be false, so
                // stop.
                break;
            }
            fill(result.bytes, raw_offset, &mut hash, sink)?;
            result.lost.push(result.bytes..raw_offset);
        }
        hash.update(&content);
        sink.write_all(&content)?;
        result.bytes = raw_offset + raw_len;
        result.segments += 1;
        cx.observer().advance(raw_len);
        drop(content);
        buffer = spare;
    }
    if result.segments == 0 && recorded.is_none_or(|(len, _)| len > 0) {
        return Err(Error::corrupt("no segment is intact; nothing can be recovered"));
    }
    if let Some((len, _)) = recorded.filter(|(len, _)| *len > result.bytes) {
        fill(result.bytes, len, &mut hash, sink)?;
        result.lost.push(result.bytes..len);
        result.bytes = len;
    }
    sink.flush()?;
    result.complete = recorded.is_some_and(|(_, sha256)| hash.finalize()[..] == sha256.0);
    Ok(result)
}
