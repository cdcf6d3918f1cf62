//! Encodes content to a stream: segments are read in order, encoded in parallel, and written in order.

use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use lab_codec::{
    Build, Carrier, Context, Digest, Error, Hint, Observer, Registry, Resources, Result, StreamWriter,
};
use lab_process::standard;
use sha2::{Digest as _, Sha256};

use crate::buffers::{Buffers, reserve};
use crate::chain::Chain;
use crate::container::{Header, SegmentHeader, Writer};
use crate::ordered::ordered;
use crate::pipeline::{Encoded, Pipeline};
use crate::reads;

/// Default segment size in bytes: large enough for the windows of most codecs, small enough for random access
/// and for parallel work.
pub const SEGMENT: u64 = 16 << 20;

/// Segment size, threads and bypass.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Bytes of a segment; 0 puts the whole content into one segment.
    pub segment: u64,
    /// Total number of threads.
    pub threads: usize,
    /// Whether a segment that the chain would grow is stored unchanged.
    pub bypass: bool,
}

impl Default for Options {
    /// Segments of 16 MiB, one thread, bypass on.
    fn default() -> Self {
        Self { segment: SEGMENT, threads: 1, bypass: true }
    }
}

/// Sizes and digest of an encoded stream.
#[derive(Debug, Clone, Copy)]
pub struct Summary {
    /// Bytes of content.
    pub bytes: u64,
    /// SHA-256 of the content.
    pub sha256: Digest,
    /// Bytes of the stream.
    pub stream_len: u64,
    /// Stored segment bytes within the stream.
    pub stored: u64,
    /// Number of segments.
    pub segments: u64,
    /// Segments stored unchanged because the chain would not shrink them.
    pub bypassed: u64,
}

/// Content to encode, with its length if known.
pub struct Input<'a> {
    /// The bytes.
    pub reader: Box<dyn Read + Send + 'a>,
    /// Number of bytes, if known in advance.
    pub len: Option<u64>,
    /// The file's name without any directory; empty for a pipe.
    pub name: String,
}

impl Input<'static> {
    /// Opens a file or a pipe; `-` is standard input.
    ///
    /// # Errors
    /// I/O errors; [`Usage`](lab_codec::ErrorKind::Usage) for a directory.
    pub fn open(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            return Ok(Self { reader: Box::new(standard::input()?), len: None, name: String::new() });
        }
        let at = |e: Error| e.at(path.display().to_string());
        let file = reads::open(path).map_err(at)?;
        if file.metadata().is_dir() {
            return Err(at(Error::usage(
                "a directory; `lab encode` takes one file (try `tar c DIR | lab encode ... -`)",
            )));
        }
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { len: file.size(), reader: Box::new(file), name })
    }

    /// Reads everything, up to the memory limit.
    ///
    /// # Errors
    /// I/O errors; [`Limit`](lab_codec::ErrorKind::Limit).
    pub fn read_whole(self, cx: &Context) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader.take(cx.limits().memory.saturating_add(1)).read_to_end(&mut bytes)?;
        cx.limits().check_memory(bytes.len() as u64, "the input")?;
        Ok(bytes)
    }
}

/// Builds the carrier of a chain; by default the registry's first carrier with default parameters.
///
/// # Errors
/// [`Usage`](lab_codec::ErrorKind::Usage) if the registry has no carrier; the carrier's own errors.
pub fn carrier_of(chain: &Chain, registry: &Registry) -> Result<Arc<dyn Carrier>> {
    let Some(stage) = &chain.carrier else {
        let first = registry.carriers().next();
        return first.ok_or_else(|| Error::usage("no carrier is registered"))?.1;
    };
    match stage.entry.build {
        Build::Carrier(build) => build(&stage.params, &Resources::default()),
        Build::Codec(_) => Err(Error::usage(format!("{:?} is not a carrier", stage.entry.info.id))),
    }
}

/// Maximum buffer reserved for a segment of unknown length, in bytes.
const MAX_RESERVE: u64 = 64 << 20;

struct Piece {
    number: u64,
    raw_offset: u64,
    raw: Vec<u8>,
}

struct Done {
    header: SegmentHeader,
    raw: Vec<u8>,
    encoded: Option<Vec<u8>>,
}

