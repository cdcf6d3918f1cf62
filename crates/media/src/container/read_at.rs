//! Reads at any offset, from files and from memory.

use std::fs::File;
use std::io;

use lab_codec::{Context, Error, Result};

/// Random access to bytes, from several threads.
///
/// Files are read with positioned reads instead of being mapped. Truncating a mapped file kills the process,
/// and copying pieces that stay in the second-level cache costs less than page faults.
pub trait ReadAt: Send + Sync {
    /// The number of bytes.
    fn len(&self) -> u64;

    /// Whether the length is 0.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buf` with the bytes from `offset` on.
    ///
    /// # Errors
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) beyond the end; errors of the operating system.
    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()>;
}

/// Reads `size` bytes of `source` from `offset` on, once the memory limit allows them; `what` names them.
pub(crate) fn read_bytes(
    source: &dyn ReadAt,
    offset: u64,
    size: u64,
    what: &str,
    cx: &Context,
) -> Result<Vec<u8>> {
    cx.limits().check_memory(size, what)?;
    let size = usize::try_from(size)
        .map_err(|_| Error::limit(format!("{what} exceeds this machine's memory: {size} bytes")))?;
    let mut bytes = vec![0; size];
    source.read_exact_at(offset, &mut bytes)?;
    Ok(bytes)
}

/// Fills `buf` from `offset` on, as far as it lies before `end`, and returns the part that was filled.
pub(crate) fn read_before<'a>(
    source: &dyn ReadAt,
    offset: u64,
    end: u64,
    buf: &'a mut [u8],
) -> io::Result<&'a [u8]> {
    let left = usize::try_from(end.saturating_sub(offset)).map_or(buf.len(), |left| left.min(buf.len()));
    source.read_exact_at(offset, &mut buf[..left])?;
    Ok(&buf[..left])
}

/// A file with its length at the time of opening.
#[derive(Debug)]
pub struct OpenFile {
    file: File,
    len: u64,
}

impl OpenFile {
    /// Opens `file` with its current length.
    ///
    /// # Errors
    /// Errors of the operating system.
    pub fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, len })
    }
}

impl ReadAt for OpenFile {
    fn len(&self) -> u64 {
        self.len
    }

    #[cfg(unix)]
    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buf, offset)
    }

    #[cfg(windows)]
    fn read_exact_at(&self, mut offset: u64, mut buf: &mut [u8]) -> io::Result<()> {
        while !buf.is_empty() {
            match std::os::windows::fs::FileExt::seek_read(&self.file, buf, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    buf = &mut buf[n..];
                    offset += n as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        self.as_slice().len() as u64
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).ok().and_then(|at| self.get(at..)?.get(..buf.len()));
        buf.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}
