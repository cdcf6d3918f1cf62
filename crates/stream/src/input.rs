//! Identifies an input: a stream on a carrier, a Zstandard file, or a foreign file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use lab_codec::{Context, Error, ErrorKind, Probe, Registry, Result, Source, StreamReader};

use crate::container::{self, MAGIC};
use crate::reads;

/// Bytes read for probing.
const PROBE_BYTES: u64 = 4096;
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// A skippable frame, which may come first (RFC 8878, 3.1.2), has this behind its first byte, 0x50 to 0x5F.
const SKIPPABLE_MAGIC: [u8; 3] = [0x2A, 0x4D, 0x18];

/// An open input.
pub enum Medium {
    /// A stream on a carrier.
    Stream {
        /// The carrier's id.
        carrier: &'static str,
        /// The stream.
        stream: Arc<dyn StreamReader>,
    },
    /// A plain Zstandard file.
    Zstd,
}

/// A pipe's kind, by its first bytes, and a reader from its first byte on.
pub enum Pipe {
    /// A `.lab` stream.
    Stream(Box<dyn Read + Send>),
    /// A plain Zstandard file.
    Zstd(Box<dyn Read + Send>),
}

fn is_zstd(head: &[u8]) -> bool {
    head.starts_with(&ZSTD_MAGIC) || (head.get(1..4) == Some(&SKIPPABLE_MAGIC) && head[0] & 0xF0 == 0x50)
}

/// Reads the first bytes of a file; empty for a directory.
fn head_of(path: &Path) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    if !path.is_dir() {
        File::open(path)?.take(PROBE_BYTES).read_to_end(&mut head)?;
    }
    Ok(head)
}

/// Opens `path` on the carrier that recognises it.
///
/// # Errors
/// [`Unsupported`](ErrorKind::Unsupported) for a foreign file, with its type, and for several streams in one
/// file; I/O errors; damage.
pub fn open(registry: &Registry, path: &Path, cx: &Context) -> Result<Medium> {
    let mut media = open_all(registry, path, cx)?;
    match media.len() {
        1 => Ok(media.remove(0)),
        n => Err(Error::unsupported(format!(
            "the file holds {n} streams, one after the other; `lab decode` reads them"
        ))
        .at(path.display().to_string())),
    }
}

/// Opens every stream in `path`: a file may hold several, one after the other.
///
/// # Errors
/// As [`open`].
pub fn open_all(registry: &Registry, path: &Path, cx: &Context) -> Result<Vec<Medium>> {
    let opened = open_at(registry, path, cx).and_then(|medium| match medium {
        // A medium with a summary of its own holds one stream.
        Medium::Stream { carrier, stream } if stream.summary().is_none() => {
            let streams = container::streams(&stream)?.into_iter();
            Ok(streams.map(|stream| Medium::Stream { carrier, stream }).collect())
        }
        medium => Ok(vec![medium]),
    });
    opened.map_err(|e| e.at(path.display().to_string()))
}

/// Opens what a carrier recognises in `path`, without looking for several streams in it.
///
/// # Errors
/// As [`open`].
pub fn open_whole(registry: &Registry, path: &Path, cx: &Context) -> Result<Medium> {
    open_at(registry, path, cx).map_err(|e| e.at(path.display().to_string()))
}

fn open_at(registry: &Registry, path: &Path, cx: &Context) -> Result<Medium> {
    if path == Path::new("-") {
        return Err(Error::usage(
            "this command needs random access; save standard input to a file and name that file",
        ));
    }
    reads::protect(path);
    let kind = path.metadata()?.file_type();
    if !kind.is_file() && !kind.is_dir() {
        return Err(Error::usage("not a regular file; `lab decode -` reads a stream from standard input"));
    }
    let head = head_of(path)?;
    let source = Source { path, head: &head };
    let mut refusal = None;
    for wanted in [Probe::Yes, Probe::Maybe] {
        for (info, carrier) in registry.carriers() {
            let carrier = carrier?;
            if carrier.probe(&source) != wanted {
                continue;
            }
            match carrier.open(&source, cx) {
                Ok(stream) => return Ok(Medium::Stream { carrier: info.id, stream: stream.into() }),
                Err(e) if wanted == Probe::Maybe && e.kind() == ErrorKind::Unsupported => refusal = Some(e),
                Err(e) => return Err(e),
            }
        }
    }
    if is_zstd(&head) {
        return Ok(Medium::Zstd);
    }
    Err(refusal.unwrap_or_else(|| foreign(&head, path.is_dir())))
}

/// Identifies standard input by its first bytes.
///
/// # Errors
/// [`Unsupported`](ErrorKind::Unsupported) for a format that cannot be read front to back.
pub fn open_pipe(mut pipe: Box<dyn Read + Send>) -> Result<Pipe> {
    let mut head = Vec::new();
    pipe.by_ref().take(PROBE_BYTES).read_to_end(&mut head)?;
    let all = |head: Vec<u8>| Box::new(io::Cursor::new(head).chain(pipe));
    if MAGIC.starts_with(&head[..head.len().min(MAGIC.len())]) && !head.is_empty() {
        Ok(Pipe::Stream(all(head)))
    } else if is_zstd(&head) {
        Ok(Pipe::Zstd(all(head)))
    } else if is_video(&head) {
        Err(Error::unsupported("a video cannot be read from a pipe; save it and name the file"))
    } else {
        Err(foreign(&head, false))
    }
}

fn is_video(head: &[u8]) -> bool {
    infer::get(head).is_some_and(|kind| kind.matcher_type() == infer::MatcherType::Video)
}

/// The error for a foreign file: its type, and the command that reads it.
fn foreign(head: &[u8], directory: bool) -> Error {
    if !head.is_empty() && MAGIC.starts_with(head) {
        return Error::truncated("the data ends inside the header of a .lab stream");
    }
    let text = if directory {
        "a directory that no carrier recognises".to_string()
    } else if head.is_empty() {
        "an empty file, not a .lab stream".to_string()
    } else {
        match infer::get(head) {
            Some(kind) => {
                let command = match kind.extension() {
                    "gz" => "; `gzip -d` reads it",
                    "xz" => "; `xz -d` reads it",
                    "bz2" => "; `bzip2 -d` reads it",
                    "lz4" => "; `lz4 -d` reads it",
                    "lz" => "; `lzip -d` reads it",
                    "Z" => "; `uncompress` reads it",
                    "zip" => "; `unzip` reads it",
                    "7z" => "; `7z x` reads it",
                    "tar" => "; `tar -x` reads it",
                    _ => "",
                };
                format!("not a .lab stream but {} ({}){command}", kind.extension(), kind.mime_type())
            }
            None => "not a .lab stream, and of an unknown type".to_string(),
        }
    };
    Error::unsupported(text)
}