/// Encodes `input` with `pipeline`, built from the codecs of `chain`, onto `medium`, created by the chain's
/// carrier.
///
/// # Errors
/// Errors of the input, the codecs and the medium.
pub fn encode(
    mut input: Input,
    chain: &Chain,
    pipeline: &Pipeline,
    medium: Box<dyn StreamWriter + '_>,
    options: Options,
    cx: &Context,
) -> Result<Summary> {
    let header = Header {
        tag: 0,
        chain: chain.codecs_text(),
        formats: pipeline.formats(),
        segment_size: options.segment,
        resources: chain.resources(),
    };
    let chain_text = chain.to_string();
    let mut writer = Writer::new(medium, header);
    let buffers = Buffers::default();
    let hash = Mutex::new(Sha256::new());
    let (mut number, mut raw_offset) = (0, 0);
    let (mut stored, mut bypassed) = (0, 0);
    // Threads beyond the number of segments would only cost their start.
    let segments = match (input.len, options.segment) {
        (None, _) => u64::MAX,
        (Some(_), 0) => 1,
        (Some(len), segment) => len.div_ceil(segment),
    };
    ordered(
        options.threads.min(segments.max(1).try_into().unwrap_or(usize::MAX)),
        || {
            cx.check()?;
            let known = input.len.map(|len| len.saturating_sub(raw_offset));
            let mut raw = buffers.take();
            read_piece(&mut input.reader, options.segment, known, &mut raw, cx)?;
            if raw.is_empty() {
                return Ok(None);
            }
            hash.lock().expect("hashing does not panic").update(&raw);
            let piece = Piece { number, raw_offset, raw };
            number += 1;
            raw_offset += piece.raw.len() as u64;
            Ok(Some(piece))
        },
        || pipeline.worker(),
        |worker, piece: Piece| {
            let len = piece.raw.len() as u64;
            let progress = Arc::new(PieceProgress { outer: cx.clone(), done: AtomicU64::new(0), len });
            let mut out = buffers.take();
            out.clear();
            let inner = cx.clone().with_observer(progress.clone());
            let (outcome, stage_lens) = worker
                .encode(&piece.raw, &mut out, options.bypass, &inner)
                .map_err(|e| e.at(format!("segment {}", piece.number)))?;
            progress.complete();
            let raw_crc = crc32c::crc32c(&piece.raw);
            let encoded = if outcome == Encoded::Changed {
                Some(out)
            } else {
                buffers.give(out);
                None
            };
            let header = SegmentHeader {
                tag: 0,
                number: piece.number,
                raw_offset: piece.raw_offset,
                raw_len: len,
                bypassed: outcome == Encoded::Bypassed,
                stage_lens,
                raw_crc,
                stored_crc: encoded.as_deref().map_or(raw_crc, crc32c::crc32c),
            };
            Ok(Done { header, raw: piece.raw, encoded })
        },
        |done: Done| {
            cx.check()?;
            stored += done.header.stored_len();
            bypassed += u64::from(done.header.bypassed);
            writer.segment(done.header, done.encoded.as_deref().unwrap_or(&done.raw))?;
            buffers.give(done.raw);
            if let Some(encoded) = done.encoded {
                buffers.give(encoded);
            }
            Ok(())
        },
    )?;
    let (segments, bytes) = writer.next();
    let sha256 = Digest(hash.into_inner().expect("hashing does not panic").finalize().into());
    let stream_len = writer.finish(&input.name, &chain_text, sha256)?;
    Ok(Summary { bytes, sha256, stream_len, stored, segments, bypassed })
}

/// Fills `raw` with the next segment: `segment` bytes, or the whole rest if `segment` is 0.
fn read_piece(
    reader: &mut impl Read,
    segment: u64,
    known: Option<u64>,
    raw: &mut Vec<u8>,
    cx: &Context,
) -> Result<()> {
    let limit = if segment == 0 { cx.limits().output } else { segment };
    // Reads one byte beyond the expected length, so that the end is seen without growing the buffer. For an
    // input of unknown length, at most `MAX_RESERVE` bytes are reserved.
    let expected = known.unwrap_or(segment.min(MAX_RESERVE)).min(limit);
    raw.clear();
    reserve(raw, expected as usize + usize::from(segment == 0));
    reader.by_ref().take(limit).read_to_end(raw)?;
    if segment == 0 && raw.len() as u64 == limit && reader.read(&mut [0])? > 0 {
        let text = format!("the content exceeds {limit} bytes, the maximum of one segment");
        return Err(Error::limit(text).with_hint(Hint::RaiseMemoryLimit));
    }
    Ok(())
}

/// Forwards a codec's progress, so that each segment counts for exactly its length.
struct PieceProgress {
    outer: Context,
    done: AtomicU64,
    len: u64,
}

impl PieceProgress {
    fn complete(&self) {
        self.advance(self.len);
    }
}

impl Observer for PieceProgress {
    fn advance(&self, bytes: u64) {
        let before = self.done.fetch_add(bytes, Ordering::Relaxed);
        let fresh = self.len.saturating_sub(before).min(bytes);
        if fresh > 0 {
            self.outer.observer().advance(fresh);
        }
    }

    fn metric(&self, name: &'static str, value: f64) {
        self.outer.observer().metric(name, value);
    }
}
