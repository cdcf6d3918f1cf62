//! Carriers: media that hold one finished byte stream and are read at any offset.

use std::io::Write;
use std::ops::Range;
use std::path::Path;

use crate::{Context, Digest, Error, Result};

/// The destination of a carrier.
pub enum Target<'a> {
    /// A file or directory. The caller gives a temporary path beside the final one, and renames it.
    Path(&'a Path),
    /// A pipe: written once, front to back. Only for carriers with [`pipe`](crate::Capabilities::pipe).
    Pipe(Box<dyn Write + Send + 'a>),
}

/// A source that a carrier recognises or opens.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The file or directory.
    pub path: &'a Path,
    /// Its first bytes (up to 4,096; empty for a directory).
    pub head: &'a [u8],
}

/// The result of probing a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Another kind of source.
    No,
    /// The carrier's kind (a video, a repository); opening it shows whether it holds a stream.
    Maybe,
    /// The carrier's kind, with a stream.
    Yes,
}

/// Summary of a complete stream. Carriers keep it beside or inside the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The name of the original file without any directory; empty for a pipe.
    pub name: String,
    /// The canonical text of the whole chain.
    pub chain: String,
    /// Bytes of original content.
    pub bytes: u64,
    /// SHA-256 of the original content.
    pub sha256: Digest,
}

/// Byte ranges of a read that the medium has lost, in stream offsets, ascending; the buffer holds zeros
/// there.
pub type Lost = Vec<Range<u64>>;

/// A medium for one byte stream.
pub trait Carrier: Send + Sync {
    /// File extension of this medium, without the dot.
    fn extension(&self) -> &'static str {
        "lab"
    }

    /// Whether it starts child processes, as [`external`](crate::Capabilities::external), where that depends
    /// on parameters.
    fn is_external(&self) -> bool {
        false
    }

    /// Whether `source` is of this kind. Must be quick and need no hint.
    fn probe(&self, source: &Source) -> Probe;

    /// Begins a new stream. The caller knows `name` and `chain` of the summary from the start; size and
    /// digest follow in [`finish`](StreamWriter::finish).
    ///
    /// # Errors
    /// I/O errors; [`MissingTool`](crate::ErrorKind::MissingTool).
    fn create<'a>(
        &self,
        target: Target<'a>,
        name: &str,
        chain: &str,
        cx: &Context,
    ) -> Result<Box<dyn StreamWriter + 'a>>;

    /// Opens a stream for reading.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) where the source is of the carrier's kind but holds no
    /// stream of ours; corruption, I/O errors.
    fn open(&self, source: &Source, cx: &Context) -> Result<Box<dyn StreamReader>>;
}

/// Writes a stream front to back.
pub trait StreamWriter: Send {
    /// Appends bytes.
    ///
    /// # Errors
    /// I/O errors and failures of an external tool.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;

    /// Ends a segment: a carrier whose reader may be waiting at the other end passes the data on.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    /// Completes the medium, data flushed to the file (the caller syncs and renames it).
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn finish(self: Box<Self>, summary: &Summary) -> Result<()>;
}

/// Reads a stream at any offset, from several threads.
pub trait StreamReader: Send + Sync {
    /// The length of the stream in bytes.
    fn len(&self) -> u64;

    /// Whether the stream has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buf` from `offset` on. Ranges that the medium lost are zeroed and returned.
    ///
    /// # Errors
    /// [`Truncated`](crate::ErrorKind::Truncated) past the end; I/O errors. Damage to some bytes is a loss,
    /// not an error: the stream's checksums decide what it costs.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<Lost>;

    /// The medium's own summary of the content, if it has one.
    fn summary(&self) -> Option<Summary> {
        None
    }
}

/// Checks a read of `wanted` bytes from `offset` on against the length of the stream.
///
/// # Errors
/// [`Truncated`](crate::ErrorKind::Truncated) past the end.
pub fn check_read(offset: u64, wanted: usize, len: u64) -> Result<()> {
    if offset.checked_add(wanted as u64).is_none_or(|end| end > len) {
        let what = format!("{wanted} bytes at offset {offset} go past the end of a stream of {len} bytes");
        return Err(Error::truncated(what));
    }
    Ok(())
}
